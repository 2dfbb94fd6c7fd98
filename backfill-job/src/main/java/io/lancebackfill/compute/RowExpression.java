package io.lancebackfill.compute;

import java.io.Serializable;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import scala.collection.JavaConverters;
import scala.collection.Seq;

/**
 * An expression apart from the scan of its inputs, so that it can be evaluated on one row at a
 * time: in a query of Spark's, a row on which it fails takes all that come after it along.
 *
 * @param address ordinal of the row address among the scanned values
 * @param steps projections, each on what the one before it gives; the last one gives the row
 *     address, then the values
 */
public record RowExpression(int address, List<Step> steps) implements Serializable {
  /** What a projection gives, of the attributes that it gets. */
  public record Step(List<Expression> values, List<Attribute> inputs) implements Serializable {}

  /** An expression, and the plan of the scan that it is to be evaluated on. */
  public record Split(RowExpression expression, LogicalPlan scan) {}

  /**
   * Takes a query apart.
   *
   * @param optimized of the row address and values, computed row by row without Python
   */
  public static Split of(LogicalPlan optimized) {
    Deque<Step> steps = new ArrayDeque<>();
    LogicalPlan scan = peeled(optimized, steps);
    List<Attribute> scanned = list(scan.output());
    for (int i = 0; i < scanned.size(); i++) {
      if (scanned.get(i).name().equals("_rowaddr")) {
        return new Split(new RowExpression(i, List.copyOf(steps)), scan);
      }
    }
    throw new IllegalStateException("no row address among " + scanned);
  }

  /**
   * The projections of a query, the first one first; empty if it has something else above its scan,
   * as of Python UDFs.
   */
  public static Optional<List<Step>> steps(LogicalPlan optimized) {
    Deque<Step> steps = new ArrayDeque<>();
    LogicalPlan scan = peeled(optimized, steps);
    return scan.children().isEmpty() ? Optional.of(List.copyOf(steps)) : Optional.empty();
  }

  /** Takes projections off a plan; returns what is under them. */
  private static LogicalPlan peeled(LogicalPlan plan, Deque<Step> steps) {
    LogicalPlan rest = plan;
    while (rest instanceof Project project) {
      rest = project.child();
      steps.addFirst(new Step(list(project.projectList()), list(rest.output())));
    }
    return rest;
  }

  /** To Java, a NamedExpression is no Expression. */
  @SuppressWarnings("unchecked")
  private static <T> List<T> list(Seq<?> values) {
    return new ArrayList<>((List<T>) JavaConverters.seqAsJavaList(values));
  }
}
