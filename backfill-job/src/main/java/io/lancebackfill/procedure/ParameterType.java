package io.lancebackfill.procedure;

import java.math.BigDecimal;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The types that a parameter may have. A value is taken if nothing of it is lost: numbers widen,
 * and shrink where they fit; a string is never read as a number, nor a number as a string.
 */
public enum ParameterType {
  STRING("string") {
    @Override
    Optional<Object> accept(Object value) {
      return value instanceof String ? Optional.of(value) : Optional.empty();
    }
  },
  BOOLEAN("boolean") {
    @Override
    Optional<Object> accept(Object value) {
      return value instanceof Boolean ? Optional.of(value) : Optional.empty();
    }
  },
  INT("int") {
    @Override
    Optional<Object> accept(Object value) {
      return integral(value).filter(l -> l == l.intValue()).map(Long::intValue);
    }
  },
  LONG("bigint") {
    @Override
    Optional<Object> accept(Object value) {
      return integral(value).map(l -> l);
    }
  },
  DOUBLE("double") {
    @Override
    Optional<Object> accept(Object value) {
      return value instanceof Number number ? Optional.of(number.doubleValue()) : Optional.empty();
    }
  },
  BINARY("binary") {
    @Override
    Optional<Object> accept(Object value) {
      return value instanceof byte[] bytes ? Optional.of(bytes) : Optional.empty();
    }
  },
  /** A list of strings, none of them NULL. */
  STRING_ARRAY("array<string>") {
    @Override
    Optional<Object> accept(Object value) {
      return value instanceof List<?> list && list.stream().allMatch(String.class::isInstance)
          ? Optional.of(List.copyOf(list))
          : Optional.empty();
    }
  },
  /** Strings by string, in the given order, none of them NULL. */
  STRING_MAP("map<string,string>") {
    @Override
    Optional<Object> accept(Object value) {
      if (!(value instanceof Map<?, ?> map)) {
        return Optional.empty();
      }
      Map<String, String> strings = new LinkedHashMap<>();
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        if (!(entry.getKey() instanceof String key) || !(entry.getValue() instanceof String text)) {
          return Optional.empty();
        }
        strings.put(key, text);
      }
      return Optional.of(strings);
    }
  },
  /** Whatever the caller gives; the procedure looks at it. */
  ANY("any type") {
    @Override
    Optional<Object> accept(Object value) {
      return Optional.of(value);
    }
  };

  private final String sqlName;

  ParameterType(String sqlName) {
    this.sqlName = sqlName;
  }

  /** The name that messages and documentation use. */
  public String sqlName() {
    return sqlName;
  }

  /** The value as this type, or empty if it is not one without loss. */
  abstract Optional<Object> accept(Object value);

  private static Optional<Long> integral(@Nullable Object value) {
    if (value instanceof Byte
        || value instanceof Short
        || value instanceof Integer
        || value instanceof Long) {
      return Optional.of(((Number) value).longValue());
    }
    if (value instanceof BigDecimal decimal && decimal.stripTrailingZeros().scale() <= 0) {
      return decimal.abs().compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) <= 0
          ? Optional.of(decimal.longValue())
          : Optional.empty();
    }
    return Optional.empty();
  }
}
