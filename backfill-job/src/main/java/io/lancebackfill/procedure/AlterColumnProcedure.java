package io.lancebackfill.procedure;

import io.lancebackfill.call.ParameterType;
import io.lancebackfill.call.Procedure;
import io.lancebackfill.call.ProcedureArguments;
import io.lancebackfill.call.ProcedureContext;
import io.lancebackfill.call.ProcedureParameter;
import io.lancebackfill.call.ProcedureSpec;
import io.lancebackfill.declare.ColumnDeclarations;
import java.util.List;
import org.apache.spark.sql.Row;

/** {@code CALL catalog.system.alter_column(table, column, expression)}. */
final class AlterColumnProcedure implements Procedure {
  @Override
  public ProcedureSpec spec() {
    return new ProcedureSpec(
        "alter_column",
        List.of(
            ProcedureParameter.required("table", ParameterType.STRING, "Name or URI of the table."),
            ProcedureParameter.required(
                "column", ParameterType.STRING, "A computed column, or one of a group."),
            ProcedureParameter.required(
                "expression", ParameterType.STRING, "What computes the column from now on."),
            ProcedureParameter.optional(
                "options",
                ParameterType.STRING_MAP,
                "version, and defaults for the options of backfill; others stay."),
            ProcedureParameter.optional(
                "require",
                ParameterType.STRING_ARRAY,
                "Conditions that rows have to meet from now on; those that the column has stay if it is"
                    + " left out.")),
        AddColumnProcedure.OUTPUT,
        "Gives a column another expression; its values stay readable, and stale.");
  }

  @Override
  public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
    return new ColumnDeclarations(context.session(), CallTargets.table(context, arguments))
            .alter(
                arguments.string("column"),
                arguments.string("expression"),
                arguments.stringMap("options"),
                arguments.has("require") ? arguments.strings("require") : null)
            .stream()
            .map(AddColumnProcedure::row)
            .toList();
  }
}
