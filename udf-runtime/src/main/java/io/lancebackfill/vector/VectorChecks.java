package io.lancebackfill.vector;

import org.apache.spark.sql.catalyst.util.ArrayData;

/**
 * What the functions compute; called by Spark's generated code. An element that is NULL counts as
 * 0.
 */
public final class VectorChecks {
  private VectorChecks() {}

  /** Euclidean length. */
  public static double norm2OfFloats(ArrayData vector) {
    double sum = 0;
    for (float value : vector.toFloatArray()) {
      sum += (double) value * value;
    }
    return Math.sqrt(sum);
  }

  public static double norm2OfDoubles(ArrayData vector) {
    double sum = 0;
    for (double value : vector.toDoubleArray()) {
      sum += value * value;
    }
    return Math.sqrt(sum);
  }

  /** Whether no element is NaN; infinite ones may be. */
  public static boolean noNanOfFloats(ArrayData vector) {
    for (float value : vector.toFloatArray()) {
      if (Float.isNaN(value)) {
        return false;
      }
    }
    return true;
  }

  public static boolean noNanOfDoubles(ArrayData vector) {
    for (double value : vector.toDoubleArray()) {
      if (Double.isNaN(value)) {
        return false;
      }
    }
    return true;
  }

  /** Whether no element is NaN or infinite. */
  public static boolean allFiniteOfFloats(ArrayData vector) {
    for (float value : vector.toFloatArray()) {
      if (!Float.isFinite(value)) {
        return false;
      }
    }
    return true;
  }

  public static boolean allFiniteOfDoubles(ArrayData vector) {
    for (double value : vector.toDoubleArray()) {
      if (!Double.isFinite(value)) {
        return false;
      }
    }
    return true;
  }
}
