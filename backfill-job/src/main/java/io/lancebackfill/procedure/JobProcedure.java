package io.lancebackfill.procedure;

import static io.lancebackfill.procedure.JobsProcedure.STARTUP;
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
import io.lancebackfill.report.JobsReport;
import io.lancebackfill.state.JobEvent;
import java.sql.Timestamp;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;

/** {@code CALL catalog.system.job(table, job_id)}. */
final class JobProcedure implements Procedure {
  @Override
  public ProcedureSpec spec() {
    return new ProcedureSpec(
        "job",
        List.of(
            ProcedureParameter.required("table", ParameterType.STRING, "Name or URI of the table."),
            ProcedureParameter.required("job_id", ParameterType.STRING, "The job.")),
        new ResultSchema()
            .notNull("at", TimestampType)
            .notNull("event", StringType)
            .notNull("status", StringType)
            .notNull("columns", StringType)
            .notNull("table_version", LongType)
            .notNull("fragments_planned", LongType)
            .notNull("fragments_committed", LongType)
            .notNull("rows_planned", LongType)
            .notNull("rows_computed", LongType)
            .notNull("rows_from_checkpoints", LongType)
            .notNull("rows_failed", LongType)
            .notNull("commits", LongType)
            .notNull("bytes_written", LongType)
            .notNull("elapsed_ms", LongType)
            .notNull("driver", StringType)
            .notNull("options", StringType)
            .notNull("message", StringType)
            .notNull("startup", STARTUP)
            .build(),
        "Tells the history of one job, oldest event first; counters are totals.");
  }

  @Override
  public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
    return new JobsReport(
            CallTargets.table(context, arguments),
            BackfillConf.leaseDuration(context.session().conf()))
        .events(arguments.string("job_id")).stream().map(JobProcedure::row).toList();
  }

  private static Row row(JobEvent e) {
    return RowFactory.create(
        Timestamp.from(e.at()),
        e.event(),
        e.status().name(),
        e.columns(),
        e.tableVersion(),
        e.counts().fragmentsPlanned(),
        e.counts().fragmentsCommitted(),
        e.rowsPlanned(),
        e.counts().rowsComputed(),
        e.counts().rowsFromCheckpoints(),
        e.counts().rowsFailed(),
        e.counts().commits(),
        e.counts().bytesWritten(),
        e.elapsedMs(),
        e.driver(),
        e.options(),
        e.message(),
        JobsReport.startup(e));
  }
}
