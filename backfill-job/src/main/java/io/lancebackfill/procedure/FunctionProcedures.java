package io.lancebackfill.procedure;

import static org.apache.spark.sql.types.DataTypes.StringType;

import io.lancebackfill.call.ParameterType;
import io.lancebackfill.call.Procedure;
import io.lancebackfill.call.ProcedureArguments;
import io.lancebackfill.call.ProcedureContext;
import io.lancebackfill.call.ProcedureParameter;
import io.lancebackfill.call.ProcedureSpec;
import io.lancebackfill.call.ResultSchema;
import io.lancebackfill.declare.FunctionRegistration;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;

/** What is called on functions that are registered. */
final class FunctionProcedures {
  private FunctionProcedures() {}

  /** {@code CALL catalog.system.functions()}. */
  static final class Functions implements Procedure {
    @Override
    public ProcedureSpec spec() {
      return new ProcedureSpec(
          "functions",
          List.of(),
          RegisterFunctionProcedure.OUTPUT,
          "Lists the registered functions of the catalog.");
    }

    @Override
    public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
      return new FunctionRegistration(context.session(), CallTargets.root(context))
          .list().stream().map(RegisterFunctionProcedure::row).toList();
    }
  }

  /** {@code CALL catalog.system.drop_function(name, if_exists)}. */
  static final class Drop implements Procedure {
    @Override
    public ProcedureSpec spec() {
      return new ProcedureSpec(
          "drop_function",
          List.of(
              ProcedureParameter.required("name", ParameterType.STRING, "Name of the function."),
              ProcedureParameter.optional(
                  "if_exists", ParameterType.BOOLEAN, "Whether there need be none of that name.")),
          new ResultSchema().notNull("name", StringType).build(),
          "Drops a function of the catalog; columns that are computed by it keep it.");
    }

    @Override
    public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
      return new FunctionRegistration(context.session(), CallTargets.root(context))
          .drop(arguments.string("name"), arguments.bool("if_exists", false))
          .map(dropped -> List.of(RowFactory.create(dropped)))
          .orElse(List.of());
    }
  }
}
