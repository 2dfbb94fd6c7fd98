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
import io.lancebackfill.declare.ColumnDeclarations.Declared;
import io.lancebackfill.report.IngestionNotice;
import io.lancebackfill.table.TableAddress;
import io.lancebackfill.table.TableResolver;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.StructType;

/** {@code CALL catalog.system.add_column(table, column, expression, ...)}. */
final class AddColumnProcedure implements Procedure {
  static final StructType OUTPUT =
      new ResultSchema()
          .notNull("column", StringType)
          .notNull("data_type", StringType)
          .notNull("kind", StringType)
          .notNull("function_fingerprint", StringType)
          .notNull("table_version", LongType)
          .build();

  @Override
  public ProcedureSpec spec() {
    return new ProcedureSpec(
        "add_column",
        List.of(
            ProcedureParameter.required("table", ParameterType.STRING, "Name or URI of the table."),
            ProcedureParameter.optional("column", ParameterType.STRING, "Name of the new column."),
            ProcedureParameter.optional(
                "expression",
                ParameterType.STRING,
                "A deterministic row-wise Spark SQL expression, function calls included."),
            ProcedureParameter.optional(
                "data_type",
                ParameterType.STRING,
                "The column's type, if it is not the expression's; fixed_size_list<float>[256] is a vector."),
            ProcedureParameter.optional(
                "options",
                ParameterType.STRING_MAP,
                "vector_dim, version, and defaults for the options of backfill."),
            ProcedureParameter.optional(
                "columns",
                ParameterType.STRING_ARRAY,
                "Names of several columns that a struct fills, in the order of its fields."),
            ProcedureParameter.optional(
                "require",
                ParameterType.STRING_ARRAY,
                "Conditions in SQL on the values and inputs of a row, such as 'norm2(emb) > 0'; a row"
                    + " for which one is false has failed.")),
        OUTPUT,
        "Declares a computed column; nothing is computed yet.");
  }

  @Override
  public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
    List<String> names = RequiredNames.of(arguments);
    TableResolver resolver = CallTargets.resolver(context);
    TableAddress address = resolver.resolve(arguments.string("table"));
    List<Declared> declared =
        new ColumnDeclarations(context.session(), resolver.target(address))
            .add(
                names,
                arguments.string("expression"),
                arguments.optionalString("data_type").orElse(null),
                arguments.stringMap("options"),
                arguments.strings("require"));
    IngestionNotice.of(context.session(), address, names).ifPresent(System.err::println);
    return declared.stream().map(AddColumnProcedure::row).toList();
  }

  static Row row(Declared declared) {
    return RowFactory.create(
        declared.column(),
        declared.dataType(),
        declared.kind(),
        declared.fingerprint(),
        declared.version());
  }
}
