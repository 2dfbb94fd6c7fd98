package io.lancebackfill.call;

import io.lancebackfill.config.ConfigOption;
import org.jspecify.annotations.Nullable;

/**
 * One parameter of a procedure. One that is not given, or given as NULL, has no value: procedures
 * know their own defaults.
 *
 * @param name snake_case; compared without case
 * @param type what is taken
 * @param required whether a call without it is refused
 * @param doc one sentence for users
 * @param option the option behind it, which then checks the value instead of {@code type}; null for
 *     a plain parameter
 */
public record ProcedureParameter(
    String name,
    ParameterType type,
    boolean required,
    String doc,
    @Nullable ConfigOption<?> option) {

  public static ProcedureParameter required(String name, ParameterType type, String doc) {
    return new ProcedureParameter(name, type, true, doc, null);
  }

  public static ProcedureParameter optional(String name, ParameterType type, String doc) {
    return new ProcedureParameter(name, type, false, doc, null);
  }

  /** An option as a parameter: its name, its values, its faults. */
  public static ProcedureParameter of(ConfigOption<?> option) {
    return new ProcedureParameter(option.name(), ParameterType.ANY, false, option.doc(), option);
  }
}
