package io.lancebackfill.procedure;

import static org.apache.spark.sql.types.DataTypes.IntegerType;
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
import io.lancebackfill.failure.ErrorRecord;
import io.lancebackfill.report.ErrorsReport;
import java.sql.Timestamp;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.StructType;

/** {@code CALL catalog.system.errors(table[, job_id, column])}. */
public final class ErrorsProcedure implements Procedure {
  public static final StructType OUTPUT =
      new ResultSchema()
          .notNull("job_id", StringType)
          .notNull("column", StringType)
          .notNull("function", StringType)
          .notNull("function_version", StringType)
          .notNull("fragment_id", IntegerType)
          .notNull("row_address", LongType)
          .nullable("input_hash", StringType)
          .notNull("attempt", IntegerType)
          .notNull("code", StringType)
          .notNull("message", StringType)
          .notNull("trace", StringType)
          .notNull("at", TimestampType)
          .build();

  @Override
  public ProcedureSpec spec() {
    return new ProcedureSpec(
        "errors",
        List.of(
            ProcedureParameter.required("table", ParameterType.STRING, "Name or URI of the table."),
            ProcedureParameter.optional("job_id", ParameterType.STRING, "Only those of this job."),
            ProcedureParameter.optional(
                "column", ParameterType.STRING, "Only those of this computed column.")),
        OUTPUT,
        "Lists the rows that are NULL, or were, since a function failed on them, oldest first.");
  }

  @Override
  public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
    return new ErrorsReport(CallTargets.table(context, arguments))
            .errors(
                arguments.optionalString("job_id").orElse(null),
                arguments.optionalString("column").orElse(null))
            .stream()
            .map(ErrorsProcedure::row)
            .toList();
  }

  public static Row row(ErrorRecord e) {
    return RowFactory.create(
        e.jobId(),
        e.column(),
        e.function(),
        e.functionVersion(),
        e.fragmentId(),
        e.rowAddress(),
        e.inputHash(),
        e.attempt(),
        e.code(),
        e.message(),
        e.trace(),
        Timestamp.from(e.at()));
  }
}
