package io.lancebackfill.datasource.read;

import io.lancebackfill.datasource.table.DataFileInfo;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableSnapshot;

/** How many rows a batch has if nobody says so. */
final class BatchSizes {
  private static final int MOST_ROWS = 8_192;
  private static final int LEAST_ROWS = 16;
  private static final long BATCH_BYTES = 8L << 20;

  private BatchSizes() {}

  /**
   * So many rows that a batch has about 8 MiB at most, were all columns read: rows of images make
   * small batches. What files hold compressed takes more in memory; the bound is no hard one.
   */
  static int fitting(TableSnapshot table) {
    long bytesPerRow = 1;
    for (FragmentSnapshot fragment : table.fragments()) {
      long bytes = fragment.files().stream().mapToLong(DataFileInfo::bytes).sum();
      bytesPerRow = Math.max(bytesPerRow, bytes / Math.max(1, fragment.physicalRows()));
    }
    return (int) Math.max(LEAST_ROWS, Math.min(MOST_ROWS, BATCH_BYTES / bytesPerRow));
  }
}
