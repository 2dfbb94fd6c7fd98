package io.lancebackfill.datasource.store;

import java.io.Serializable;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.UUID;

/**
 * Who holds a lease. Times are ISO-8601 in UTC.
 *
 * @param driver unique to one acquisition, even within a process
 * @param epoch counts the holders of a lease, from 1
 * @param host the machine since its last start, so that process ids mean something
 * @param pid process id
 * @param processStart when that process began; empty if the system does not say
 * @param jobId the job that the lease is held for
 * @param since when the lease was taken
 */
public record LeaseHolder(
    String driver,
    long epoch,
    String host,
    long pid,
    String processStart,
    String jobId,
    String since)
    implements Serializable {

  /** This process, for {@link Lease#acquire}; the epoch is given by the lease. */
  public static LeaseHolder of(String jobId) {
    return new LeaseHolder(
        UUID.randomUUID().toString(),
        0,
        ProcessIdentity.host(),
        ProcessHandle.current().pid(),
        ProcessIdentity.start(ProcessHandle.current()),
        jobId,
        Instant.now().truncatedTo(ChronoUnit.MILLIS).toString());
  }

  LeaseHolder withEpoch(long next) {
    String now = Instant.now().truncatedTo(ChronoUnit.MILLIS).toString();
    return new LeaseHolder(driver, next, host, pid, processStart, jobId, now);
  }
}
