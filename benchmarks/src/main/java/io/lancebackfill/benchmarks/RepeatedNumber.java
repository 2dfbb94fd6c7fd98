package io.lancebackfill.benchmarks;

import io.lancebackfill.udf.ColumnUdf;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.types.pojo.Field;

/** {@code array_repeat(cast(x AS float), 256)}. The numbers must not be NULL. */
public final class RepeatedNumber implements ColumnUdf {
  @Override
  public Field output(List<Field> inputs) {
    return HashVector.OUTPUT;
  }

  @Override
  public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator allocator) {
    Float8Vector numbers = (Float8Vector) inputs.get(0);
    FixedSizeListVector vectors = HashVector.allocated(rows, allocator);
    Float4Vector elements = (Float4Vector) vectors.getDataVector();
    FloatBuffer target =
        elements
            .getDataBuffer()
            .nioBuffer(0, rows * HashVector.ELEMENTS * Float.BYTES)
            .order(ByteOrder.nativeOrder())
            .asFloatBuffer();
    float[] vector = new float[HashVector.ELEMENTS];
    for (int row = 0; row < rows; row++) {
      Arrays.fill(vector, (float) numbers.get(row));
      target.put(vector);
    }
    HashVector.allSet(vectors, rows);
    return vectors;
  }
}
