package io.lancebackfill.expression;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.RuntimeReplaceable;
import scala.collection.JavaConverters;
import scala.runtime.AbstractPartialFunction;

/** Walks Spark's expression trees. */
final class Trees {
  private Trees() {}

  static List<Expression> children(Expression expression) {
    return JavaConverters.seqAsJavaList(expression.children());
  }

  /**
   * All nodes of an analysed expression, parents first, with what Spark will put into the place of
   * a function that stands for others.
   */
  static List<Expression> withReplacements(Expression root) {
    List<Expression> nodes = new ArrayList<>();
    collect(root, nodes);
    return nodes;
  }

  private static void collect(Expression node, List<Expression> into) {
    into.add(node);
    List<Expression> children = children(node);
    children.forEach(child -> collect(child, into));
    if (node instanceof RuntimeReplaceable shorthand
        && children.stream().noneMatch(child -> child == shorthand.replacement())) {
      collect(shorthand.replacement(), into);
    }
  }

  /** Puts one expression in the place of each of the given nodes. */
  static Expression replace(Expression root, List<Expression> nodes, Expression replacement) {
    return root.transform(
        new AbstractPartialFunction<Expression, Expression>() {
          @Override
          public boolean isDefinedAt(Expression node) {
            return nodes.stream().anyMatch(wanted -> wanted == node);
          }

          @Override
          public Expression apply(Expression node) {
            return replacement;
          }
        });
  }
}
