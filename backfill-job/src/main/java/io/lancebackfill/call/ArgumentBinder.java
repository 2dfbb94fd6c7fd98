package io.lancebackfill.call;

import io.lancebackfill.config.ConfigOption;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import io.lancebackfill.error.NearestName;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Puts the arguments of a call to the parameters of a procedure, and finds all its faults. */
public final class ArgumentBinder {
  private final ProcedureSpec spec;
  private final Faults faults = new Faults();
  private final Map<String, Object> values = new LinkedHashMap<>();
  private final Set<String> seen = new HashSet<>();

  private ArgumentBinder(ProcedureSpec spec) {
    this.spec = spec;
  }

  /**
   * @throws BackfillException with a line for each fault: unknown, duplicate, missing and ill-typed
   *     arguments, and option values out of range
   */
  public static ProcedureArguments bind(ProcedureSpec spec, List<CallArgument> arguments) {
    return bind(spec, arguments, bound -> {});
  }

  /**
   * As {@link #bind(ProcedureSpec, List)}, and asks for further faults if there are any.
   *
   * @param check is given the arguments that could be bound, and throws what is wrong with them
   */
  public static ProcedureArguments bind(
      ProcedureSpec spec, List<CallArgument> arguments, Consumer<ProcedureArguments> check) {
    ArgumentBinder binder = new ArgumentBinder(spec);
    binder.bindAll(arguments);
    ProcedureArguments bound = new ProcedureArguments(spec, binder.values);
    if (binder.faults.any()) {
      binder.faults.collect(
          () -> {
            check.accept(bound);
            return null;
          });
    }
    binder.faults.throwIfAny();
    return bound;
  }

  private void bindAll(List<CallArgument> arguments) {
    boolean named = false;
    for (int position = 0; position < arguments.size(); position++) {
      CallArgument argument = arguments.get(position);
      named |= argument.name() != null;
      parameter(argument, position, named).ifPresent(parameter -> bind(parameter, argument));
    }
    for (ProcedureParameter parameter : spec.parameters()) {
      if (parameter.required() && !seen.contains(parameter.name())) {
        faults.add(
            BackfillErrorCode.MISSING_ARGUMENT,
            "%s needs the argument '%s' (%s): %s"
                .formatted(
                    spec.name(), parameter.name(), parameter.type().sqlName(), parameter.doc()));
      }
    }
  }

  private Optional<ProcedureParameter> parameter(
      CallArgument argument, int position, boolean named) {
    String name = argument.name();
    if (name == null) {
      if (named) {
        faults.add(
            BackfillErrorCode.INVALID_ARGUMENT,
            ("Argument %d, %s, has no name but follows one that has."
                    + " Give it a name, or move it to the front.")
                .formatted(position + 1, argument.text()));
        return Optional.empty();
      }
      if (position >= spec.parameters().size()) {
        faults.add(
            BackfillErrorCode.UNKNOWN_ARGUMENT,
            "%s takes %d arguments at most; argument %d is %s."
                .formatted(spec.name(), spec.parameters().size(), position + 1, argument.text()));
        return Optional.empty();
      }
      return Optional.of(spec.parameters().get(position));
    }
    Optional<ProcedureParameter> found =
        spec.parameters().stream().filter(p -> p.name().equalsIgnoreCase(name)).findFirst();
    if (found.isEmpty()) {
      faults.add(
          BackfillErrorCode.UNKNOWN_ARGUMENT,
          "%s has no argument '%s'.%s It takes: %s."
              .formatted(
                  spec.name(),
                  name,
                  NearestName.hint(name, spec.parameterNames()),
                  spec.parameters().isEmpty() ? "none" : String.join(", ", spec.parameterNames())));
    }
    return found;
  }

  private void bind(ProcedureParameter parameter, CallArgument argument) {
    if (!seen.add(parameter.name())) {
      faults.add(
          BackfillErrorCode.DUPLICATE_ARGUMENT,
          "Argument '%s' is given more than once, the last time as %s. Give it once."
              .formatted(parameter.name(), argument.text()));
      return;
    }
    if (argument.problem() != null) {
      faults.add(
          BackfillErrorCode.INVALID_ARGUMENT,
          "Argument '%s' is %s, %s"
              .formatted(parameter.name(), argument.text(), argument.problem()));
      return;
    }
    Object value = argument.value();
    if (value == null) {
      if (parameter.required()) {
        faults.add(
            BackfillErrorCode.INVALID_ARGUMENT,
            "Argument '%s' is NULL; %s needs a %s."
                .formatted(parameter.name(), spec.name(), parameter.type().sqlName()));
      }
      return;
    }
    ConfigOption<?> option = parameter.option();
    Object converted =
        option == null
            ? convert(parameter, argument, value)
            : faults.collect(() -> option.ofCall(value));
    if (converted != null) {
      values.put(parameter.name(), converted);
    }
  }

  private @Nullable Object convert(
      ProcedureParameter parameter, CallArgument argument, Object value) {
    Optional<Object> accepted = parameter.type().accept(value);
    if (accepted.isEmpty()) {
      faults.add(
          BackfillErrorCode.INVALID_ARGUMENT,
          "Argument '%s' must be a %s, and not the %s %s. Write %s => %s."
              .formatted(
                  parameter.name(),
                  parameter.type().sqlName(),
                  argument.type().sql().toLowerCase(Locale.ROOT),
                  argument.text(),
                  parameter.name(),
                  parameter.type().example()));
    }
    return accepted.orElse(null);
  }
}
