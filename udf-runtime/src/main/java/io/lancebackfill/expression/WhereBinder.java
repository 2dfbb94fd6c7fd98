package io.lancebackfill.expression;

import io.lancebackfill.expression.ExpressionFault.Code;
import io.lancebackfill.expression.SchemaAnalyzer.Analysed;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.StructType;

/**
 * Binds filters to a table's columns: deterministic conditions on one row. They may depend on the
 * clock and the session, unlike the expressions of columns.
 */
public final class WhereBinder {
  private final SchemaAnalyzer analyzer;

  /**
   * Prepares binding.
   *
   * @param schema all columns of the table, the computed one included
   */
  public WhereBinder(SparkSession session, StructType schema) {
    this.analyzer = new SchemaAnalyzer(session, schema);
  }

  /**
   * Binds a filter.
   *
   * @param text a boolean expression of Spark SQL
   * @throws ExpressionException whose faults all have the code INVALID_WHERE, or
   *     SESSION_DEPENDENT_EXPRESSION for variables that Spark would put into the text
   */
  public BoundWhere bind(String text) {
    return analyzer.active(() -> bindActive(text));
  }

  private BoundWhere bindActive(String text) {
    Expression parsed = analyzer.parse(text, Code.INVALID_WHERE, null);
    ParsedChecks checks = new ParsedChecks(analyzer.session(), name -> false);
    checks.check(parsed);
    Set<ExpressionFault> faults = new LinkedHashSet<>();
    checks.faults().forEach(fault -> faults.add(inWhere(fault)));
    if (!faults.isEmpty()) {
      throw new ExpressionException(List.copyOf(faults), null);
    }
    Analysed analysed = analyse(text, parsed);
    faults.addAll(check(text, analysed.expression()));
    if (!faults.isEmpty()) {
      throw new ExpressionException(List.copyOf(faults), null);
    }
    return new BoundWhere(analyzer.canonical(text, analysed.columns()), analysed.columns());
  }

  private Analysed analyse(String text, Expression parsed) {
    try {
      return analyzer
          .analyse(parsed)
          .orElseThrow(
              () -> new ExpressionException(List.of(inWhere(ParsedChecks.notRowWise(text))), null));
    } catch (AnalysisException e) {
      throw new ExpressionException(List.of(SchemaAnalyzer.fault(text, e, Code.INVALID_WHERE)), e);
    }
  }

  private static Set<ExpressionFault> check(String text, Expression analysed) {
    Set<ExpressionFault> faults = new LinkedHashSet<>();
    if (!(analysed.dataType() instanceof BooleanType)) {
      faults.add(
          new ExpressionFault(
              Code.INVALID_WHERE,
              "'%s' is of type %s. A filter is a condition that is true or false for each row."
                  .formatted(text, analysed.dataType().sql())));
    }
    AnalysedChecks.check(analysed).stream()
        .filter(fault -> fault.code() == Code.NON_DETERMINISTIC_EXPRESSION)
        .forEach(fault -> faults.add(inWhere(fault)));
    return faults;
  }

  private static ExpressionFault inWhere(ExpressionFault fault) {
    return new ExpressionFault(Code.INVALID_WHERE, fault.message());
  }
}
