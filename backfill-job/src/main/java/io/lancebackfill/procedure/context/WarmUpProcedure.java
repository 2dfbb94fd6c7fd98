package io.lancebackfill.procedure.context;

import static org.apache.spark.sql.types.DataTypes.DoubleType;
import static org.apache.spark.sql.types.DataTypes.StringType;

import io.lancebackfill.call.ParameterType;
import io.lancebackfill.call.Procedure;
import io.lancebackfill.call.ProcedureArguments;
import io.lancebackfill.call.ProcedureContext;
import io.lancebackfill.call.ProcedureParameter;
import io.lancebackfill.call.ProcedureSpec;
import io.lancebackfill.call.ResultSchema;
import io.lancebackfill.config.BackfillOptions;
import io.lancebackfill.context.WarmUp;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.procedure.CallTargets;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;

/**
 * {@code CALL catalog.system.warm_up(...)}: executors and Python workers before they are needed.
 */
public final class WarmUpProcedure implements Procedure {
  @Override
  public ProcedureSpec spec() {
    return new ProcedureSpec(
        "warm_up",
        List.of(
            ProcedureParameter.of(BackfillOptions.CLUSTER),
            ProcedureParameter.of(BackfillOptions.WORKER_GROUP),
            ProcedureParameter.of(BackfillOptions.MANIFEST),
            ProcedureParameter.of(BackfillOptions.NUM_CPUS),
            ProcedureParameter.of(BackfillOptions.NUM_GPUS),
            ProcedureParameter.of(BackfillOptions.MEMORY),
            ProcedureParameter.optional(
                "executors",
                ParameterType.INT,
                "Executors that there shall be, where dynamic allocation can start them; one at"
                    + " least if it is left out."),
            ProcedureParameter.optional(
                "table", ParameterType.STRING, "Name or URI of the table of the column."),
            ProcedureParameter.optional(
                "column",
                ParameterType.STRING,
                "A computed column whose stored Python function the workers load."),
            ProcedureParameter.optional(
                "timeout",
                ParameterType.DURATION,
                "How long all steps may take; the cluster's admission timeout, or 10 min, if it is"
                    + " left out.")),
        new ResultSchema()
            .notNull("step", StringType)
            .notNull("seconds", DoubleType)
            .notNull("detail", StringType)
            .build(),
        "Starts executors and Python workers, and loads what those need, before a job does.");
  }

  @Override
  public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
    return warmUp(context, arguments).run().stream()
        .map(step -> RowFactory.create(step.name(), step.seconds(), step.detail()))
        .toList();
  }

  private static WarmUp warmUp(ProcedureContext context, ProcedureArguments arguments) {
    if (arguments.has("table") != arguments.has("column")) {
      throw new BackfillException(
          BackfillErrorCode.INVALID_ARGUMENT,
          "warm_up has '%s' without '%s'. Give both, for the function of that column; or none."
              .formatted(
                  arguments.has("table") ? "table" : "column",
                  arguments.has("table") ? "column" : "table"));
    }
    int executors = arguments.intValue("executors", 0);
    if (arguments.has("executors") && executors < 1) {
      throw new BackfillException(
          BackfillErrorCode.INVALID_ARGUMENT,
          "executors is %d. Give 1 or more, or leave it out.".formatted(executors));
    }
    Map<String, Object> options = arguments.options();
    arguments
        .value("timeout")
        .ifPresent(timeout -> options.put(BackfillOptions.ADMISSION_TIMEOUT.name(), timeout));
    WarmUpCall call =
        new WarmUpCall(
            context.session(), options, executors, line -> System.err.println("warm_up: " + line));
    return arguments.has("table")
        ? call.of(CallTargets.table(context, arguments), arguments.string("column"))
        : call.of(CallTargets.root(context));
  }
}
