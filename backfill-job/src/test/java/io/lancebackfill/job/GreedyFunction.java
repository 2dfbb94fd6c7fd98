package io.lancebackfill.job;

import io.lancebackfill.udf.ColumnUdf;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;

/** Twice its input; from 768 on, four megabytes of heap for each row of a batch. */
public final class GreedyFunction implements ColumnUdf {
  private static final int BYTES = 4 << 20;
  private static final long FROM = 768;

  @Override
  public Field output(List<Field> inputs) {
    return Field.nullable("twice", new ArrowType.Int(64, true));
  }

  @Override
  public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator allocator) {
    BigIntVector ids = (BigIntVector) inputs.get(0);
    List<byte[]> held = new ArrayList<>();
    BigIntVector twice = new BigIntVector("twice", allocator);
    twice.allocateNew(rows);
    for (int i = 0; i < rows; i++) {
      if (ids.get(i) >= FROM) {
        held.add(new byte[BYTES]);
      }
      twice.set(i, ids.get(i) * 2);
    }
    if (held.size() > rows) {
      throw new IllegalStateException("more is held than there are rows");
    }
    twice.setValueCount(rows);
    return twice;
  }
}
