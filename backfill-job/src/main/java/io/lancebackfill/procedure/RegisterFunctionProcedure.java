package io.lancebackfill.procedure;

import static org.apache.spark.sql.types.DataTypes.StringType;
import static org.apache.spark.sql.types.DataTypes.TimestampType;

import io.lancebackfill.call.ParameterType;
import io.lancebackfill.call.Procedure;
import io.lancebackfill.call.ProcedureArguments;
import io.lancebackfill.call.ProcedureContext;
import io.lancebackfill.call.ProcedureParameter;
import io.lancebackfill.call.ProcedureSpec;
import io.lancebackfill.call.ResultSchema;
import io.lancebackfill.declare.FunctionRegistration;
import io.lancebackfill.declare.FunctionRegistration.Existing;
import io.lancebackfill.state.Json;
import io.lancebackfill.state.StoredFunctions.StoredFunction;
import java.sql.Timestamp;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.StructType;

/** {@code CALL catalog.system.register_function(name, kind, class, options)}. */
final class RegisterFunctionProcedure implements Procedure {
  static final StructType OUTPUT =
      new ResultSchema()
          .notNull("name", StringType)
          .notNull("kind", StringType)
          .notNull("class", StringType)
          .nullable("version", StringType)
          .notNull("function_fingerprint", StringType)
          .notNull("options", StringType)
          .notNull("registered_at", TimestampType)
          .build();

  @Override
  public ProcedureSpec spec() {
    return new ProcedureSpec(
        "register_function",
        List.of(
            ProcedureParameter.required(
                "name", ParameterType.STRING, "What expressions call it by."),
            ProcedureParameter.required("kind", ParameterType.STRING, "java or python."),
            ProcedureParameter.optional(
                "class",
                ParameterType.STRING,
                "A class that implements ScalarUdf1 to ScalarUdf5, or ColumnUdf; without it, the one that a jar lists by the name."),
            ProcedureParameter.optional(
                "options", ParameterType.STRING_MAP, "version, and arguments of the function."),
            ProcedureParameter.optional(
                "body",
                ParameterType.BINARY,
                "A pickled Python function; the package lance_backfill makes it."),
            ProcedureParameter.optional(
                "if_exists",
                ParameterType.STRING,
                "What becomes of a function of that name: replace, the default, keep or fail.")),
        OUTPUT,
        "Registers a function for the tables of the catalog.");
  }

  @Override
  public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
    return List.of(
        row(
            new FunctionRegistration(context.session(), CallTargets.root(context))
                .register(
                    arguments.string("name"),
                    arguments.string("kind"),
                    arguments.optionalString("class").orElse(null),
                    arguments.optionalBytes("body").orElse(null),
                    arguments.stringMap("options"),
                    Existing.of(arguments.optionalString("if_exists").orElse("replace")))));
  }

  static Row row(StoredFunction function) {
    return RowFactory.create(
        function.descriptor().name(),
        function.descriptor().kind(),
        function.descriptor().className(),
        function.descriptor().version(),
        function.fingerprint(),
        Json.write(function.descriptor().options()),
        Timestamp.from(function.at()));
  }
}
