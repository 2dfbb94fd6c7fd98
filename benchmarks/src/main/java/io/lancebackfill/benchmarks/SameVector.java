package io.lancebackfill.benchmarks;

import io.lancebackfill.udf.ColumnUdf;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.util.TransferPair;

/** The column itself, without a copy of its buffers. */
public final class SameVector implements ColumnUdf {
  @Override
  public Field output(List<Field> inputs) {
    return HashVector.OUTPUT;
  }

  @Override
  public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator allocator) {
    TransferPair pair = inputs.get(0).getTransferPair(HashVector.OUTPUT.getName(), allocator);
    pair.splitAndTransfer(0, rows);
    return (FieldVector) pair.getTo();
  }
}
