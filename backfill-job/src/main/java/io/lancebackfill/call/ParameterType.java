package io.lancebackfill.call;

import io.lancebackfill.config.Durations;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The types that a parameter may have. A value is taken if nothing of it is lost: numbers widen,
 * and shrink where they fit. Text is read as what the parameter wants, since widgets and templates
 * hand over text; but nothing else is taken for a text.
 */
public enum ParameterType {
  STRING("string", "'text'") {
    @Override
    Optional<Object> accept(Object value) {
      return value instanceof String ? Optional.of(value) : Optional.empty();
    }
  },
  BOOLEAN("boolean", "true") {
    @Override
    Optional<Object> accept(Object value) {
      if (!(value instanceof String text)) {
        return value instanceof Boolean ? Optional.of(value) : Optional.empty();
      }
      return switch (text.strip().toLowerCase(Locale.ROOT)) {
        case "true" -> Optional.of(true);
        case "false" -> Optional.of(false);
        default -> Optional.empty();
      };
    }
  },
  INT("int", "10") {
    @Override
    Optional<Object> accept(Object value) {
      return integral(value).filter(l -> l == l.intValue()).map(Long::intValue);
    }
  },
  LONG("bigint", "10") {
    @Override
    Optional<Object> accept(Object value) {
      return integral(value).map(l -> l);
    }
  },
  DOUBLE("double", "0.5") {
    @Override
    Optional<Object> accept(Object value) {
      Object number = value instanceof String text ? number(text).orElse(null) : value;
      return number instanceof Number n ? Optional.of(n.doubleValue()) : Optional.empty();
    }
  },
  /** A duration as Spark gives an interval of days to seconds, or as text with a unit. */
  DURATION("duration", "'1h', '7 days' or 'PT1H'") {
    @Override
    Optional<Object> accept(Object value) {
      if (value instanceof Duration) {
        return Optional.of(value);
      }
      return value instanceof String text
          ? Durations.parse(text).map(duration -> duration)
          : Optional.empty();
    }
  },
  BINARY("binary", "X'00FF'") {
    @Override
    Optional<Object> accept(Object value) {
      return value instanceof byte[] bytes ? Optional.of(bytes) : Optional.empty();
    }
  },
  /** A list of strings, none of them NULL. */
  STRING_ARRAY("array<string>", "array('a', 'b')") {
    @Override
    Optional<Object> accept(Object value) {
      return value instanceof List<?> list && list.stream().allMatch(String.class::isInstance)
          ? Optional.of(List.copyOf(list))
          : Optional.empty();
    }
  },
  /** Strings by string, in the given order, none of them NULL; numbers and booleans as text. */
  STRING_MAP("map<string,string>", "map('key', 'value')") {
    @Override
    Optional<Object> accept(Object value) {
      if (!(value instanceof Map<?, ?> map)) {
        return Optional.empty();
      }
      Map<String, String> strings = new LinkedHashMap<>();
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        Optional<String> text = text(entry.getValue());
        if (!(entry.getKey() instanceof String key) || text.isEmpty()) {
          return Optional.empty();
        }
        strings.put(key, text.get());
      }
      return Optional.of(strings);
    }
  },
  /** Whatever the caller gives; the procedure looks at it. */
  ANY("any type", "'text'") {
    @Override
    Optional<Object> accept(Object value) {
      return Optional.of(value);
    }
  };

  private final String sqlName;
  private final String example;

  ParameterType(String sqlName, String example) {
    this.sqlName = sqlName;
    this.example = example;
  }

  /** The name that messages and documentation use. */
  public String sqlName() {
    return sqlName;
  }

  /** A value of it as a CALL writes it. */
  String example() {
    return example;
  }

  /** The value as this type, or empty if it is not one without loss. */
  abstract Optional<Object> accept(Object value);

  private static Optional<String> text(@Nullable Object value) {
    if (value instanceof BigDecimal decimal) {
      return Optional.of(decimal.toPlainString());
    }
    return value instanceof String || value instanceof Boolean || value instanceof Number
        ? Optional.of(value.toString())
        : Optional.empty();
  }

  private static Optional<BigDecimal> number(String text) {
    try {
      return Optional.of(new BigDecimal(text.strip()));
    } catch (NumberFormatException noNumber) {
      return Optional.empty();
    }
  }

  private static Optional<Long> integral(@Nullable Object given) {
    Object value = given instanceof String text ? number(text).orElse(null) : given;
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
