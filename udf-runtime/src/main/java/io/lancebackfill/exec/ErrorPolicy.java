package io.lancebackfill.exec;

import java.io.Serializable;
import java.util.regex.Pattern;

/**
 * What becomes of rows on which a function fails.
 *
 * @param nulls whether such a row is NULL, with a record of it; else it fails the job
 * @param retries how often such a row is tried again, alone
 * @param backoffMs how long the first of these waits; each further one waits twice as long
 * @param retryOn a regular expression; only what is found in {@link RowFailure#problem} is tried
 *     again. Empty: everything
 * @param rowTimeoutMs how long a call of the function may take; 0 for any time
 * @param maxFailedRows the job fails once it has more such rows
 * @param maxFailedFraction or once they are a larger part of the rows computed so far; 1 for never
 */
public record ErrorPolicy(
    boolean nulls,
    int retries,
    long backoffMs,
    String retryOn,
    long rowTimeoutMs,
    long maxFailedRows,
    double maxFailedFraction)
    implements Serializable {
  /** The first row that fails ends the job. */
  public static final ErrorPolicy FAIL = new ErrorPolicy(false, 0, 0, "", 0, Long.MAX_VALUE, 1);

  /** A part of fewer rows says little. */
  private static final long ENOUGH_ROWS = 100;

  private static final long LONGEST_BACKOFF_MS = 60_000;

  /** Whether a row that fails is to be known apart from the others. */
  public boolean isolates() {
    return nulls || retries > 0;
  }

  /** Whether a row that failed so is tried once more. */
  public boolean retries(RowFailure failure) {
    return failure.attempt() <= retries
        && (retryOn.isEmpty() || Pattern.compile(retryOn).matcher(failure.problem()).find());
  }

  /** How long to wait after an attempt, from 1. */
  public long waitMs(int attempt) {
    double doubled = backoffMs * Math.pow(2, attempt - 1);
    return (long) Math.min(doubled, (double) Math.max(backoffMs, LONGEST_BACKOFF_MS));
  }

  /**
   * Whether there are more failed rows than a job may have.
   *
   * @param computed rows on which the function ran, failed ones included
   */
  public boolean tooMany(long failed, long computed) {
    return failed > maxFailedRows
        || (computed >= ENOUGH_ROWS && failed > maxFailedFraction * (double) computed);
  }
}
