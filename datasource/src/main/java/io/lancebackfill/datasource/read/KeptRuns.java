package io.lancebackfill.datasource.read;

import java.util.Arrays;
import org.roaringbitmap.RoaringBitmap;

/**
 * Which rows of a batch are wanted, as runs of neighbours: run {@code r} is the rows [first(r),
 * first(r) + length(r)) of the batch.
 */
final class KeptRuns {
  private int[] firsts = new int[4];
  private int[] lengths = new int[4];
  private int count;
  private int rows;

  private KeptRuns() {}

  /**
   * @param offsets physical offsets of the batch's rows, ascending
   */
  static KeptRuns of(int[] offsets, long start, long end, RoaringBitmap skipped) {
    KeptRuns runs = new KeptRuns();
    boolean open = false;
    for (int row = 0; row < offsets.length; row++) {
      int offset = offsets[row];
      boolean kept = offset >= start && offset < end && !skipped.contains(offset);
      if (kept) {
        if (!open) {
          runs.begin(row);
        }
        runs.lengths[runs.count - 1]++;
        runs.rows++;
      }
      open = kept;
    }
    return runs;
  }

  private void begin(int row) {
    if (count == firsts.length) {
      firsts = Arrays.copyOf(firsts, count * 2);
      lengths = Arrays.copyOf(lengths, count * 2);
    }
    firsts[count] = row;
    lengths[count] = 0;
    count++;
  }

  int count() {
    return count;
  }

  /** Rows in all runs together. */
  int rows() {
    return rows;
  }

  int first(int run) {
    return firsts[run];
  }

  int length(int run) {
    return lengths[run];
  }

  /** The offsets of the kept rows. */
  int[] offsets(int[] all) {
    int[] kept = new int[rows];
    int at = 0;
    for (int run = 0; run < count; run++) {
      System.arraycopy(all, firsts[run], kept, at, lengths[run]);
      at += lengths[run];
    }
    return kept;
  }
}
