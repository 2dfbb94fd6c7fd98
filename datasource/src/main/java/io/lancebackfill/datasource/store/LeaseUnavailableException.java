package io.lancebackfill.datasource.store;

import io.lancebackfill.datasource.table.DatasetRef;

/** Another driver held a lease for longer than the caller wanted to wait. */
public final class LeaseUnavailableException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final LeaseHolder holder;

  LeaseUnavailableException(DatasetRef ref, LeaseHolder holder) {
    super(
        "The lease "
            + ref.display()
            + " is held by job "
            + holder.jobId()
            + " (process "
            + holder.pid()
            + " on "
            + holder.host()
            + ", since "
            + holder.since()
            + "). Wait for that job, cancel it, or allow a longer wait.");
    this.holder = holder;
  }

  /** Who holds it. */
  public LeaseHolder holder() {
    return holder;
  }
}
