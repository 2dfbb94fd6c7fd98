package io.lancebackfill.state;

/**
 * What a job did, in totals.
 *
 * @param fragmentsPlanned fragments with rows to compute
 * @param fragmentsCommitted fragments whose column file this job attached
 * @param fragmentsSkipped fragments of the table that needed nothing
 * @param rowsComputed rows on which the function ran
 * @param rowsFromCheckpoints rows taken over from an earlier job's finished work
 * @param rowsFailed rows that are NULL because the function failed on them
 * @param commits transactions that attached files
 * @param bytesWritten bytes of column files and checkpoints
 */
public record JobCounts(
    long fragmentsPlanned,
    long fragmentsCommitted,
    long fragmentsSkipped,
    long rowsComputed,
    long rowsFromCheckpoints,
    long rowsFailed,
    long commits,
    long bytesWritten) {
  public static final JobCounts NONE = new JobCounts(0, 0, 0, 0, 0, 0, 0, 0);
}
