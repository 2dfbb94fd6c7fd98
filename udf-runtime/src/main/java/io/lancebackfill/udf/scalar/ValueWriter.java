package io.lancebackfill.udf.scalar;

import java.lang.reflect.Array;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.List;
import org.apache.arrow.vector.BaseIntVector;
import org.apache.arrow.vector.BaseLargeVariableWidthVector;
import org.apache.arrow.vector.BaseVariableWidthVector;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.DateDayVector;
import org.apache.arrow.vector.Decimal256Vector;
import org.apache.arrow.vector.DecimalVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.FixedSizeBinaryVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.TimeStampVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.LargeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.types.DateUnit;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.jspecify.annotations.Nullable;

/** Writes values of one Java type into vectors of one Arrow type. */
@FunctionalInterface
interface ValueWriter {
  /**
   * Writes a value that is not null.
   *
   * @throws UnfitException if the vector's type has no place for it
   */
  void write(FieldVector vector, int row, Object value) throws Exception;

  default void writeNullable(FieldVector vector, int row, @Nullable Object value) throws Exception {
    if (value == null) {
      writeNull(vector, row);
    } else {
      write(vector, row, value);
    }
  }

  static void writeNull(FieldVector vector, int row) {
    vector.setNull(row);
    if (vector instanceof StructVector struct) {
      struct.getChildrenFromFields().forEach(child -> writeNull(child, row));
    }
  }

  /** A value does not fit the type that was declared for it. */
  final class UnfitException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    UnfitException(String message) {
      super(message);
    }
  }

  /** Null if values of the Java type are none of the field's type. */
  static @Nullable ValueWriter of(Type type, Field field) {
    Type element = JavaTypes.listElement(type);
    Class<?> simple = JavaTypes.simple(type);
    if (simple != null && JavaTypes.isNumberArray(simple)) {
      element = simple.getComponentType();
    }
    if (element != null) {
      return list(element, field);
    }
    if (simple == null) {
      return null;
    }
    return simple.isRecord() ? record(simple, field) : plain(simple, field.getType());
  }

  private static @Nullable ValueWriter plain(Class<?> type, ArrowType arrow) {
    if (type == Boolean.class) {
      return arrow instanceof ArrowType.Bool
          ? (v, row, value) -> ((BitVector) v).setSafe(row, (boolean) value ? 1 : 0)
          : null;
    }
    if (type == String.class) {
      return arrow instanceof ArrowType.Utf8 || arrow instanceof ArrowType.LargeUtf8
          ? (v, row, value) -> bytes(v, row, ((String) value).getBytes(StandardCharsets.UTF_8))
          : null;
    }
    if (type == byte[].class) {
      return binary(arrow);
    }
    if (type == BigDecimal.class) {
      return arrow instanceof ArrowType.Decimal decimal
          ? (v, row, value) -> decimal(v, row, (BigDecimal) value, decimal)
          : null;
    }
    if (type == LocalDate.class) {
      return arrow instanceof ArrowType.Date date && date.getUnit() == DateUnit.DAY
          ? (v, row, value) ->
              ((DateDayVector) v).setSafe(row, Math.toIntExact(((LocalDate) value).toEpochDay()))
          : null;
    }
    if (type == Instant.class || type == LocalDateTime.class) {
      return time(type, arrow);
    }
    return number(type, arrow);
  }

  private static @Nullable ValueWriter binary(ArrowType arrow) {
    if (arrow instanceof ArrowType.FixedSizeBinary fixed) {
      return (v, row, value) -> {
        int length = ((byte[]) value).length;
        if (length != fixed.getByteWidth()) {
          throw new UnfitException("returned %d bytes".formatted(length));
        }
        ((FixedSizeBinaryVector) v).setSafe(row, (byte[]) value);
      };
    }
    return arrow instanceof ArrowType.Binary || arrow instanceof ArrowType.LargeBinary
        ? (v, row, value) -> bytes(v, row, (byte[]) value)
        : null;
  }

  private static void bytes(FieldVector vector, int row, byte[] value) {
    if (vector instanceof BaseVariableWidthVector small) {
      small.setSafe(row, value);
    } else {
      ((BaseLargeVariableWidthVector) vector).setSafe(row, value);
    }
  }

  private static void decimal(
      FieldVector vector, int row, BigDecimal value, ArrowType.Decimal type) {
    BigDecimal scaled;
    try {
      scaled = value.setScale(type.getScale());
    } catch (ArithmeticException e) {
      throw new UnfitException("returned %s".formatted(value));
    }
    if (scaled.precision() > type.getPrecision()) {
      throw new UnfitException("returned %s".formatted(value));
    }
    if (vector instanceof DecimalVector decimals) {
      decimals.setSafe(row, scaled);
    } else {
      ((Decimal256Vector) vector).setSafe(row, scaled);
    }
  }

  private static @Nullable ValueWriter time(Class<?> type, ArrowType arrow) {
    if (!(arrow instanceof ArrowType.Timestamp time)
        || (time.getTimezone() != null) != (type == Instant.class)) {
      return null;
    }
    return (v, row, value) -> {
      Instant instant =
          value instanceof LocalDateTime local ? local.toInstant(ZoneOffset.UTC) : (Instant) value;
      try {
        ((TimeStampVector) v).setSafe(row, Times.value(instant, time.getUnit()));
      } catch (ArithmeticException e) {
        throw new UnfitException("returned %s".formatted(value));
      }
    };
  }

  private static @Nullable ValueWriter number(Class<?> type, ArrowType arrow) {
    if (arrow instanceof ArrowType.Int integer && integer.getIsSigned()) {
      int bits =
          type == Long.class
              ? 64
              : type == Integer.class ? 32 : type == Short.class ? 16 : type == Byte.class ? 8 : 99;
      if (bits > integer.getBitWidth()) {
        return null;
      }
      return integer.getBitWidth() == 64
          ? (v, row, value) -> ((BigIntVector) v).setSafe(row, ((Number) value).longValue())
          : (v, row, value) ->
              ((BaseIntVector) v).setWithPossibleTruncate(row, ((Number) value).longValue());
    }
    if (arrow instanceof ArrowType.FloatingPoint floating) {
      if (floating.getPrecision() == FloatingPointPrecision.SINGLE && type == Float.class) {
        return (v, row, value) -> ((Float4Vector) v).setSafe(row, (float) value);
      }
      if (floating.getPrecision() == FloatingPointPrecision.DOUBLE
          && (type == Float.class || type == Double.class)) {
        return (v, row, value) -> ((Float8Vector) v).setSafe(row, ((Number) value).doubleValue());
      }
    }
    return null;
  }

  private static @Nullable ValueWriter list(Type element, Field field) {
    ArrowType arrow = field.getType();
    boolean fixed = arrow instanceof ArrowType.FixedSizeList;
    if (!fixed && !(arrow instanceof ArrowType.List) && !(arrow instanceof ArrowType.LargeList)) {
      return null;
    }
    ValueWriter writer = of(element, field.getChildren().get(0));
    if (writer == null) {
      return null;
    }
    return (v, row, value) -> {
      List<?> items = value instanceof List<?> list ? list : null;
      int length = items == null ? Array.getLength(value) : items.size();
      int start = start(v, row, length);
      FieldVector children = v.getChildrenFromFields().get(0);
      for (int i = 0; i < length; i++) {
        if (value instanceof float[] floats && children instanceof Float4Vector singles) {
          singles.setSafe(start + i, floats[i]);
        } else {
          writer.writeNullable(
              children, start + i, items == null ? Array.get(value, i) : items.get(i));
        }
      }
      if (v instanceof ListVector lists) {
        lists.endValue(row, length);
      } else if (v instanceof LargeListVector lists) {
        lists.endValue(row, length);
      }
    };
  }

  private static int start(FieldVector vector, int row, int length) {
    if (vector instanceof ListVector lists) {
      return lists.startNewValue(row);
    }
    if (vector instanceof LargeListVector lists) {
      return Math.toIntExact(lists.startNewValue(row));
    }
    FixedSizeListVector lists = (FixedSizeListVector) vector;
    if (length != lists.getListSize()) {
      throw new UnfitException("returned a vector of %d values".formatted(length));
    }
    return lists.startNewValue(row);
  }

  private static @Nullable ValueWriter record(Class<?> type, Field field) {
    RecordComponent[] components = type.getRecordComponents();
    List<Field> fields = field.getChildren();
    if (!(field.getType() instanceof ArrowType.Struct) || fields.size() != components.length) {
      return null;
    }
    ValueWriter[] writers = new ValueWriter[components.length];
    Method[] accessors = new Method[components.length];
    for (int i = 0; i < components.length; i++) {
      boolean same = components[i].getName().equals(fields.get(i).getName());
      ValueWriter writer = same ? of(components[i].getGenericType(), fields.get(i)) : null;
      if (writer == null) {
        return null;
      }
      writers[i] = writer;
      accessors[i] = components[i].getAccessor();
      accessors[i].setAccessible(true);
    }
    return (v, row, value) -> {
      StructVector struct = (StructVector) v;
      struct.setIndexDefined(row);
      for (int i = 0; i < writers.length; i++) {
        FieldVector child = (FieldVector) struct.getChildByOrdinal(i);
        writers[i].writeNullable(child, row, component(accessors[i], value));
      }
    };
  }

  private static @Nullable Object component(Method accessor, Object value) throws Exception {
    try {
      return accessor.invoke(value);
    } catch (InvocationTargetException e) {
      throw e.getCause() instanceof Exception thrown ? thrown : e;
    }
  }
}
