package io.lancebackfill.state;

/** Where a job stands. */
public enum JobStatus {
  /** A driver works on it. */
  RUNNING,
  /** Everything asked for is computed and committed. */
  DONE,
  /** As DONE, with rows that failed and are NULL by policy. */
  DONE_WITH_ERRORS,
  /** Ended early as asked, with work left; the same call goes on. */
  PAUSED,
  /** Ended by cancel_job. */
  CANCELLED,
  /** A dry run: nothing was computed. */
  PLANNED,
  /** Ended by a fault; what was finished is committed. */
  FAILED,
  /** Its driver was interrupted, or is gone without a word; the same call goes on. */
  INTERRUPTED
}
