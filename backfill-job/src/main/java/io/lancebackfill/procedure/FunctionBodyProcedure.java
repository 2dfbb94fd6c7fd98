package io.lancebackfill.procedure;

import static org.apache.spark.sql.types.DataTypes.BinaryType;

import io.lancebackfill.call.ParameterType;
import io.lancebackfill.call.Procedure;
import io.lancebackfill.call.ProcedureArguments;
import io.lancebackfill.call.ProcedureContext;
import io.lancebackfill.call.ProcedureParameter;
import io.lancebackfill.call.ProcedureSpec;
import io.lancebackfill.declare.FunctionBodies;
import io.lancebackfill.declare.FunctionBodies.FunctionBody;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.StructType;

/** {@code CALL catalog.system.function_body(table, function)}. */
final class FunctionBodyProcedure implements Procedure {
  private static final StructType OUTPUT =
      RegisterFunctionProcedure.OUTPUT.add("body", BinaryType, false);

  @Override
  public ProcedureSpec spec() {
    return new ProcedureSpec(
        "function_body",
        List.of(
            ProcedureParameter.required("table", ParameterType.STRING, "Name or URI of the table."),
            ProcedureParameter.required(
                "function",
                ParameterType.STRING,
                "A Python function that a column has, or had: function in errors.")),
        OUTPUT,
        "Gives the pickled code of a Python function of the table to a session that may run it.");
  }

  @Override
  public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
    FunctionBody found =
        new FunctionBodies(context.session(), CallTargets.table(context, arguments))
            .read(arguments.string("function"));
    Row known = RegisterFunctionProcedure.row(found.function());
    Object[] values = new Object[known.size() + 1];
    for (int i = 0; i < known.size(); i++) {
      values[i] = known.get(i);
    }
    values[known.size()] = found.body();
    return List.of(RowFactory.create(values));
  }
}
