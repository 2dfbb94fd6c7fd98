package io.lancebackfill.exec;

import io.lancebackfill.resource.TaskGpus;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.TaskContext;
import org.apache.spark.api.python.PythonFunction;
import org.apache.spark.api.python.SimplePythonFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.PythonUDF;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import scala.runtime.AbstractPartialFunction;

/**
 * Makes Python functions that Spark itself runs give their results batch by batch. Spark's workers
 * hold results back until their output buffer of {@code spark.buffer.size} (64 KiB) is full, which
 * is thousands of finished rows where a row is a number: all lost when the task dies.
 *
 * <p>Spark puts the buffer's size into the environment of the function that it starts a worker for,
 * just before it does so. The environment here keeps a small size instead.
 */
public final class PromptPythonOutput {
  private PromptPythonOutput() {}

  /** The same rows, whose Python functions give results promptly. */
  public static Dataset<Row> of(Dataset<Row> rows) {
    return Dataset.ofRows(rows.sparkSession(), of(rows.queryExecution().analyzed()));
  }

  /** The same plan, whose Python functions give results promptly. */
  public static LogicalPlan of(LogicalPlan plan) {
    return plan.transformAllExpressions(
        new AbstractPartialFunction<Expression, Expression>() {
          @Override
          public boolean isDefinedAt(Expression expression) {
            return expression instanceof PythonUDF udf
                && !(udf.func().envVars() instanceof SmallBuffer);
          }

          @Override
          public Expression apply(Expression expression) {
            return prompt((PythonUDF) expression);
          }
        });
  }

  /** A worker's environment with which it gives results promptly. */
  public static Map<String, String> environment(Map<String, String> variables) {
    return new SmallBuffer(variables);
  }

  private static PythonUDF prompt(PythonUDF udf) {
    PythonFunction function = udf.func();
    return new PythonUDF(
        udf.name(),
        new SimplePythonFunction(
            function.command(),
            new SmallBuffer(function.envVars()),
            function.pythonIncludes(),
            function.pythonExec(),
            function.pythonVer(),
            function.broadcastVars(),
            function.accumulator()),
        udf.dataType(),
        udf.children(),
        udf.evalType(),
        udf.udfDeterministic(),
        udf.resultId());
  }

  /** A worker's environment whose buffer size cannot be set. */
  static final class SmallBuffer extends HashMap<String, String> {
    private static final long serialVersionUID = 1L;

    private static final String KEY = "SPARK_BUFFER_SIZE";

    /** Bytes. Batches of more go straight through; fewer than 2 would mean Python's default. */
    private static final String SIZE = "64";

    SmallBuffer(Map<String, String> environment) {
      super(environment);
      super.put(KEY, SIZE);
    }

    /** Spark puts the size in the task, which knows its GPUs then. */
    @Override
    public String put(String key, String value) {
      TaskContext task = TaskContext.get();
      if (key.equals(KEY) && task != null) {
        super.putAll(TaskGpus.environment(task));
      }
      return super.put(key, key.equals(KEY) ? SIZE : value);
    }
  }
}
