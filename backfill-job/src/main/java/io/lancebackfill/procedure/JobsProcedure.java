package io.lancebackfill.procedure;

import static org.apache.spark.sql.types.DataTypes.DoubleType;
import static org.apache.spark.sql.types.DataTypes.LongType;
import static org.apache.spark.sql.types.DataTypes.StringType;
import static org.apache.spark.sql.types.DataTypes.TimestampType;

import io.lancebackfill.call.ParameterType;
import io.lancebackfill.call.Procedure;
import io.lancebackfill.call.ProcedureArguments;
import io.lancebackfill.call.ProcedureContext;
import io.lancebackfill.call.ProcedureParameter;
import io.lancebackfill.call.ProcedureSpec;
import io.lancebackfill.call.ResultSchema;
import io.lancebackfill.config.BackfillConf;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.report.JobsReport;
import io.lancebackfill.state.JobCounts;
import io.lancebackfill.state.JobEvent;
import io.lancebackfill.state.JobStatus;
import java.sql.Timestamp;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.MapType;
import org.jspecify.annotations.Nullable;

/** {@code CALL catalog.system.jobs(table[, status])}. */
final class JobsProcedure implements Procedure {
  /** Steps of the start and their seconds, or counts. */
  static final MapType STARTUP = DataTypes.createMapType(StringType, DoubleType, false);

  @Override
  public ProcedureSpec spec() {
    return new ProcedureSpec(
        "jobs",
        List.of(
            ProcedureParameter.required("table", ParameterType.STRING, "Name or URI of the table."),
            ProcedureParameter.optional(
                "status", ParameterType.STRING, "Only jobs that stand so, such as FAILED.")),
        new ResultSchema()
            .notNull("job_id", StringType)
            .notNull("columns", StringType)
            .notNull("status", StringType)
            .notNull("started_at", TimestampType)
            .notNull("updated_at", TimestampType)
            .notNull("table_version", LongType)
            .notNull("fragments_planned", LongType)
            .notNull("fragments_committed", LongType)
            .notNull("rows_computed", LongType)
            .notNull("rows_from_checkpoints", LongType)
            .notNull("rows_failed", LongType)
            .notNull("commits", LongType)
            .notNull("bytes_written", LongType)
            .notNull("message", StringType)
            .notNull("startup", STARTUP)
            .build(),
        "Lists the jobs of a table, oldest first.");
  }

  @Override
  public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
    JobStatus status = status(arguments.optionalString("status").orElse(null));
    return new JobsReport(
            CallTargets.table(context, arguments),
            BackfillConf.leaseDuration(context.session().conf()))
        .jobs(status).stream().map(JobsProcedure::row).toList();
  }

  private static @Nullable JobStatus status(@Nullable String name) {
    if (name == null) {
      return null;
    }
    try {
      return JobStatus.valueOf(name.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw new BackfillException(
          BackfillErrorCode.INVALID_ARGUMENT,
          "'%s' is no status of a job. There are: %s."
              .formatted(
                  name,
                  Arrays.stream(JobStatus.values())
                      .map(JobStatus::name)
                      .collect(Collectors.joining(", "))),
          e);
    }
  }

  private static Row row(JobsReport.Job job) {
    JobEvent last = job.last();
    JobCounts counts = last.counts();
    return RowFactory.create(
        last.jobId(),
        last.columns(),
        job.status().name(),
        Timestamp.from(job.startedAt()),
        Timestamp.from(last.at()),
        last.tableVersion(),
        counts.fragmentsPlanned(),
        counts.fragmentsCommitted(),
        counts.rowsComputed(),
        counts.rowsFromCheckpoints(),
        counts.rowsFailed(),
        counts.commits(),
        counts.bytesWritten(),
        last.message(),
        JobsReport.startup(last));
  }
}
