package io.lancebackfill.run;

import io.lancebackfill.compute.ArrowFunction;
import io.lancebackfill.exec.PromptPythonOutput;
import io.lancebackfill.state.DeclaredInputs;
import org.apache.spark.sql.Column;
import org.jspecify.annotations.Nullable;

/**
 * What computes the rows of a job: an expression or a function.
 *
 * @param inputs how it names the columns that it reads
 */
public record Computation(
    @Nullable Column expression, @Nullable ArrowFunction function, DeclaredInputs inputs) {
  public static Computation of(Column expression, DeclaredInputs inputs) {
    return new Computation(expression, null, inputs);
  }

  public static Computation of(ArrowFunction function, DeclaredInputs inputs) {
    return new Computation(null, function, inputs);
  }

  /** The name in the expression's struct of a column of a group. */
  public static String member(int position) {
    return "member_" + position;
  }

  /** Whether Python workers compute a part of it. */
  boolean isPython() {
    return expression != null && PromptPythonOutput.isNeededFor(expression.expr());
  }
}
