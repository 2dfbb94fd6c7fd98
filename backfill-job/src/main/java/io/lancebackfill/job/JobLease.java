package io.lancebackfill.job;

import io.lancebackfill.datasource.store.Lease;
import io.lancebackfill.datasource.store.LeaseHolder;
import io.lancebackfill.datasource.store.LeaseUnavailableException;
import io.lancebackfill.datasource.table.DatasetRef;
import java.time.Duration;
import java.util.function.Consumer;

/** The lease on one column's job, in the name of this driver process. */
final class JobLease {
  /** How often a waiting driver says again for whom it waits. */
  private static final Duration SAY_EVERY = Duration.ofSeconds(30);

  private JobLease() {}

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
