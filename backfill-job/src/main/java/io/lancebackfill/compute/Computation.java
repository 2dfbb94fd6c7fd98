package io.lancebackfill.compute;

import io.lancebackfill.environment.WorkerEnvironment;
import io.lancebackfill.state.DeclaredInputs;
import java.util.Optional;
import org.apache.spark.sql.Column;
import org.jspecify.annotations.Nullable;

/** What computes the rows of a job. */
public sealed interface Computation {
  /** How it names the columns that it reads. */
  DeclaredInputs inputs();

  /** What a row must meet. */
  Requirements requirements();

  /** Whether Python workers compute a part of it. */
  boolean isPython();

  /**
   * An expression that Spark evaluates; of a group a struct with a {@link #member} for each.
   *
   * @param expression parsed only: what it calls is not known from it
   */
  record OfExpression(
      Column expression, DeclaredInputs inputs, boolean isPython, Requirements requirements)
      implements Computation {}

  /** A function on Arrow batches. */
  record OfFunction(ArrowFunction function, DeclaredInputs inputs, Requirements requirements)
      implements Computation {
    @Override
    public boolean isPython() {
      return function.descriptor().isPython();
    }
  }

  /** The same in another environment, where it is a Python function of ours. */
  default Computation in(@Nullable WorkerEnvironment environment) {
    return this instanceof OfFunction called && called.isPython()
        ? new OfFunction(called.function.in(environment), called.inputs, called.requirements)
        : this;
  }

  /** The same on batches of so many rows, where it is a function on Arrow batches. */
  default Computation inBatchesOf(int rows) {
    return this instanceof OfFunction called
        ? new OfFunction(called.function.inBatchesOf(rows), called.inputs, called.requirements)
        : this;
  }

  /** The environment that Python workers get of us, if they do. */
  default Optional<WorkerEnvironment> environment() {
    return this instanceof OfFunction called
        ? Optional.ofNullable(called.function.environment())
        : Optional.empty();
  }

  /** The name in the expression's struct of a column of a group. */
  static String member(int position) {
    return "member_" + position;
  }
}
