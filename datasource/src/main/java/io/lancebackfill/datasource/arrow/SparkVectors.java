package io.lancebackfill.datasource.arrow;

import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.MapVector;
import org.apache.spark.sql.vectorized.ArrowColumnVector;
import org.apache.spark.sql.vectorized.ColumnVector;
import org.apache.spark.sql.vectorized.ColumnarArray;
import org.apache.spark.unsafe.Platform;
import org.lance.spark.vectorized.LanceArrowColumnVector;

/** Arrow's vectors as Spark's, over the same buffers. */
public final class SparkVectors {
  private SparkVectors() {}

  /**
   * A vector as Spark reads it; the elements of a fixed-size list of floats are handed over in one
   * piece by {@code toFloatArray}, NULL ones as 0. Closing it closes the vector.
   */
  public static ColumnVector of(FieldVector vector) {
    if (vector instanceof FixedSizeListVector lists
        && lists.getDataVector() instanceof Float4Vector floats) {
      return new FloatLists(lists, floats);
    }
    // lance-spark's vectors know vectors and large types, but give null for every map.
    return vector instanceof MapVector
        ? new ArrowColumnVector(vector)
        : new LanceArrowColumnVector(vector);
  }

  private static final class FloatLists extends LanceArrowColumnVector {
    private final int size;
    private final Floats floats;

    FloatLists(FixedSizeListVector lists, Float4Vector floats) {
      super(lists);
      this.size = lists.getListSize();
      this.floats = new Floats(floats);
    }

    @Override
    public ColumnarArray getArray(int row) {
      return new ColumnarArray(floats, row * size, size);
    }
  }

  private static final class Floats extends LanceArrowColumnVector {
    private final Float4Vector floats;
    private final boolean nulls;

    Floats(Float4Vector floats) {
      super(floats);
      this.floats = floats;
      this.nulls = floats.getNullCount() > 0;
    }

    @Override
    public float[] getFloats(int from, int count) {
      float[] copy = new float[count];
      Platform.copyMemory(
          null,
          floats.getDataBufferAddress() + (long) from * Float.BYTES,
          copy,
          Platform.FLOAT_ARRAY_OFFSET,
          (long) count * Float.BYTES);
      for (int i = 0; nulls && i < count; i++) {
        if (floats.isNull(from + i)) {
          copy[i] = 0;
        }
      }
      return copy;
    }
  }
}
