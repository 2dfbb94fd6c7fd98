package io.lancebackfill.udf.scalar;

import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.BaseIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.DateDayVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.FloatingPointVector;
import org.apache.arrow.vector.LargeVarCharVector;
import org.apache.arrow.vector.TimeStampVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.complex.BaseListVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.types.DateUnit;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.jspecify.annotations.Nullable;

/** Reads the values of vectors of one Arrow type as those of one Java type. */
@FunctionalInterface
interface ValueReader {
  /** Reads a value that is not NULL. */
  Object read(FieldVector vector, int row) throws Exception;

  default @Nullable Object readNullable(FieldVector vector, int row) throws Exception {
    return vector.isNull(row) ? null : read(vector, row);
  }

  /** Null if the Java type does not take values of the field's type. */
  static @Nullable ValueReader of(Type type, Field field) {
    Type element = JavaTypes.listElement(type);
    if (element != null) {
      return list(element, field);
    }
    Class<?> simple = JavaTypes.simple(type);
    if (simple == null) {
      return null;
    }
    if (simple.isRecord()) {
      return record(simple, field);
    }
    if (JavaTypes.isNumberArray(simple)) {
      return numbers(simple, field);
    }
    return plain(simple, field.getType());
  }

  private static @Nullable ValueReader plain(Class<?> type, ArrowType arrow) {
    if (type == Boolean.class) {
      return arrow instanceof ArrowType.Bool ? (v, row) -> ((BitVector) v).get(row) == 1 : null;
    }
    if (type == String.class) {
      if (arrow instanceof ArrowType.Utf8) {
        return (v, row) -> new String(((VarCharVector) v).get(row), StandardCharsets.UTF_8);
      }
      return arrow instanceof ArrowType.LargeUtf8
          ? (v, row) -> new String(((LargeVarCharVector) v).get(row), StandardCharsets.UTF_8)
          : null;
    }
    if (type == byte[].class) {
      return arrow instanceof ArrowType.Binary
              || arrow instanceof ArrowType.LargeBinary
              || arrow instanceof ArrowType.FixedSizeBinary
          ? FieldVector::getObject
          : null;
    }
    if (type == BigDecimal.class) {
      return arrow instanceof ArrowType.Decimal ? FieldVector::getObject : null;
    }
    if (type == LocalDate.class) {
      return arrow instanceof ArrowType.Date date && date.getUnit() == DateUnit.DAY
          ? (v, row) -> LocalDate.ofEpochDay(((DateDayVector) v).get(row))
          : null;
    }
    if (type == Instant.class || type == LocalDateTime.class) {
      return time(type, arrow);
    }
    return number(type, arrow);
  }

  private static @Nullable ValueReader time(Class<?> type, ArrowType arrow) {
    if (!(arrow instanceof ArrowType.Timestamp time)
        || (time.getTimezone() != null) != (type == Instant.class)) {
      return null;
    }
    if (type == Instant.class) {
      return (v, row) -> Times.instant(((TimeStampVector) v).get(row), time.getUnit());
    }
    return (v, row) ->
        LocalDateTime.ofInstant(
            Times.instant(((TimeStampVector) v).get(row), time.getUnit()), ZoneOffset.UTC);
  }

  private static @Nullable ValueReader number(Class<?> type, ArrowType arrow) {
    if (arrow instanceof ArrowType.Int integer) {
      // An unsigned number needs one bit more.
      int bits = integer.getBitWidth() + (integer.getIsSigned() ? 0 : 1);
      if (type == Long.class && bits <= 64) {
        return (v, row) -> ((BaseIntVector) v).getValueAsLong(row);
      }
      if (type == Integer.class && bits <= 32) {
        return (v, row) -> (int) ((BaseIntVector) v).getValueAsLong(row);
      }
      if (type == Short.class && bits <= 16) {
        return (v, row) -> (short) ((BaseIntVector) v).getValueAsLong(row);
      }
      if (type == Byte.class && bits <= 8) {
        return (v, row) -> (byte) ((BaseIntVector) v).getValueAsLong(row);
      }
      // Java's own widening to a double goes on to 64 bits, but that loses digits.
      return type == Double.class && bits <= 33
          ? (v, row) -> (double) ((BaseIntVector) v).getValueAsLong(row)
          : null;
    }
    if (arrow instanceof ArrowType.FloatingPoint floating
        && floating.getPrecision() != FloatingPointPrecision.HALF) {
      if (type == Double.class) {
        return (v, row) -> ((FloatingPointVector) v).getValueAsDouble(row);
      }
      if (type == Float.class && floating.getPrecision() == FloatingPointPrecision.SINGLE) {
        return (v, row) -> (float) ((FloatingPointVector) v).getValueAsDouble(row);
      }
    }
    return null;
  }

  private static @Nullable ValueReader list(Type element, Field field) {
    ValueReader reader = elements(element, field);
    if (reader == null) {
      return null;
    }
    return (v, row) -> {
      BaseListVector lists = (BaseListVector) v;
      FieldVector items = lists.getChildrenFromFields().get(0);
      List<@Nullable Object> values = new ArrayList<>();
      for (int i = lists.getElementStartIndex(row); i < lists.getElementEndIndex(row); i++) {
        values.add(reader.readNullable(items, i));
      }
      return Collections.unmodifiableList(values);
    };
  }

  private static @Nullable ValueReader numbers(Class<?> array, Field field) {
    Class<?> element = array.getComponentType();
    ValueReader reader = elements(element, field);
    if (reader == null) {
      return null;
    }
    return (v, row) -> {
      BaseListVector lists = (BaseListVector) v;
      FieldVector items = lists.getChildrenFromFields().get(0);
      int start = lists.getElementStartIndex(row);
      int length = lists.getElementEndIndex(row) - start;
      Object values = Array.newInstance(element, length);
      for (int i = 0; i < length; i++) {
        if (items.isNull(start + i)) {
          throw new IllegalArgumentException(
              "value %d of a list is NULL, for which %s has no place: take a List"
                  .formatted(i, array.getSimpleName()));
        }
        if (values instanceof float[] floats) { // as embeddings are: without an object for each
          floats[i] = (float) ((FloatingPointVector) items).getValueAsDouble(start + i);
        } else {
          Array.set(values, i, reader.read(items, start + i));
        }
      }
      return values;
    };
  }

  private static @Nullable ValueReader elements(Type element, Field field) {
    boolean isList =
        field.getType() instanceof ArrowType.List
            || field.getType() instanceof ArrowType.LargeList
            || field.getType() instanceof ArrowType.FixedSizeList;
    return isList ? of(element, field.getChildren().get(0)) : null;
  }

  private static @Nullable ValueReader record(Class<?> type, Field field) {
    if (!(field.getType() instanceof ArrowType.Struct)) {
      return null;
    }
    Map<String, Field> fields = new HashMap<>();
    field.getChildren().forEach(child -> fields.put(child.getName(), child));
    RecordComponent[] components = type.getRecordComponents();
    ValueReader[] readers = new ValueReader[components.length];
    for (int i = 0; i < components.length; i++) {
      Field child = fields.get(components[i].getName());
      ValueReader reader = child == null ? null : of(components[i].getGenericType(), child);
      if (reader == null) {
        return null;
      }
      readers[i] = reader;
    }
    Constructor<?> constructor = constructor(type, components);
    return (v, row) -> {
      StructVector struct = (StructVector) v;
      @Nullable Object[] values = new Object[components.length];
      for (int i = 0; i < components.length; i++) {
        FieldVector child = struct.getChild(components[i].getName());
        values[i] = readers[i].readNullable(child, row);
        if (values[i] == null && components[i].getType().isPrimitive()) {
          throw new IllegalArgumentException(
              "field '%s' is NULL, for which %s has no place"
                  .formatted(components[i].getName(), components[i].getType()));
        }
      }
      try {
        return constructor.newInstance(values);
      } catch (InvocationTargetException e) {
        throw e.getCause() instanceof Exception thrown ? thrown : e;
      }
    };
  }

  private static Constructor<?> constructor(Class<?> type, RecordComponent[] components) {
    try {
      Constructor<?> constructor =
          type.getDeclaredConstructor(
              Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new));
      constructor.setAccessible(true);
      return constructor;
    } catch (NoSuchMethodException e) {
      throw new IllegalStateException(e); // every record has it
    }
  }
}
