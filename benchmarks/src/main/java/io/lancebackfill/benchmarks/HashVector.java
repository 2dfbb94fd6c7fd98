package io.lancebackfill.benchmarks;

import io.lancebackfill.udf.ColumnUdf;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.List;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.spark.unsafe.hash.Murmur3_x86_32;

/**
 * {@code transform(sequence(0, 255), i -> cast(hash(text, i) AS float))}: a stand-in for an
 * embedding, whose numbers do not compress. The texts must not be NULL.
 */
public final class HashVector implements ColumnUdf {
  static final int ELEMENTS = 256;

  /** What Spark's hash() begins with. */
  private static final int SEED = 42;

  static final Field OUTPUT =
      new Field(
          "vector",
          FieldType.nullable(new ArrowType.FixedSizeList(ELEMENTS)),
          List.of(
              Field.nullable("item", new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE))));

  @Override
  public Field output(List<Field> inputs) {
    return OUTPUT;
  }

  @Override
  public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator allocator) {
    VarCharVector texts = (VarCharVector) inputs.get(0);
    FixedSizeListVector vectors = allocated(rows, allocator);
    Float4Vector elements = (Float4Vector) vectors.getDataVector();
    ArrowBuf text = texts.getDataBuffer();
    FloatBuffer target =
        elements
            .getDataBuffer()
            .nioBuffer(0, rows * ELEMENTS * Float.BYTES)
            .order(ByteOrder.nativeOrder())
            .asFloatBuffer();
    float[] vector = new float[ELEMENTS];
    for (int row = 0; row < rows; row++) {
      int start = texts.getStartOffset(row);
      int hash =
          Murmur3_x86_32.hashUnsafeBytes(
              null, text.memoryAddress() + start, texts.getEndOffset(row) - start, SEED);
      for (int i = 0; i < ELEMENTS; i++) {
        vector[i] = Murmur3_x86_32.hashInt(i, hash);
      }
      target.put(vector);
    }
    allSet(vectors, rows);
    return vectors;
  }

  static FixedSizeListVector allocated(int rows, BufferAllocator allocator) {
    FixedSizeListVector vectors = (FixedSizeListVector) OUTPUT.createVector(allocator);
    vectors.setInitialCapacity(rows);
    vectors.allocateNew();
    ((Float4Vector) vectors.getDataVector()).allocateNew(rows * ELEMENTS);
    return vectors;
  }

  static void allSet(FixedSizeListVector vectors, int rows) {
    Float4Vector elements = (Float4Vector) vectors.getDataVector();
    elements.getValidityBuffer().setOne(0, (rows * (long) ELEMENTS + 7) / 8);
    vectors.getValidityBuffer().setOne(0, (rows + 7L) / 8);
    elements.setValueCount(rows * ELEMENTS);
    vectors.setValueCount(rows);
  }
}
