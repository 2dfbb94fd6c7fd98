package io.lancebackfill.job;

import io.lancebackfill.datasource.store.Lease;
import io.lancebackfill.datasource.store.LeaseHolder;
import io.lancebackfill.datasource.store.LeaseUnavailableException;
import io.lancebackfill.datasource.table.DatasetRef;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/** The lease on one column's job, in the name of this driver process. */
final class JobLease {
  /** How often a waiting driver says again for whom it waits. */
  private static final Duration SAY_EVERY = Duration.ofSeconds(30);

  /** Every so many jobs on a column look at everything anyway, and tidy up. */
  private static final long WHOLE_JOB_EVERY = 16;

  private JobLease() {}

  /**
   * Tells the next job on the column that nothing is to be done.
   *
   * @param version as long as this is the table's newest
   * @param records as long as this is the newest version of the records of files
   */
  static void leaveComplete(Lease lease, long version, long records) {
    lease.leave(complete(version, records));
  }

  private static String complete(long version, long records) {
    return "complete at version %d by version %d of its records".formatted(version, records);
  }

  /**
   * Counts a job that has nothing to do, as the last one said, and holds no lease for it.
   *
   * @param records of the columns' files, asked for only if there is something to compare with
   * @return the job's epoch; empty if it is not known to have nothing to do
   */
  static OptionalLong passIfComplete(DatasetRef lease, long version, LongSupplier records) {
    return Lease.pass(
        lease,
        (note, epoch) ->
            !note.isEmpty()
                && epoch % WHOLE_JOB_EVERY != 0
                && note.equals(complete(version, records.getAsLong())));
  }

  /** Waits until the lease is free, and says for whom. */
  static Lease acquire(
      DatasetRef lease, String jobId, Duration duration, Consumer<String> notices) {
    LeaseHolder me = LeaseHolder.of(jobId);
    // Long enough to see that a holder does not renew any more.
    Duration patience = duration.multipliedBy(2).plus(SAY_EVERY);
    while (true) {
      try {
        return Lease.acquire(
            lease, me, duration, holder -> notices.accept(waiting(holder)), patience);
      } catch (LeaseUnavailableException e) {
        notices.accept("still " + waiting(e.holder()));
      }
    }
  }

  private static String waiting(LeaseHolder holder) {
    return "waits for job %s, which fills this column since %s (driver %s, process %d on %s)"
        .formatted(holder.jobId(), holder.since(), holder.driver(), holder.pid(), holder.host());
  }
}
