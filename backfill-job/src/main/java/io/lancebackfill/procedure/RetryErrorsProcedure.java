package io.lancebackfill.procedure;

import io.lancebackfill.call.ParameterType;
import io.lancebackfill.call.Procedure;
import io.lancebackfill.call.ProcedureArguments;
import io.lancebackfill.call.ProcedureContext;
import io.lancebackfill.call.ProcedureParameter;
import io.lancebackfill.call.ProcedureSpec;
import io.lancebackfill.job.BackfillAction;
import io.lancebackfill.job.BackfillRequest;
import io.lancebackfill.report.ErrorsReport;
import io.lancebackfill.report.ErrorsReport.OfJob;
import io.lancebackfill.table.TableTarget;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Row;

/** {@code CALL catalog.system.retry_errors(table, job_id[, options])}. */
final class RetryErrorsProcedure implements Procedure {
  @Override
  public ProcedureSpec spec() {
    return new ProcedureSpec(
        "retry_errors",
        List.of(
            ProcedureParameter.required("table", ParameterType.STRING, "Name or URI of the table."),
            ProcedureParameter.required(
                "job_id", ParameterType.STRING, "The job that left the errors."),
            ProcedureParameter.optional(
                "options", ParameterType.STRING_MAP, "Options of backfill for this job.")),
        BackfillProcedure.OUTPUT,
        "Runs the column's present function on the rows on which a job's function failed, as far as"
            + " they are failed still.");
  }

  @Override
  public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
    TableTarget table = CallTargets.table(context, arguments);
    OfJob failed = new ErrorsReport(table).ofJob(arguments.string("job_id"));
    BackfillRequest request =
        new BackfillRequest(
            table, failed.column(), Map.copyOf(arguments.stringMap("options")), failed.rows());
    return List.of(BackfillProcedure.row(new BackfillAction(context.session(), request).run()));
  }
}
