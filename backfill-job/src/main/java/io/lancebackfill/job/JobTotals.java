package io.lancebackfill.job;

import io.lancebackfill.datasource.commit.CommitOutcome;
import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.JobCounts;

/** A job's counters while it runs. */
final class JobTotals {
  private final JobJournal journal;
  private final AttachmentNotes attachments;
  private long fragmentsPlanned;
  private long fragmentsCommitted;
  private long fragmentsSkipped;
  private long rowsComputed;
  private long rowsFromCheckpoints;
  private long commits;
  private long bytesWritten;
  private long rowsToCompute;

  JobTotals(JobJournal journal, AttachmentNotes attachments) {
    this.journal = journal;
    this.attachments = attachments;
  }

  void planned(long fragments, long skipped, long rows) {
    fragmentsPlanned += fragments;
    fragmentsSkipped = skipped;
    rowsToCompute += rows;
  }

  void computed(long rows, long fromCheckpoints, long bytes) {
    rowsComputed += rows;
    rowsFromCheckpoints += fromCheckpoints;
    bytesWritten += bytes;
  }

  /** Rows that this very job checkpointed and will read again: they are not taken over. */
  void ownCheckpoints(long rows) {
    rowsFromCheckpoints -= rows;
  }

  /** A file that an earlier driver finished will be committed as it is. */
  void adopted(ColumnOrigin origin, String fingerprint) {
    fragmentsPlanned++;
    for (ColumnOrigin.Part part : origin.parts()) {
      if (part.fingerprint().equals(fingerprint)) {
        rowsFromCheckpoints += part.computed().getLongCardinality();
      }
    }
  }

  void committed(CommitOutcome outcome) {
    fragmentsCommitted += outcome.committed().size();
    commits += outcome.commits();
    attachments.add(outcome);
    journal.committed(outcome.version(), counts(), rowsToCompute);
  }

  /** A task had to do without checkpoints. */
  void noCheckpoints(String cause) {
    journal.trouble(
        "Checkpoints could not be written, so a crash would have cost more work", cause);
  }

  AttachmentNotes attachments() {
    return attachments;
  }

  void tick(long liveRows) {
    journal.running(counts(), Math.max(liveRows, rowsComputed), rowsToCompute);
  }

  long rowsToCompute() {
    return rowsToCompute;
  }

  JobCounts counts() {
    return new JobCounts(
        fragmentsPlanned,
        fragmentsCommitted,
        fragmentsSkipped,
        rowsComputed,
        Math.max(0, rowsFromCheckpoints),
        0,
        commits,
        bytesWritten);
  }
}
