package io.lancebackfill.exec;

import java.time.Duration;

/**
 * How many rows the next batch has. Adaptive sizes begin small, so that the first result comes
 * soon, and at most double from batch to batch until a batch takes the target time; a slower batch
 * shrinks the next one at once. Not thread-safe: one for each executor.
 */
public final class AdaptiveBatchSize {
  /** Rows of the first batch. */
  static final int FIRST = 32;

  /** What a batch should take at most, if the checkpoint interval allows it. */
  static final Duration TARGET = Duration.ofMillis(250);

  /** The most bytes of input in a batch of more than one row. */
  static final long MAX_INPUT_BYTES = 8L << 20;

  /** Keeps sizes of functions that take no measurable time in bounds. */
  private static final int MAX_ROWS = 1 << 20;

  private final boolean fixed;
  private final long targetNanos;
  private int rows;
  private int most = MAX_ROWS;
  private int tooLarge;

  private AdaptiveBatchSize(boolean fixed, int rows, long targetNanos) {
    this.fixed = fixed;
    this.rows = rows;
    this.targetNanos = targetNanos;
  }

  /**
   * Sizes that follow the function's speed.
   *
   * @param checkpointInterval a batch takes at most a quarter of it, where rows are fast enough
   * @throws IllegalArgumentException if the interval is not positive
   */
  public static AdaptiveBatchSize adaptive(Duration checkpointInterval) {
    if (checkpointInterval.isNegative() || checkpointInterval.isZero()) {
      throw new IllegalArgumentException(
          "Checkpoint interval %s is not positive.".formatted(checkpointInterval));
    }
    long quarter = checkpointInterval.dividedBy(4).toNanos();
    return new AdaptiveBatchSize(false, FIRST, Math.max(1, Math.min(TARGET.toNanos(), quarter)));
  }

  /**
   * Batches of one size, whatever their bytes and time; only the last one of an input is smaller,
   * and those after one that was too large for the function.
   *
   * @throws IllegalArgumentException if rows is below 1
   */
  public static AdaptiveBatchSize fixed(int rows) {
    if (rows < 1) {
      throw new IllegalArgumentException("Batch size %d is below 1.".formatted(rows));
    }
    return new AdaptiveBatchSize(true, rows, 0);
  }

  /** The most rows of the next batch, at least 1. */
  public int rows() {
    return rows;
  }

  /** The most bytes of input of the next batch; one row may be larger. */
  long maxInputBytes() {
    return fixed ? Long.MAX_VALUE : MAX_INPUT_BYTES;
  }

  /**
   * Learns from a batch.
   *
   * @param batchRows the rows that it had, at least 1
   * @param nanos what the function took
   */
  void record(int batchRows, long nanos) {
    if (batchRows >= tooLarge) {
      tooLarge = 0;
    }
    if (fixed) {
      return;
    }
    double fitting = targetNanos / Math.max(1.0, (double) nanos / batchRows);
    if (fitting < rows) {
      rows = Math.max(1, (int) fitting);
    } else if (batchRows == rows) {
      // A smaller batch (the end of an input) says too little about a larger one.
      rows = (int) Math.min(most, Math.min(2L * rows, (long) fitting));
    }
  }

  /**
   * Learns from a batch that failed, and was computed in parts. Where rows fail often, small
   * batches leave less to be tried again. Where none failed alone, twice in a row, the batch was
   * too large for the function: none will have so many rows again, whatever size was asked for.
   *
   * @param rowFailed whether a row of it failed alone
   */
  void failed(int batchRows, boolean rowFailed) {
    boolean again = batchRows <= tooLarge && !rowFailed;
    tooLarge = rowFailed ? 0 : batchRows;
    if (again) {
      most = Math.max(1, batchRows / 2);
      rows = Math.min(rows, most);
    } else if (!fixed) {
      rows = Math.max(1, Math.min(rows, batchRows / 2));
    }
  }
}
