package io.lancebackfill.expression;

import io.lancebackfill.expression.ExpressionFault.Code;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.analysis.MultiAlias;
import org.apache.spark.sql.catalyst.analysis.Star;
import org.apache.spark.sql.catalyst.analysis.UnresolvedFunction;
import org.apache.spark.sql.catalyst.catalog.SessionCatalog;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.ExpressionInfo;
import org.apache.spark.sql.catalyst.expressions.SubqueryExpression;
import org.apache.spark.sql.catalyst.expressions.UnresolvedWindowExpression;
import org.apache.spark.sql.catalyst.expressions.WindowExpression;
import org.apache.spark.sql.connector.catalog.CatalogManager;
import org.apache.spark.sql.connector.catalog.FunctionCatalog;
import org.apache.spark.sql.connector.catalog.Identifier;
import scala.Option;
import scala.collection.JavaConverters;

/**
 * What can be told from a parsed expression, before Spark analyses it: faults that would stop the
 * analysis, and so hide others.
 */
final class ParsedChecks {
  private static final Set<String> NOT_ROW_WISE_GROUPS =
      Set.of("agg_funcs", "window_funcs", "generator_funcs");

  private final SessionCatalog functions;
  private final CatalogManager catalogs;
  private final Predicate<String> isArrowFunction;
  private final Set<ExpressionFault> faults = new LinkedHashSet<>();
  private final List<Expression> unknownCalls = new ArrayList<>();
  private final List<Expression> refused = new ArrayList<>();

  /**
   * Prepares checks.
   *
   * @param isArrowFunction whether a name that Spark does not know is a function on Arrow batches
   */
  ParsedChecks(SparkSession session, Predicate<String> isArrowFunction) {
    this.functions = session.sessionState().catalog();
    this.catalogs = session.sessionState().catalogManager();
    this.isArrowFunction = isArrowFunction;
  }

  void check(Expression parsed) {
    checkNode(parsed);
    // What a window holds is refused with it.
    if (!isWindow(parsed)) {
      Trees.children(parsed).forEach(this::check);
    }
  }

  List<ExpressionFault> faults() {
    return List.copyOf(faults);
  }

  /** Calls that Spark cannot resolve; the analysis gets NULLs in their place. */
  List<Expression> unknownCalls() {
    return unknownCalls;
  }

  /** Whether analysis would only repeat what is already known. */
  boolean notAnalysable() {
    return !refused.isEmpty();
  }

  /** Whether none of the faults is in the expression. */
  boolean holdsNoFault(Expression expression) {
    return Stream.concat(refused.stream(), unknownCalls.stream())
            .noneMatch(node -> node == expression)
        && Trees.children(expression).stream().allMatch(this::holdsNoFault);
  }

  /** Whether nothing inside of the expression is worth a look. */
  boolean refusedWithAllInIt(Expression expression) {
    return isWindow(expression)
        || (!(expression instanceof UnresolvedFunction)
            && refused.stream().anyMatch(node -> node == expression));
  }

  static ExpressionFault notRowWise(String what) {
    return new ExpressionFault(
        Code.NOT_ROW_WISE_EXPRESSION,
        "'%s' is not computed from the values of one row.".formatted(what)
            + " Aggregates, window functions, generators and subqueries cannot fill a column."
            + " Use functions of the row's own columns.");
  }

  /** Whether Spark itself would call something by this name. */
  boolean knownToSpark(UnresolvedFunction call) {
    if (call.nameParts().size() > 1) {
      return true;
    }
    String name = call.nameParts().head();
    return functions.lookupBuiltinOrTempFunction(name).isDefined()
        || (catalogs.currentCatalog() instanceof FunctionCatalog catalog
            && catalog.functionExists(Identifier.of(catalogs.currentNamespace(), name)));
  }

  private static boolean isWindow(Expression node) {
    return node instanceof WindowExpression || node instanceof UnresolvedWindowExpression;
  }

  private void checkNode(Expression node) {
    if (isWindow(node)) {
      refuse(node, notRowWise("... OVER (...)"));
    } else if (node instanceof SubqueryExpression) {
      refuse(node, notRowWise("a subquery"));
    } else if (node instanceof Star || node instanceof MultiAlias) {
      refuse(
          node,
          new ExpressionFault(
              Code.INVALID_EXPRESSION,
              "'%s' stands for several columns.".formatted(node)
                  + " Its meaning would change with the table. Name each column."));
    } else if (node instanceof UnresolvedFunction call) {
      checkCall(call);
    }
  }

  private void checkCall(UnresolvedFunction call) {
    String name = String.join(".", JavaConverters.seqAsJavaList(call.nameParts()));
    if (!knownToSpark(call)) {
      unknownCalls.add(call);
      faults.add(isArrowFunction.test(name) ? notTopLevel(name) : notFound(name));
      return;
    }
    Option<ExpressionInfo> info = functions.lookupBuiltinOrTempFunction(call.nameParts().head());
    boolean otherRows =
        call.nameParts().size() == 1
            && info.isDefined()
            && NOT_ROW_WISE_GROUPS.contains(info.get().getGroup());
    if (otherRows || call.isDistinct() || call.filter().isDefined()) {
      refuse(call, notRowWise(name + "(...)"));
    }
  }

  private void refuse(Expression node, ExpressionFault fault) {
    refused.add(node);
    faults.add(fault);
  }

  private static ExpressionFault notFound(String name) {
    return new ExpressionFault(
        Code.FUNCTION_NOT_FOUND,
        "Function '%s' is neither known to the session nor registered for the table."
                .formatted(name)
            + " Check the name, register the function, or add its jar or Python file.");
  }

  private static ExpressionFault notTopLevel(String name) {
    return new ExpressionFault(
        Code.FUNCTION_NOT_TOP_LEVEL,
        "Function '%s' runs on Arrow batches and cannot be called inside of another expression."
                .formatted(name)
            + " Make the call a column of its own, and compute the rest from that column.");
  }
}
