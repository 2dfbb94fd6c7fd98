package io.lancebackfill.udf.scalar;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.apache.arrow.vector.types.TimeUnit;

/** Instants as Arrow counts them. */
final class Times {
  private Times() {}

  static Instant instant(long value, TimeUnit unit) {
    return switch (unit) {
      case SECOND -> Instant.ofEpochSecond(value);
      case MILLISECOND -> Instant.EPOCH.plus(value, ChronoUnit.MILLIS);
      case MICROSECOND -> Instant.EPOCH.plus(value, ChronoUnit.MICROS);
      case NANOSECOND -> Instant.EPOCH.plusNanos(value);
    };
  }

  /** Down to the unit, as Spark cuts them; the rest of an instant is never negative. */
  static long value(Instant instant, TimeUnit unit) {
    long perSecond =
        switch (unit) {
          case SECOND -> 1;
          case MILLISECOND -> 1_000;
          case MICROSECOND -> 1_000_000;
          case NANOSECOND -> 1_000_000_000;
        };
    return Math.addExact(
        Math.multiplyExact(instant.getEpochSecond(), perSecond),
        instant.getNano() / (1_000_000_000 / perSecond));
  }
}
