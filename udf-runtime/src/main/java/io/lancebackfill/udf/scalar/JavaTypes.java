package io.lancebackfill.udf.scalar;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.lang.reflect.WildcardType;
import java.math.BigDecimal;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.arrow.vector.types.DateUnit;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.commons.lang3.ClassUtils;
import org.jspecify.annotations.Nullable;

/** Which Java types stand for values of columns, and for which Arrow types as results. */
final class JavaTypes {
  static final String SUPPORTED =
      "Boolean, Byte, Short, Integer, Long, Float, Double, String, byte[], BigDecimal, LocalDate,"
          + " Instant, LocalDateTime, int[], long[], float[], double[], List of one of them, and"
          + " records of them";

  /** A record in a record in a record: one that holds itself has no type. */
  private static final int DEEPEST = 16;

  private static final ArrowType FLOAT = new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE);
  private static final ArrowType DOUBLE =
      new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE);

  private static final Map<Class<?>, ArrowType> OWN_TYPES =
      Map.ofEntries(
          Map.entry(Boolean.class, ArrowType.Bool.INSTANCE),
          Map.entry(Byte.class, integer(8)),
          Map.entry(Short.class, integer(16)),
          Map.entry(Integer.class, integer(32)),
          Map.entry(Long.class, integer(64)),
          Map.entry(Float.class, FLOAT),
          Map.entry(Double.class, DOUBLE),
          Map.entry(String.class, ArrowType.Utf8.INSTANCE),
          Map.entry(byte[].class, ArrowType.Binary.INSTANCE),
          Map.entry(LocalDate.class, new ArrowType.Date(DateUnit.DAY)),
          Map.entry(Instant.class, new ArrowType.Timestamp(TimeUnit.MICROSECOND, "UTC")),
          Map.entry(LocalDateTime.class, new ArrowType.Timestamp(TimeUnit.MICROSECOND, null)));

  private JavaTypes() {}

  private static ArrowType integer(int bits) {
    return new ArrowType.Int(bits, true);
  }

  static boolean isSupported(Type type) {
    return isSupported(type, 0);
  }

  private static boolean isSupported(Type type, int depth) {
    if (depth > DEEPEST) {
      return false;
    }
    Type element = listElement(type);
    if (element != null) {
      return isSupported(element, depth + 1);
    }
    Class<?> simple = simple(type);
    if (simple == null) {
      return false;
    }
    if (simple.isRecord()) {
      RecordComponent[] components = simple.getRecordComponents();
      for (RecordComponent component : components) {
        if (!isSupported(component.getGenericType(), depth + 1)) {
          return false;
        }
      }
      return components.length > 0;
    }
    return simple == BigDecimal.class || isNumberArray(simple) || OWN_TYPES.containsKey(simple);
  }

  /** The class, that of its boxes for a primitive one; null for a generic type. */
  static @Nullable Class<?> simple(Type type) {
    return type instanceof Class<?> simple ? ClassUtils.primitiveToWrapper(simple) : null;
  }

  static boolean isNumberArray(Class<?> type) {
    return type == int[].class
        || type == long[].class
        || type == float[].class
        || type == double[].class;
  }

  /** The T of a List of T; null for other types. */
  static @Nullable Type listElement(Type type) {
    if (!(type instanceof ParameterizedType list) || list.getRawType() != List.class) {
      return null;
    }
    Type element = list.getActualTypeArguments()[0];
    return element instanceof WildcardType wildcard ? wildcard.getUpperBounds()[0] : element;
  }

  /**
   * The Arrow type of a result.
   *
   * @return empty if a supported Java type does not say: a decimal's precision is not known
   */
  static Optional<Field> inferred(String name, Type type) {
    Type element = listElement(type);
    Class<?> simple = simple(type);
    if (simple != null && isNumberArray(simple)) {
      element = simple.getComponentType();
    }
    if (element != null) {
      return inferred("element", element)
          .map(item -> new Field(name, FieldType.nullable(ArrowType.List.INSTANCE), List.of(item)));
    }
    if (simple != null && simple.isRecord()) {
      List<Field> fields = new ArrayList<>();
      for (RecordComponent component : simple.getRecordComponents()) {
        inferred(component.getName(), component.getGenericType()).ifPresent(fields::add);
      }
      return fields.size() < simple.getRecordComponents().length
          ? Optional.empty()
          : Optional.of(new Field(name, FieldType.nullable(ArrowType.Struct.INSTANCE), fields));
    }
    return Optional.ofNullable(simple)
        .map(OWN_TYPES::get)
        .map(arrow -> new Field(name, FieldType.nullable(arrow), null));
  }
}
