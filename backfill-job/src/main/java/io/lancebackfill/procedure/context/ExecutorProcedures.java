package io.lancebackfill.procedure.context;

import static org.apache.spark.sql.types.DataTypes.IntegerType;
import static org.apache.spark.sql.types.DataTypes.StringType;
import static org.apache.spark.sql.types.DataTypes.TimestampType;

import io.lancebackfill.call.ParameterType;
import io.lancebackfill.call.Procedure;
import io.lancebackfill.call.ProcedureArguments;
import io.lancebackfill.call.ProcedureContext;
import io.lancebackfill.call.ProcedureParameter;
import io.lancebackfill.call.ProcedureSpec;
import io.lancebackfill.call.ResultSchema;
import io.lancebackfill.context.SessionExecutors;
import java.sql.Timestamp;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;

/** The executors of the session that calls. */
public final class ExecutorProcedures {
  private ExecutorProcedures() {}

  public static List<Procedure> all() {
    return List.of(new ListAll(), new Release());
  }

  private static SessionExecutors executors(ProcedureContext context) {
    return new SessionExecutors(context.session().sparkContext());
  }

  private static final class ListAll implements Procedure {
    @Override
    public ProcedureSpec spec() {
      return new ProcedureSpec(
          "executors",
          List.of(),
          new ResultSchema()
              .notNull("executor", StringType)
              .notNull("host", StringType)
              .notNull("profile", IntegerType)
              .notNull("slots", IntegerType)
              .notNull("running_tasks", IntegerType)
              .notNull("added_at", TimestampType)
              .build(),
          "Lists the executors that this session has: what a context retained, and the others.");
    }

    @Override
    public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
      return executors(context).list().stream()
          .map(
              executor ->
                  RowFactory.create(
                      executor.id(),
                      executor.host(),
                      executor.profile(),
                      executor.slots(),
                      executor.runningTasks(),
                      Timestamp.from(executor.since())))
          .toList();
    }
  }

  private static final class Release implements Procedure {
    @Override
    public ProcedureSpec spec() {
      return new ProcedureSpec(
          "release_executors",
          List.of(
              ProcedureParameter.optional(
                  "keep", ParameterType.STRING, "Ids of executors that stay, with commas.")),
          new ResultSchema().notNull("executor", StringType).build(),
          "Ends idle executors now, where dynamic allocation started them; its minimum stays, and"
              + " so do those with cached blocks or shuffle files.");
    }

    @Override
    public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
      Set<String> keep =
          Arrays.stream(arguments.optionalString("keep").orElse("").split(",", -1))
              .map(String::strip)
              .collect(Collectors.toSet());
      return executors(context).release(keep).stream().map(RowFactory::create).toList();
    }
  }
}
