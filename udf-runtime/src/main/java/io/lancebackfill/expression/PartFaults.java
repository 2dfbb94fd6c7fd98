package io.lancebackfill.expression;

import io.lancebackfill.expression.ExpressionFault.Code;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.catalyst.analysis.UnresolvedAttribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.LambdaFunction;

/**
 * Looks for the faults of an expression's parts where the whole cannot be analysed, since Spark
 * stops at the first. Finds what is certain of a part by itself: columns that do not exist, and
 * values that are not the same each time.
 */
final class PartFaults {
  private final SchemaAnalyzer analyzer;
  private final ParsedChecks checks;
  private final String text;
  private final Set<ExpressionFault> faults = new LinkedHashSet<>();

  private PartFaults(SchemaAnalyzer analyzer, ParsedChecks checks, String text) {
    this.analyzer = analyzer;
    this.checks = checks;
    this.text = text;
  }

  static Set<ExpressionFault> of(
      SchemaAnalyzer analyzer, ParsedChecks checks, String text, Expression parsed) {
    PartFaults parts = new PartFaults(analyzer, checks, text);
    parts.look(parsed);
    return parts.faults;
  }

  private void look(Expression part) {
    // A lambda's variables mean nothing outside of its call.
    if (part instanceof LambdaFunction || checks.refusedWithAllInIt(part)) {
      return;
    }
    if (checks.holdsNoFault(part)) {
      Optional<Expression> analysed = analysed(part);
      if (analysed.isPresent()) {
        faults.addAll(AnalysedChecks.check(analysed.get()));
        return;
      }
    }
    Trees.children(part).forEach(this::look);
  }

  private Optional<Expression> analysed(Expression part) {
    try {
      return analyzer.analyse(part).map(SchemaAnalyzer.Analysed::expression);
    } catch (AnalysisException e) {
      if (part instanceof UnresolvedAttribute && SchemaAnalyzer.namesNoColumn(e)) {
        faults.add(SchemaAnalyzer.fault(text, e, Code.INVALID_EXPRESSION));
      }
      return Optional.empty();
    } catch (Exception e) { // Spark throws more than it declares
      // Some parts have a meaning inside of their parent only; Spark does not expect them alone.
      return Optional.empty();
    }
  }
}
