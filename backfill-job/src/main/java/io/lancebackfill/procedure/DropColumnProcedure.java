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
import io.lancebackfill.declare.ColumnDeclarations;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;

/** {@code CALL catalog.system.drop_column(table, column)}. */
final class DropColumnProcedure implements Procedure {
  @Override
  public ProcedureSpec spec() {
    return new ProcedureSpec(
        "drop_column",
        List.of(
            ProcedureParameter.required("table", ParameterType.STRING, "Name or URI of the table."),
            ProcedureParameter.required(
                "column", ParameterType.STRING, "A computed column; a group goes as a whole.")),
        new ResultSchema().notNull("column", StringType).notNull("table_version", LongType).build(),
        "Drops a computed column.");
  }

  @Override
  public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
    String column = arguments.string("column");
    long version =
        new ColumnDeclarations(context.session(), CallTargets.table(context, arguments))
            .drop(column);
    return List.of(RowFactory.create(column, version));
  }
}
