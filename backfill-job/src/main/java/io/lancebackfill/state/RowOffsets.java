package io.lancebackfill.state;

import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import org.roaringbitmap.RoaringBitmap;

/** Sets of physical row offsets of a fragment, as bytes: a run-length optimised RoaringBitmap. */
public final class RowOffsets {
  private RowOffsets() {}

  /** All rows [0, count). */
  public static RoaringBitmap first(long count) {
    return range(0, count);
  }

  /** All rows [start, end). */
  public static RoaringBitmap range(long start, long end) {
    RoaringBitmap rows = new RoaringBitmap();
    rows.add(start, end);
    return rows;
  }

  public static byte[] toBytes(RoaringBitmap rows) {
    rows.runOptimize();
    ByteBuffer buffer = ByteBuffer.allocate(rows.serializedSizeInBytes());
    rows.serialize(buffer);
    return buffer.array();
  }

  /**
   * The rows of {@code bytes}; none for null.
   *
   * @throws BackfillException STATE_DAMAGED if they are no such set
   */
  public static RoaringBitmap fromBytes(byte @Nullable [] bytes) {
    RoaringBitmap rows = new RoaringBitmap();
    if (bytes == null) {
      return rows;
    }
    try {
      rows.deserialize(ByteBuffer.wrap(bytes));
    } catch (IOException | RuntimeException e) { // bytes that end early give one
      throw new BackfillException(
          BackfillErrorCode.STATE_DAMAGED,
          ("A record holds %d bytes that are no set of row offsets. It was written by another tool or"
                  + " damaged. Run coverage to see what is affected.")
              .formatted(bytes.length),
          e);
    }
    return rows;
  }

  /** The first {@code size} physical rows without {@code rows}. */
  public static RoaringBitmap complement(RoaringBitmap rows, long size) {
    RoaringBitmap all = first(size);
    all.andNot(rows);
    return all;
  }
}
