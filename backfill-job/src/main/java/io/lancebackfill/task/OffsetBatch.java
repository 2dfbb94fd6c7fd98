package io.lancebackfill.task;

import io.lancebackfill.exec.RowFailure;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.ValueVector;
import org.apache.arrow.vector.util.TransferPair;

/**
 * Values of some rows of a fragment. Owns its vectors.
 *
 * @param offsets physical row offsets, ascending
 * @param values a vector for each column, as long as {@code offsets}
 * @param failures the rows of them on which the function failed, ascending; they are NULL
 */
public record OffsetBatch(int[] offsets, List<FieldVector> values, List<RowFailure> failures)
    implements AutoCloseable {
  public OffsetBatch(int[] offsets, List<FieldVector> values) {
    this(offsets, values, List.of());
  }

  public int rows() {
    return offsets.length;
  }

  /** The values of {@code count} rows from index {@code from}, which share this batch's buffers. */
  public List<FieldVector> slice(int from, int count, BufferAllocator allocator) {
    List<FieldVector> slices = new ArrayList<>(values.size());
    try {
      for (FieldVector vector : values) {
        TransferPair pair = vector.getTransferPair(vector.getName(), allocator);
        slices.add((FieldVector) pair.getTo());
        pair.splitAndTransfer(from, count);
      }
      return slices;
    } catch (RuntimeException e) {
      slices.forEach(ValueVector::close);
      throw e;
    }
  }

  /** A second owner of {@code count} rows from index {@code from}, none of which failed. */
  public OffsetBatch part(int from, int count, BufferAllocator allocator) {
    return new OffsetBatch(
        Arrays.copyOfRange(offsets, from, from + count), slice(from, count, allocator));
  }

  /** Second owners of the same rows, of those on which the function did not fail. */
  List<OffsetBatch> retainGood(BufferAllocator allocator) {
    List<OffsetBatch> good = new ArrayList<>();
    int from = 0;
    for (RowFailure failure : failures) {
      int failed = Arrays.binarySearch(offsets, from, offsets.length, failure.offset());
      addRun(from, failed, allocator, good);
      from = failed + 1;
    }
    addRun(from, offsets.length, allocator, good);
    return good;
  }

  private void addRun(int from, int end, BufferAllocator allocator, List<OffsetBatch> to) {
    if (end > from) {
      to.add(part(from, end - from, allocator));
    }
  }

  /** Bytes of the rows' values. */
  long bytes() {
    return values.stream().mapToLong(ValueVector::getBufferSize).sum();
  }

  @Override
  public void close() {
    values.forEach(ValueVector::close);
  }
}
