package io.lancebackfill.datasource.read;

import io.lancebackfill.datasource.table.FragmentSnapshot;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.roaringbitmap.RoaringBitmap;

/**
 * Rows to read of one fragment: the live rows at the physical offsets [start, end), without those
 * in {@code skip}.
 *
 * @param fragmentId the fragment
 * @param start first physical offset, from 0
 * @param end physical offset after the last one; may lie beyond the fragment's end
 * @param skip a serialised {@link RoaringBitmap} of physical offsets to leave out, null for none
 */
public record FragmentRange(int fragmentId, long start, long end, byte @Nullable [] skip)
    implements Serializable {

  /**
   * @throws IllegalArgumentException if the range is negative or turned around
   */
  public FragmentRange {
    if (start < 0 || end < start) {
      throw new IllegalArgumentException(
          "Range ["
              + start
              + ", "
              + end
              + ") of fragment "
              + fragmentId
              + " is no range; it needs 0 <= start <= end");
    }
  }

  /** All rows of a fragment. */
  public static FragmentRange all(FragmentSnapshot fragment) {
    return new FragmentRange(fragment.id(), 0, fragment.physicalRows(), null);
  }

  /** The same range without the rows at these physical offsets, whatever it left out before. */
  public FragmentRange skipping(RoaringBitmap offsets) {
    if (offsets.isEmpty()) {
      return new FragmentRange(fragmentId, start, end, null);
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(offsets.serializedSizeInBytes());
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      offsets.serialize(out);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot write a bitmap to memory", e);
    }
    return new FragmentRange(fragmentId, start, end, bytes.toByteArray());
  }

  /** The offsets to leave out; empty if there are none. */
  RoaringBitmap skipped() {
    RoaringBitmap offsets = new RoaringBitmap();
    if (skip != null) {
      try {
        offsets.deserialize(ByteBuffer.wrap(skip));
      } catch (IOException e) {
        throw new IllegalArgumentException(
            "The rows to skip in " + this + " are no serialised RoaringBitmap", e);
      }
    }
    return offsets;
  }

  /** True if the range leaves no part of the fragment out but what it skips. */
  boolean covers(FragmentSnapshot fragment) {
    return start == 0 && end >= fragment.physicalRows();
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof FragmentRange range
        && fragmentId == range.fragmentId
        && start == range.start
        && end == range.end
        && Arrays.equals(skip, range.skip);
  }

  @Override
  public int hashCode() {
    return Objects.hash(fragmentId, start, end, Arrays.hashCode(skip));
  }

  @Override
  public String toString() {
    return "fragment "
        + fragmentId
        + " ["
        + start
        + ", "
        + end
        + ")"
        + (skip == null ? "" : " less " + skip.length + " bytes of skipped rows");
  }
}
