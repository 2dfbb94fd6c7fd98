package io.lancebackfill.procedure;

import io.lancebackfill.call.ProcedureArguments;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.Faults;
import java.util.List;

/** The names of the columns that a declaration is for: {@code column}, or {@code columns}. */
final class RequiredNames {
  private RequiredNames() {}

  static List<String> of(ProcedureArguments arguments) {
    Faults faults = new Faults();
    if (arguments.has("column") == arguments.has("columns")) {
      faults.add(
          arguments.has("column")
              ? BackfillErrorCode.INVALID_ARGUMENT
              : BackfillErrorCode.MISSING_ARGUMENT,
          "add_column takes either 'column', a name, or 'columns', the names of a group; %s was given."
              .formatted(arguments.has("column") ? "both" : "neither"));
    }
    if (!arguments.has("expression")) {
      faults.add(
          BackfillErrorCode.MISSING_ARGUMENT,
          "Argument 'expression' is missing: the Spark SQL expression that computes the column.");
    }
    List<String> names =
        arguments.has("columns")
            ? arguments.strings("columns")
            : arguments.optionalString("column").map(List::of).orElse(List.of());
    if (arguments.has("columns") && names.size() < 2) {
      faults.add(
          BackfillErrorCode.INVALID_ARGUMENT,
          "'columns' is %s; a group has two columns or more.".formatted(names));
    }
    faults.throwIfAny();
    return names;
  }
}
