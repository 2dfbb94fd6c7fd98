package io.lancebackfill.procedure;

import io.lancebackfill.call.ProcedureRegistry;
import java.util.List;

/** The procedures that this plugin brings. */
public final class Procedures {
  private Procedures() {}

  public static ProcedureRegistry registry() {
    return new ProcedureRegistry(
        List.of(
            new AddColumnProcedure(),
            new AlterColumnProcedure(),
            new DropColumnProcedure(),
            new RegisterFunctionProcedure(),
            new FunctionProcedures.Drop(),
            new FunctionProcedures.Functions(),
            new FunctionBodyProcedure(),
            new BackfillProcedure(),
            new CoverageProcedure(),
            new JobsProcedure(),
            new JobProcedure(),
            new ErrorsProcedure(),
            new RetryErrorsProcedure(),
            new CleanProcedure()));
  }
}
