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
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.Faults;
import io.lancebackfill.job.BackfillCheck;
import io.lancebackfill.job.BackfillResult;
import io.lancebackfill.pipeline.ColumnPipeline;
import io.lancebackfill.state.JobCounts;
import io.lancebackfill.table.TableTarget;
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
          .notNull("columns", StringType)
          .build();

  @Override
  public ProcedureSpec spec() {
    List<ProcedureParameter> parameters = new ArrayList<>();
    parameters.add(
        ProcedureParameter.required("table", ParameterType.STRING, "Name or URI of the table."));
    parameters.add(
        ProcedureParameter.optional(
            "column", ParameterType.STRING, "A computed column, or one of a group."));
    for (ConfigOption<?> option : BackfillOptions.callable()) {
      parameters.add(ProcedureParameter.of(option));
    }
    parameters.add(
        ProcedureParameter.optional(
            "columns",
            ParameterType.STRING_ARRAY,
            "Several computed columns in place of 'column': a job each, each after those that it reads, and beside them where its tasks have executors of their own."));
    return new ProcedureSpec(
        "backfill", parameters, OUTPUT, "Computes the values of a column that need it.");
  }

  @Override
  public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
    List<String> columns = columns(arguments);
    if (columns.isEmpty()) {
      check(context, arguments);
    }
    return new ColumnPipeline(
            context.session(), CallTargets.table(context, arguments), columns, arguments.options())
        .run().stream().map(BackfillProcedure::row).toList();
  }

  @Override
  public void check(ProcedureContext context, ProcedureArguments arguments) {
    Faults faults = new Faults();
    List<String> columns = columns(arguments);
    if (columns.isEmpty()) {
      faults.add(
          arguments.has("column") || arguments.has("columns")
              ? BackfillErrorCode.INVALID_ARGUMENT
              : BackfillErrorCode.MISSING_ARGUMENT,
          "backfill takes either 'column', the name of a computed column, or 'columns', an array of such names; %s was given."
              .formatted(
                  arguments.has("column")
                      ? "both"
                      : arguments.has("columns") ? "an empty array" : "neither"));
    }
    if (arguments.has("table")) {
      TableTarget table = faults.collect(() -> CallTargets.table(context, arguments));
      if (table != null) {
        faults.collect(
            () -> {
              BackfillCheck.check(context.session(), table, columns, arguments.options());
              return null;
            });
      }
    }
    faults.throwIfAny();
  }

  /** Empty if the call names none, or by both arguments. */
  private static List<String> columns(ProcedureArguments arguments) {
    if (arguments.has("column") && arguments.has("columns")) {
      return List.of();
    }
    return arguments.optionalString("column").map(List::of).orElse(arguments.strings("columns"));
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
        result.note(),
        result.columns());
  }
}
