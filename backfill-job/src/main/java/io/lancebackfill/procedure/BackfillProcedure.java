package io.lancebackfill.procedure;

import static org.apache.spark.sql.types.DataTypes.LongType;
import static org.apache.spark.sql.types.DataTypes.StringType;

import io.lancebackfill.call.ParameterType;
import io.lancebackfill.call.Procedure;
import io.lancebackfill.call.ProcedureArguments;
import io.lancebackfill.call.ProcedureContext;
import io.lancebackfill.call.ProcedureParameter;
import io.lancebackfill.call.ProcedureSpec;
import io.lancebackfill.call.ResultSchema;
import io.lancebackfill.config.BackfillOptions;
import io.lancebackfill.config.ConfigOption;
import io.lancebackfill.job.BackfillAction;
import io.lancebackfill.job.BackfillCheck;
import io.lancebackfill.job.BackfillRequest;
import io.lancebackfill.job.BackfillResult;
import io.lancebackfill.state.JobCounts;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.StructType;

/** {@code CALL catalog.system.backfill(table, column, ...)}: the main job. */
final class BackfillProcedure implements Procedure {
  static final StructType OUTPUT =
      new ResultSchema()
          .notNull("job_id", StringType)
          .notNull("status", StringType)
          .notNull("table_version", LongType)
          .notNull("fragments_planned", LongType)
          .notNull("fragments_committed", LongType)
          .notNull("fragments_skipped", LongType)
          .notNull("rows_computed", LongType)
          .notNull("rows_from_checkpoints", LongType)
          .notNull("rows_failed", LongType)
          .notNull("commits", LongType)
          .notNull("bytes_written", LongType)
          .notNull("elapsed_ms", LongType)
          .nullable("attached_by", StringType)
          .notNull("note", StringType)
          .build();

  @Override
  public ProcedureSpec spec() {
    List<ProcedureParameter> parameters = new ArrayList<>();
    parameters.add(
        ProcedureParameter.required("table", ParameterType.STRING, "Name or URI of the table."));
    parameters.add(
        ProcedureParameter.required(
            "column", ParameterType.STRING, "A computed column, or one of a group."));
    for (ConfigOption<?> option : BackfillOptions.callable()) {
      parameters.add(ProcedureParameter.of(option));
    }
    return new ProcedureSpec(
        "backfill", parameters, OUTPUT, "Computes the values of a column that need it.");
  }

  @Override
  public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
    return List.of(row(action(context, arguments).run()));
  }

  @Override
  public void check(ProcedureContext context, ProcedureArguments arguments) {
    if (arguments.has("table")) {
      BackfillCheck.check(
          context.session(),
          CallTargets.table(context, arguments),
          arguments.optionalString("column").orElse(null),
          arguments.options());
    }
  }

  private static BackfillAction action(ProcedureContext context, ProcedureArguments arguments) {
    return new BackfillAction(
        context.session(),
        new BackfillRequest(
            CallTargets.table(context, arguments),
            arguments.string("column"),
            arguments.options()));
  }

  static Row row(BackfillResult result) {
    JobCounts counts = result.counts();
    return RowFactory.create(
        result.jobId(),
        result.status().name(),
        result.tableVersion(),
        counts.fragmentsPlanned(),
        counts.fragmentsCommitted(),
        counts.fragmentsSkipped(),
        counts.rowsComputed(),
        counts.rowsFromCheckpoints(),
        counts.rowsFailed(),
        counts.commits(),
        counts.bytesWritten(),
        result.elapsedMs(),
        result.attachedBy(),
        result.note());
  }
}
