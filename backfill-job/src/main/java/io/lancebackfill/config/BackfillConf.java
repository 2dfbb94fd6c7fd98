package io.lancebackfill.config;

import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import io.lancebackfill.error.NearestName;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.apache.spark.sql.RuntimeConfig;
import org.jspecify.annotations.Nullable;
import scala.collection.JavaConverters;

/**
 * The option values of one job: of the call, else of the column, else of the session, else built
 * in. Stays on the driver; tasks get plain values.
 */
public final class BackfillConf {
  private final Map<ConfigOption<?>, Object> values;

  private BackfillConf(Map<ConfigOption<?>, Object> values) {
    this.values = values;
  }

  /**
   * @param callOptions values by option name, typed or as a CALL gives them
   * @param columnOptions text by option name
   * @param session whose settings {@code spark.lancebackfill.*} give defaults; those with a further
   *     dot belong to others and are not looked at
   * @throws BackfillException with a line for each unknown option and each value that is not
   *     allowed, also of a value that a stronger one covers
   */
  public static BackfillConf resolve(
      Map<String, Object> callOptions, Map<String, String> columnOptions, RuntimeConfig session) {
    Map<String, String> sessionOptions = new LinkedHashMap<>();
    JavaConverters.mapAsJavaMap(session.getAll())
        .forEach(
            (key, value) -> {
              if (key.startsWith(ConfigOption.SESSION_PREFIX)
                  && key.indexOf('.', ConfigOption.SESSION_PREFIX.length()) < 0) {
                sessionOptions.put(key, value);
              }
            });
    Faults faults = new Faults();
    List<String> names = BackfillOptions.callable().stream().map(ConfigOption::name).toList();
    refuseUnknown(callOptions.keySet(), names, "option", faults);
    refuseUnknown(columnOptions.keySet(), names, "option of a column", faults);
    refuseUnknown(
        sessionOptions.keySet(),
        BackfillOptions.all().stream().map(ConfigOption::sessionKey).toList(),
        "session setting",
        faults);
    Map<ConfigOption<?>, Object> values = new LinkedHashMap<>();
    for (ConfigOption<?> option : BackfillOptions.all()) {
      Object value = option.defaultValue().orElse(null);
      String ofSession = sessionOptions.get(option.sessionKey());
      value = stronger(value, ofSession, option::ofSession, faults);
      if (!option.sessionOnly()) {
        String ofColumn = columnOptions.get(option.name());
        value = stronger(value, ofColumn, option::ofColumn, faults);
        Object ofCall = callOptions.get(option.name());
        value = stronger(value, ofCall, option::ofCall, faults);
      }
      if (value != null) {
        values.put(option, value);
      }
    }
    faults.throwIfAny();
    return new BackfillConf(values);
  }

  /** How long a lease lasts in a session, for calls that have no options of a job. */
  public static Duration leaseDuration(RuntimeConfig session) {
    ConfigOption<Duration> option = BackfillOptions.LEASE_DURATION;
    scala.Option<String> text = session.getOption(option.sessionKey());
    return text.isDefined() ? option.ofSession(text.get()) : option.defaultValue().orElseThrow();
  }

  private static <V> @Nullable Object stronger(
      @Nullable Object weaker,
      @Nullable V given,
      Function<V, ? extends Object> read,
      Faults faults) {
    if (given == null) {
      return weaker;
    }
    Object value = faults.collect(() -> read.apply(given));
    return value == null ? weaker : value;
  }

  private static void refuseUnknown(
      Collection<String> given, List<String> known, String kind, Faults faults) {
    for (String name : given) {
      if (!known.contains(name)) {
        faults.add(
            BackfillErrorCode.UNKNOWN_OPTION,
            "There is no %s '%s'.%s There are: %s."
                .formatted(kind, name, NearestName.hint(name, known), String.join(", ", known)));
      }
    }
  }

  /** The value of an option that needs none. */
  @SuppressWarnings("unchecked") // only values of the option's own type are put
  public <T> Optional<T> optional(ConfigOption<T> option) {
    return Optional.ofNullable((T) values.get(option));
  }

  /**
   * The value of an option that has a built-in default.
   *
   * @throws IllegalArgumentException if it has none
   */
  public <T> T value(ConfigOption<T> option) {
    return optional(option)
        .orElseThrow(
            () -> new IllegalArgumentException("Option " + option + " has no built-in default"));
  }
}
