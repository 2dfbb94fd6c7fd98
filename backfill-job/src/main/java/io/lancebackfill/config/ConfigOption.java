package io.lancebackfill.config;

import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * One option: its names, type, range and default. The constants are in {@link BackfillOptions}.
 *
 * @param <T> String, Boolean, Integer, Long, Double or Duration
 */
public final class ConfigOption<T> {
  /** What every session setting of ours begins with. */
  public static final String SESSION_PREFIX = "spark.lancebackfill.";

  private final String name;
  private final Class<T> javaType;
  private final OptionType type;
  private final @Nullable T defaultValue;
  private final String defaultText;
  private final Predicate<T> range;
  private final String values;
  private final boolean sessionOnly;
  private final String doc;

  private ConfigOption(Builder<T> builder, @Nullable T defaultValue, String defaultText) {
    this.name = builder.name;
    this.javaType = builder.javaType;
    this.type = builder.type;
    this.defaultValue = defaultValue;
    this.defaultText = defaultText;
    this.range = builder.range;
    this.values = builder.values;
    this.sessionOnly = builder.sessionOnly;
    this.doc = builder.doc;
  }

  static Builder<String> string(String name, String doc) {
    return new Builder<>(name, String.class, OptionType.STRING, doc);
  }

  static Builder<Boolean> bool(String name, String doc) {
    return new Builder<>(name, Boolean.class, OptionType.BOOLEAN, doc);
  }

  static Builder<Integer> integer(String name, String doc) {
    return new Builder<>(name, Integer.class, OptionType.INT, doc);
  }

  static Builder<Long> longInteger(String name, String doc) {
    return new Builder<>(name, Long.class, OptionType.LONG, doc);
  }

  static Builder<Double> decimal(String name, String doc) {
    return new Builder<>(name, Double.class, OptionType.DOUBLE, doc);
  }

  static Builder<Duration> duration(String name, String doc) {
    return new Builder<>(name, Duration.class, OptionType.DURATION, doc);
  }

  /** As a CALL names it, in snake_case. */
  public String name() {
    return name;
  }

  /** The session setting that holds the default: the prefix and the name in camelCase. */
  public String sessionKey() {
    StringBuilder key = new StringBuilder(SESSION_PREFIX);
    boolean upper = false;
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (c == '_') {
        upper = true;
      } else {
        key.append(upper ? Character.toUpperCase(c) : c);
        upper = false;
      }
    }
    return key.toString();
  }

  /** The built-in default; empty if the option then does nothing or adapts itself. */
  public Optional<T> defaultValue() {
    return Optional.ofNullable(defaultValue);
  }

  /** The default in words or as it would be written. */
  public String defaultText() {
    return defaultText;
  }

  /** The allowed values, in words: "an integer of 1 or more". */
  public String values() {
    return values;
  }

  /** Whether it is a session setting only, and no option of a call or a column. */
  public boolean sessionOnly() {
    return sessionOnly;
  }

  /** One sentence for users. */
  public String doc() {
    return doc;
  }

  /**
   * A value as a CALL gives it: typed, or as text.
   *
   * @throws BackfillException INVALID_OPTION
   */
  public T ofCall(Object value) {
    return checked(type.ofValue(value), String.valueOf(value), "");
  }

  /**
   * A value of the column's own options.
   *
   * @throws BackfillException INVALID_OPTION
   */
  public T ofColumn(String text) {
    return checked(type.ofText(text), text, " of the column");
  }

  /**
   * A word of a command line.
   *
   * @throws BackfillException INVALID_OPTION
   */
  public T ofCommandLine(String text) {
    return checked(type.ofText(text), text, "");
  }

  /**
   * A value of the session setting.
   *
   * @throws BackfillException INVALID_OPTION
   */
  public T ofSession(String text) {
    return checked(type.ofText(text), text, ", the session setting " + sessionKey() + ",");
  }

  private T checked(Optional<Object> read, String given, String where) {
    Optional<T> value = read.map(javaType::cast).filter(range);
    return value.orElseThrow(
        () ->
            new BackfillException(
                BackfillErrorCode.INVALID_OPTION,
                ("Option '%s'%s is %s, and must be %s."
                        + " Change it, or leave it out for the default: %s.")
                    .formatted(name, where, quoted(given), values, defaultText)));
  }

  private static String quoted(String given) {
    return given.length() <= 100 ? "'" + given + "'" : "'" + given.substring(0, 100) + "...'";
  }

  @Override
  public String toString() {
    return name;
  }

  /** Collects what an option is; ended by its default. */
  static final class Builder<T> {
    private final String name;
    private final Class<T> javaType;
    private final OptionType type;
    private final String doc;
    private Predicate<T> range = value -> true;
    private String values;
    private boolean sessionOnly;

    private Builder(String name, Class<T> javaType, OptionType type, String doc) {
      this.name = name;
      this.javaType = javaType;
      this.type = type;
      this.doc = doc;
      this.values = type.description();
    }

    /** Narrows the values; the words follow the type's: "of 1 or more". */
    Builder<T> range(String words, Predicate<T> allowed) {
      this.range = allowed;
      this.values = type.description() + " " + words;
      return this;
    }

    Builder<T> sessionOnly() {
      this.sessionOnly = true;
      return this;
    }

    ConfigOption<T> defaultTo(T value) {
      String text = value instanceof Duration d ? Durations.format(d) : value.toString();
      return new ConfigOption<>(this, value, text);
    }

    /** No built-in value; the words say what happens without one. */
    ConfigOption<T> without(String words) {
      return new ConfigOption<>(this, null, words);
    }
  }
}
