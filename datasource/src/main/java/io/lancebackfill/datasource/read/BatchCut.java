package io.lancebackfill.datasource.read;

import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.util.TransferPair;
import org.apache.arrow.vector.util.VectorBatchAppender;

/** Makes the batches that leave the reader out of parts of those that Lance gave. */
final class BatchCut {
  private BatchCut() {}

  /** Rows [first, first + length) without a copy; the caller closes it. */
  static VectorSchemaRoot slice(List<FieldVector> vectors, int first, int length) {
    List<Field> fields = new ArrayList<>(vectors.size());
    List<FieldVector> slices = new ArrayList<>(vectors.size());
    try {
      for (FieldVector vector : vectors) {
        fields.add(vector.getField());
        slices.add(slice(vector, first, length));
      }
    } catch (RuntimeException e) {
      slices.forEach(FieldVector::close);
      throw e;
    }
    return new VectorSchemaRoot(fields, slices, length);
  }

  /** The rows of all runs, copied into one batch; the caller closes it. */
  static VectorSchemaRoot copy(
      List<FieldVector> vectors, KeptRuns runs, BufferAllocator allocator) {
    List<Field> fields = new ArrayList<>(vectors.size());
    List<FieldVector> copies = new ArrayList<>(vectors.size());
    try {
      for (FieldVector vector : vectors) {
        FieldVector target = vector.getField().createVector(allocator);
        copies.add(target);
        fields.add(vector.getField());
        target.setInitialCapacity(runs.rows());
        target.allocateNew();
        for (int run = 0; run < runs.count(); run++) {
          try (FieldVector part = slice(vector, runs.first(run), runs.length(run))) {
            VectorBatchAppender.batchAppend(target, part);
          }
        }
      }
    } catch (RuntimeException e) {
      copies.forEach(FieldVector::close);
      throw e;
    }
    return new VectorSchemaRoot(fields, copies, runs.rows());
  }

  private static FieldVector slice(FieldVector vector, int first, int length) {
    TransferPair pair = vector.getTransferPair(vector.getAllocator());
    FieldVector part = (FieldVector) pair.getTo();
    try {
      pair.splitAndTransfer(first, length);
      return part;
    } catch (RuntimeException e) {
      part.close();
      throw e;
    }
  }
}
