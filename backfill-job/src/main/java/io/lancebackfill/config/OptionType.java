package io.lancebackfill.config;

import java.time.Duration;
import java.util.Locale;
import java.util.Optional;

/** How values of one type are read: from a CALL, where they may have types, and from text. */
enum OptionType {
  STRING("a string") {
    @Override
    Optional<Object> ofValue(Object value) {
      return value instanceof String ? Optional.of(value) : Optional.empty();
    }

    @Override
    Optional<Object> ofText(String text) {
      return Optional.of(text);
    }
  },
  BOOLEAN("true or false") {
    @Override
    Optional<Object> ofValue(Object value) {
      if (value instanceof Boolean) {
        return Optional.of(value);
      }
      return value instanceof String text ? ofText(text) : Optional.empty();
    }

    @Override
    Optional<Object> ofText(String text) {
      return switch (text.strip().toLowerCase(Locale.ROOT)) {
        case "true" -> Optional.of(true);
        case "false" -> Optional.of(false);
        default -> Optional.empty();
      };
    }
  },
  INT("an integer") {
    @Override
    Optional<Object> ofValue(Object value) {
      return LONG.ofValue(value).map(Long.class::cast).flatMap(OptionType::intOf);
    }

    @Override
    Optional<Object> ofText(String text) {
      return LONG.ofText(text).map(Long.class::cast).flatMap(OptionType::intOf);
    }
  },
  LONG("an integer") {
    @Override
    Optional<Object> ofValue(Object value) {
      if (value instanceof String text) {
        return ofText(text);
      }
      return value instanceof Byte
              || value instanceof Short
              || value instanceof Integer
              || value instanceof Long
          ? Optional.of(((Number) value).longValue())
          : Optional.empty();
    }

    @Override
    Optional<Object> ofText(String text) {
      try {
        return Optional.of(Long.parseLong(text.strip()));
      } catch (NumberFormatException noNumber) {
        return Optional.empty();
      }
    }
  },
  DOUBLE("a number") {
    @Override
    Optional<Object> ofValue(Object value) {
      if (value instanceof String text) {
        return ofText(text);
      }
      return value instanceof Number number ? Optional.of(number.doubleValue()) : Optional.empty();
    }

    @Override
    Optional<Object> ofText(String text) {
      try {
        return Optional.of(Double.parseDouble(text.strip()));
      } catch (NumberFormatException noNumber) {
        return Optional.empty();
      }
    }
  },
  DURATION("a duration such as '5s', '250ms', '2 min' or 'PT5S'") {
    @Override
    Optional<Object> ofValue(Object value) {
      if (value instanceof Duration) {
        return Optional.of(value);
      }
      return value instanceof String text ? ofText(text) : Optional.empty();
    }

    @Override
    Optional<Object> ofText(String text) {
      return Durations.parse(text).map(duration -> duration);
    }
  };

  private final String description;

  OptionType(String description) {
    this.description = description;
  }

  /** For "It must be ...". */
  String description() {
    return description;
  }

  /** A value of a CALL: of this type, or its text, since widgets and templates hand over text. */
  abstract Optional<Object> ofValue(Object value);

  /** A value of a session setting or of a column's metadata. */
  abstract Optional<Object> ofText(String text);

  private static Optional<Object> intOf(long value) {
    return value == (int) value ? Optional.of((int) value) : Optional.empty();
  }
}
