package io.lancebackfill.procedure;

import static org.apache.spark.sql.types.DataTypes.IntegerType;
import static org.apache.spark.sql.types.DataTypes.LongType;
import static org.apache.spark.sql.types.DataTypes.StringType;

import io.lancebackfill.call.ParameterType;
import io.lancebackfill.call.Procedure;
import io.lancebackfill.call.ProcedureArguments;
import io.lancebackfill.call.ProcedureContext;
import io.lancebackfill.call.ProcedureParameter;
import io.lancebackfill.call.ProcedureSpec;
import io.lancebackfill.call.ResultSchema;
import io.lancebackfill.report.CoverageReport;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;

/** {@code CALL catalog.system.coverage(table, column)}. */
final class CoverageProcedure implements Procedure {
  @Override
  public ProcedureSpec spec() {
    return new ProcedureSpec(
        "coverage",
        List.of(
            ProcedureParameter.required("table", ParameterType.STRING, "Name or URI of the table."),
            ProcedureParameter.required(
                "column", ParameterType.STRING, "A computed column, or one of a group.")),
        new ResultSchema()
            .notNull("fragment_id", IntegerType)
            .notNull("rows", LongType)
            .notNull("fresh", LongType)
            .notNull("stale", LongType)
            .notNull("failed", LongType)
            .notNull("never_computed", LongType)
            .notNull("unknown", LongType)
            .nullable("function_version", StringType)
            .notNull("reason", StringType)
            .build(),
        "Says for each fragment which values are fresh, stale, failed, missing or of unknown origin.");
  }

  @Override
  public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
    return new CoverageReport(context.session(), CallTargets.table(context, arguments))
        .run(arguments.string("column")).stream()
            .map(
                line ->
                    RowFactory.create(
                        line.fragmentId(),
                        line.rows(),
                        line.fresh(),
                        line.stale(),
                        line.failed(),
                        line.neverComputed(),
                        line.unknown(),
                        line.functionVersion(),
                        line.reason()))
            .toList();
  }
}
