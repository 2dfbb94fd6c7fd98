package io.lancebackfill.coverage;

import java.util.function.Supplier;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.execution.SQLExecution;
import scala.Option;
import scala.runtime.AbstractFunction0;

/**
 * Runs a query's RDD by hand the way Spark runs queries: with its session's settings on executors,
 * and with its plan and read metrics in the SQL tab of the Spark UI.
 */
public final class SqlExecution {
  private SqlExecution() {}

  public static <T> T run(Dataset<?> query, String description, Supplier<T> body) {
    return SQLExecution.withNewExecutionId(
        query.queryExecution(),
        Option.apply(description),
        new AbstractFunction0<T>() {
          @Override
          public T apply() {
            return body.get();
          }
        });
  }
}
