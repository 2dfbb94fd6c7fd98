package io.lancebackfill.job;

import io.lancebackfill.datasource.store.Lease;
import io.lancebackfill.datasource.store.LeaseHolder;
import io.lancebackfill.datasource.table.DatasetRef;
import java.time.Duration;
import java.util.function.Consumer;

/** The lease on one column's job, in the name of this driver process. */
final class JobLease {
  private static final Duration PATIENCE = Duration.ofDays(30);

  private JobLease() {}

  /** Waits until the lease is free, and says for whom. */
  static Lease acquire(
      DatasetRef lease, String jobId, Duration duration, Consumer<String> notices) {
    return Lease.acquire(
        lease,
        LeaseHolder.of(jobId),
        duration,
        holder -> notices.accept(waiting(holder)),
        PATIENCE);
  }

  private static String waiting(LeaseHolder holder) {
    return "waits for job %s, which fills this column since %s (driver %s, process %d on %s)"
        .formatted(holder.jobId(), holder.since(), holder.driver(), holder.pid(), holder.host());
  }
}
