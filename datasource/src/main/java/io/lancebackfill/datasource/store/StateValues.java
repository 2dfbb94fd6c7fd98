package io.lancebackfill.datasource.store;

import io.lancebackfill.datasource.store.StateTable.Type;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.TimeStampMicroTZVector;
import org.apache.arrow.vector.VarBinaryVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.jspecify.annotations.Nullable;

/** Puts plain values into Arrow vectors and takes them out again. */
final class StateValues {
  private StateValues() {}

  static ArrowType arrowType(Type type) {
    return switch (type) {
      case STRING -> ArrowType.Utf8.INSTANCE;
      case LONG -> new ArrowType.Int(64, true);
      case INT -> new ArrowType.Int(32, true);
      case DOUBLE -> new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE);
      case BOOLEAN -> ArrowType.Bool.INSTANCE;
      case TIMESTAMP -> new ArrowType.Timestamp(TimeUnit.MICROSECOND, "UTC");
      case BINARY -> ArrowType.Binary.INSTANCE;
    };
  }

  /**
   * @throws ClassCastException if the value is not of the column's type
   */
  static void set(FieldVector vector, Type type, int row, @Nullable Object value) {
    if (value == null) {
      vector.setNull(row);
      return;
    }
    switch (type) {
      case STRING ->
          ((VarCharVector) vector).setSafe(row, ((String) value).getBytes(StandardCharsets.UTF_8));
      case LONG -> ((BigIntVector) vector).setSafe(row, (Long) value);
      case INT -> ((IntVector) vector).setSafe(row, (Integer) value);
      case DOUBLE -> ((Float8Vector) vector).setSafe(row, (Double) value);
      case BOOLEAN -> ((BitVector) vector).setSafe(row, (Boolean) value ? 1 : 0);
      case TIMESTAMP ->
          ((TimeStampMicroTZVector) vector)
              .setSafe(row, ChronoUnit.MICROS.between(Instant.EPOCH, (Instant) value));
      case BINARY -> ((VarBinaryVector) vector).setSafe(row, (byte[]) value);
    }
  }

  static @Nullable Object get(FieldVector vector, Type type, int row) {
    if (vector.isNull(row)) {
      return null;
    }
    return switch (type) {
      case STRING -> new String(((VarCharVector) vector).get(row), StandardCharsets.UTF_8);
      case LONG -> ((BigIntVector) vector).get(row);
      case INT -> ((IntVector) vector).get(row);
      case DOUBLE -> ((Float8Vector) vector).get(row);
      case BOOLEAN -> ((BitVector) vector).get(row) == 1;
      case TIMESTAMP ->
          Instant.EPOCH.plus(((TimeStampMicroTZVector) vector).get(row), ChronoUnit.MICROS);
      case BINARY -> ((VarBinaryVector) vector).get(row);
    };
  }
}
