package io.lancebackfill.config;

import java.time.Duration;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Durations as people write them, with a unit: {@code 5s}, {@code 250 ms}, {@code 2 min}, ISO. */
public final class Durations {
  private static final Pattern AMOUNT_AND_UNIT = Pattern.compile("(\\d{1,18})\\s*([a-z]+)");

  private Durations() {}

  /** Empty if the text is no duration; a bare number is none, since it does not say of what. */
  public static Optional<Duration> parse(String text) {
    String plain = text.strip().toLowerCase(Locale.ROOT);
    try {
      Matcher matcher = AMOUNT_AND_UNIT.matcher(plain);
      if (!matcher.matches()) {
        return plain.startsWith("p") ? Optional.of(Duration.parse(plain)) : Optional.empty();
      }
      ChronoUnit unit = unit(matcher.group(2));
      return unit == null
          ? Optional.empty()
          : Optional.of(Duration.of(Long.parseLong(matcher.group(1)), unit));
    } catch (DateTimeParseException | ArithmeticException noDuration) {
      return Optional.empty();
    }
  }

  /** The shortest form that {@link #parse} reads back. */
  public static String format(Duration duration) {
    long millis = duration.toMillis();
    return millis % 1000 == 0 ? millis / 1000 + "s" : millis + "ms";
  }

  private static @Nullable ChronoUnit unit(String name) {
    return switch (name) {
      case "ms", "milli", "millis", "millisecond", "milliseconds" -> ChronoUnit.MILLIS;
      case "s", "sec", "secs", "second", "seconds" -> ChronoUnit.SECONDS;
      case "m", "min", "mins", "minute", "minutes" -> ChronoUnit.MINUTES;
      case "h", "hour", "hours" -> ChronoUnit.HOURS;
      case "d", "day", "days" -> ChronoUnit.DAYS;
      default -> null;
    };
  }
}
