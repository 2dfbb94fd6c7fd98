package io.lancebackfill.procedure;

import io.lancebackfill.call.Procedure;
import io.lancebackfill.call.ProcedureRegistry;
import io.lancebackfill.procedure.context.ClusterCheckProcedures;
import io.lancebackfill.procedure.context.ClusterProcedures;
import io.lancebackfill.procedure.context.ExecutorProcedures;
import io.lancebackfill.procedure.context.ManifestProcedures;
import io.lancebackfill.procedure.context.WarmUpProcedure;
import java.util.ArrayList;
import java.util.List;

/** The procedures that this plugin brings. */
public final class Procedures {
  private Procedures() {}

  public static ProcedureRegistry registry() {
    List<Procedure> all =
        new ArrayList<>(
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
    all.addAll(ClusterProcedures.all());
    all.addAll(ClusterCheckProcedures.all());
    all.addAll(ManifestProcedures.all());
    all.add(new WarmUpProcedure());
    all.addAll(ExecutorProcedures.all());
    return new ProcedureRegistry(all);
  }
}
