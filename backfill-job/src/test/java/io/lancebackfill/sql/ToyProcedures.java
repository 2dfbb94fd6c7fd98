package io.lancebackfill.sql;

import io.lancebackfill.call.ParameterType;
import io.lancebackfill.call.Procedure;
import io.lancebackfill.call.ProcedureArguments;
import io.lancebackfill.call.ProcedureContext;
import io.lancebackfill.call.ProcedureParameter;
import io.lancebackfill.call.ProcedureRegistry;
import io.lancebackfill.call.ProcedureSpec;
import io.lancebackfill.config.BackfillOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** A procedure that keeps what it was called with. */
final class ToyProcedures implements Procedure {
  private final List<ProcedureArguments> calls = new CopyOnWriteArrayList<>();
  private final List<ProcedureContext> contexts = new CopyOnWriteArrayList<>();

  ProcedureRegistry registry() {
    return new ProcedureRegistry(List.of(this));
  }

  List<ProcedureArguments> calls() {
    return calls;
  }

  ProcedureArguments last() {
    return calls.get(calls.size() - 1);
  }

  ProcedureContext lastContext() {
    return contexts.get(contexts.size() - 1);
  }

  @Override
  public ProcedureSpec spec() {
    List<ProcedureParameter> parameters = new ArrayList<>();
    parameters.add(ProcedureParameter.required("table", ParameterType.STRING, "The table."));
    parameters.add(ProcedureParameter.required("column", ParameterType.STRING, "The column."));
    parameters.add(ProcedureParameter.optional("body", ParameterType.BINARY, "Bytes."));
    parameters.add(ProcedureParameter.optional("columns", ParameterType.STRING_ARRAY, "Names."));
    parameters.add(ProcedureParameter.optional("options", ParameterType.STRING_MAP, "Options."));
    parameters.add(ProcedureParameter.optional("rows", ParameterType.LONG, "A number."));
    parameters.add(ProcedureParameter.optional("share", ParameterType.DOUBLE, "A share."));
    parameters.add(ProcedureParameter.optional("count", ParameterType.INT, "A count."));
    parameters.add(ProcedureParameter.optional("flag", ParameterType.BOOLEAN, "Yes or no."));
    parameters.add(ProcedureParameter.optional("thing", ParameterType.ANY, "Anything."));
    BackfillOptions.callable().forEach(option -> parameters.add(ProcedureParameter.of(option)));
    return new ProcedureSpec(
        "backfill",
        parameters,
        new StructType()
            .add("table", DataTypes.StringType, false)
            .add("calls", DataTypes.LongType, false),
        "Keeps its arguments.");
  }

  @Override
  public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
    calls.add(arguments);
    contexts.add(context);
    return List.of(RowFactory.create(arguments.string("table"), (long) calls.size()));
  }
}
