package io.lancebackfill.procedure;

import io.lancebackfill.call.Procedure;
import io.lancebackfill.call.ProcedureArguments;
import io.lancebackfill.call.ProcedureContext;
import io.lancebackfill.call.ProcedureSpec;
import io.lancebackfill.declare.FunctionRegistration;
import java.util.List;
import org.apache.spark.sql.Row;

/** {@code CALL catalog.system.functions()}. */
final class FunctionsProcedure implements Procedure {
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
