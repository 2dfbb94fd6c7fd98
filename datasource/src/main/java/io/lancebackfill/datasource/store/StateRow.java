package io.lancebackfill.datasource.store;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One row of a {@link StateTable}. Values are String, Long, Integer, Double, Boolean, Instant (for
 * TIMESTAMP, to the microsecond), byte[] or null.
 *
 * <p>The accessors without "OrNull" throw IllegalStateException on null; all throw
 * IllegalArgumentException if the row has no such column or one of another type.
 */
public record StateRow(Map<String, @Nullable Object> values) {

  public StateRow {
    values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
  }

  public String string(String column) {
    return required(column, String.class);
  }

  public @Nullable String stringOrNull(String column) {
    return value(column, String.class);
  }

  public long longValue(String column) {
    return required(column, Long.class);
  }

  public @Nullable Long longOrNull(String column) {
    return value(column, Long.class);
  }

  public int intValue(String column) {
    return required(column, Integer.class);
  }

  public @Nullable Integer intOrNull(String column) {
    return value(column, Integer.class);
  }

  public double doubleValue(String column) {
    return required(column, Double.class);
  }

  public @Nullable Double doubleOrNull(String column) {
    return value(column, Double.class);
  }

  public boolean booleanValue(String column) {
    return required(column, Boolean.class);
  }

  public @Nullable Boolean booleanOrNull(String column) {
    return value(column, Boolean.class);
  }

  public Instant instant(String column) {
    return required(column, Instant.class);
  }

  public @Nullable Instant instantOrNull(String column) {
    return value(column, Instant.class);
  }

  /** A TIMESTAMP as microseconds since 1970 UTC, which is how Spark keeps one. */
  public long micros(String column) {
    return ChronoUnit.MICROS.between(Instant.EPOCH, instant(column));
  }

  public byte[] binary(String column) {
    return required(column, byte[].class);
  }

  public byte @Nullable [] binaryOrNull(String column) {
    return value(column, byte[].class);
  }

  private <T> T required(String column, Class<T> type) {
    T value = value(column, type);
    if (value == null) {
      throw new IllegalStateException(
          "Column " + column + " is null in a row where it must have a value: " + values.keySet());
    }
    return value;
  }

  private <T> @Nullable T value(String column, Class<T> type) {
    Object value = values.get(column);
    if (value == null && !values.containsKey(column)) {
      throw new IllegalArgumentException(
          "The row has no column " + column + "; it has " + values.keySet());
    }
    if (value != null && !type.isInstance(value)) {
      throw new IllegalArgumentException(
          "Column "
              + column
              + " holds a "
              + value.getClass().getSimpleName()
              + ", not a "
              + type.getSimpleName());
    }
    return type.cast(value);
  }
}
