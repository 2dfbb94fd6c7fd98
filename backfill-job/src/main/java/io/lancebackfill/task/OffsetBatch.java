package io.lancebackfill.task;

import java.util.ArrayList;
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
 */
public record OffsetBatch(int[] offsets, List<FieldVector> values) implements AutoCloseable {
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

  /** A second owner of the same rows. */
  OffsetBatch retain(BufferAllocator allocator) {
    return new OffsetBatch(offsets, slice(0, rows(), allocator));
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
