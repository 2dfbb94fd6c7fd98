package io.lancebackfill.compute;

import io.lancebackfill.state.DeclaredInputs;
import org.apache.spark.sql.Column;

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

  /** The name in the expression's struct of a column of a group. */
  static String member(int position) {
    return "member_" + position;
  }
}
