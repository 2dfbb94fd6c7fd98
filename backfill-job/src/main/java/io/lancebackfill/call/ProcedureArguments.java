package io.lancebackfill.call;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The arguments of one call, by parameter, checked and converted. */
public final class ProcedureArguments {
  private final ProcedureSpec spec;
  private final Map<String, Object> values;

  ProcedureArguments(ProcedureSpec spec, Map<String, Object> values) {
    this.spec = spec;
    this.values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
  }

  public String string(String name) {
    return given(name, String.class);
  }

  public Optional<String> optionalString(String name) {
    return value(name).map(String.class::cast);
  }

  public boolean bool(String name, boolean otherwise) {
    return value(name).map(Boolean.class::cast).orElse(otherwise);
  }

  public int intValue(String name, int otherwise) {
    return value(name).map(Integer.class::cast).orElse(otherwise);
  }

  public Optional<Integer> optionalInt(String name) {
    return value(name).map(Integer.class::cast);
  }

  public long longValue(String name, long otherwise) {
    return value(name).map(Long.class::cast).orElse(otherwise);
  }

  public Optional<Long> optionalLong(String name) {
    return value(name).map(Long.class::cast);
  }

  public Optional<Double> optionalDouble(String name) {
    return value(name).map(Double.class::cast);
  }

  public Optional<byte[]> optionalBytes(String name) {
    return value(name).map(byte[].class::cast);
  }

  /** The strings of an array, empty if it is not given. */
  public List<String> strings(String name) {
    return value(name)
        .map(list -> ((List<?>) list).stream().map(String.class::cast).toList())
        .orElse(List.of());
  }

  /** The strings of a map in the given order, empty if it is not given. */
  public Map<String, String> stringMap(String name) {
    Map<String, String> strings = new LinkedHashMap<>();
    value(name)
        .ifPresent(map -> ((Map<?, ?>) map).forEach((k, v) -> strings.put((String) k, (String) v)));
    return Collections.unmodifiableMap(strings);
  }

  public boolean has(String name) {
    return value(name).isPresent();
  }

  /** The value in the parameter's Java type; for an option, its typed value. */
  public Optional<Object> value(String name) {
    if (spec.parameters().stream().noneMatch(parameter -> parameter.name().equals(name))) {
      throw new IllegalArgumentException("Procedure " + spec.name() + " has no parameter " + name);
    }
    return Optional.ofNullable(values.get(name));
  }

  /** The typed values of the options that the call gives, by option name. */
  public Map<String, Object> options() {
    Map<String, Object> options = new LinkedHashMap<>();
    for (ProcedureParameter parameter : spec.parameters()) {
      Object value = values.get(parameter.name());
      if (parameter.option() != null && value != null) {
        options.put(parameter.name(), value);
      }
    }
    return options;
  }

  private <T> T given(String name, Class<T> type) {
    return type.cast(
        value(name)
            .orElseThrow(
                () -> new IllegalArgumentException("Argument " + name + " was not given")));
  }
}
