package io.lancebackfill.expression;

import io.lancebackfill.expression.ExpressionFault.Code;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeReference;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.parser.ParseException;
import org.apache.spark.sql.catalyst.plans.logical.LocalRelation;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.internal.VariableSubstitution;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;
import scala.Option;
import scala.collection.JavaConverters;

/** Parses expressions and analyses them against a table's columns, as the session would. */
final class SchemaAnalyzer {
  /** Spark's own errors for what {@link Code#NOT_ROW_WISE_EXPRESSION} covers. */
  private static final Set<String> NOT_ROW_WISE_ERRORS =
      Set.of("MISSING_GROUP_BY", "MISSING_AGGREGATION", "UNSUPPORTED_GENERATOR");

  private final SparkSession session;
  private final StructType schema;

  SchemaAnalyzer(SparkSession session, StructType schema) {
    this.session = session;
    this.schema = schema;
  }

  /**
   * What the analysis of one expression gave.
   *
   * @param expression the analysed expression, without the alias that the analysis needs
   * @param columns names of the columns that it reads, in the table's order
   */
  record Analysed(Expression expression, List<String> columns) {}

  SparkSession session() {
    return session;
  }

  StructType schema() {
    return schema;
  }

  List<String> columnNames() {
    return List.of(schema.fieldNames());
  }

  boolean caseSensitive() {
    return session.sessionState().conf().caseSensitiveAnalysis();
  }

  /** The canonical text of an expression that reads the given columns. */
  String canonical(String text, List<String> columns) {
    return new CanonicalSql(text, columns, caseSensitive()).text();
  }

  /** Runs an action whose settings are those of this session, whatever the thread's session is. */
  <T> T active(Supplier<T> action) {
    return session.withActive(action::get);
  }

  /**
   * Parses a text.
   *
   * @param name the only name that the text may give to its value, by AS; null for none
   * @throws ExpressionException with the given code if it does not parse
   */
  Expression parse(String text, Code code, @Nullable String name) {
    Expression parsed = named(text, code);
    if (!(parsed instanceof Alias alias)) {
      return parsed;
    }
    Optional<ExpressionFault> stray = CanonicalSql.strayWord(text, code, name);
    if (stray.isPresent()) {
      throw new ExpressionException(List.of(stray.get()), null);
    }
    return alias.child();
  }

  /** Parses a text that was accepted once: a name that it gives to its value means nothing. */
  Expression parseDeclared(String text, Code code) {
    Expression parsed = named(text, code);
    return parsed instanceof Alias alias ? alias.child() : parsed;
  }

  private Expression named(String text, Code code) {
    String substituted = new VariableSubstitution().substitute(text);
    if (!substituted.equals(text)) {
      throw new ExpressionException(
          List.of(
              new ExpressionFault(
                  Code.SESSION_DEPENDENT_EXPRESSION,
                  "'%s' names a variable of the session with ${...}. Its value would differ in"
                          .formatted(text)
                      + " other sessions. Write the value itself.")),
          null);
    }
    try {
      return session.sessionState().sqlParser().parseExpression(text);
    } catch (ParseException e) {
      throw new ExpressionException(
          List.of(
              new ExpressionFault(
                  code,
                  "'%s' cannot be parsed: %s"
                      .formatted(text, String.valueOf(e.getMessage()).strip()))),
          e);
    }
  }

  /**
   * Analyses a parsed expression.
   *
   * @return empty if its value needs other rows than its own
   * @throws AnalysisException if it does not fit the columns
   */
  Optional<Analysed> analyse(Expression parsed) throws AnalysisException {
    List<Attribute> attributes = attributes();
    Alias value =
        new Alias(parsed, "value", NamedExpression.newExprId(), list(), Option.empty(), list());
    Project plan =
        new Project(
            SchemaAnalyzer.<NamedExpression>list(value),
            new LocalRelation(list(attributes), list(), false));
    LogicalPlan analysed =
        session
            .sessionState()
            .executePlan(plan, session.sessionState().executePlan$default$2())
            .analyzed();
    // Aggregates, windows and generators become operators of their own.
    if (!(analysed instanceof Project project)
        || !(project.child() instanceof LocalRelation)
        || project.projectList().size() != 1
        || !(project.projectList().head() instanceof Alias alias)) {
      return Optional.empty();
    }
    Expression bound = alias.child();
    List<String> columns =
        attributes.stream().filter(bound.references()::contains).map(Attribute::name).toList();
    return Optional.of(new Analysed(bound, columns));
  }

  private List<Attribute> attributes() {
    List<Attribute> attributes = new ArrayList<>();
    for (StructField field : schema.fields()) {
      attributes.add(
          new AttributeReference(
              field.name(),
              field.dataType(),
              field.nullable(),
              field.metadata(),
              NamedExpression.newExprId(),
              list()));
    }
    return attributes;
  }

  @SafeVarargs
  @SuppressWarnings("varargs") // The elements are only read.
  private static <T> scala.collection.immutable.List<T> list(T... elements) {
    return list(List.of(elements));
  }

  private static <T> scala.collection.immutable.List<T> list(List<T> elements) {
    return JavaConverters.asScalaBuffer(elements).toList();
  }

  /** Whether an analysis stopped at a name that no column has. */
  static boolean namesNoColumn(AnalysisException e) {
    return e.getErrorClass() != null && e.getErrorClass().startsWith("UNRESOLVED_COLUMN");
  }

  /** The fault that one of Spark's analysis errors means. */
  static ExpressionFault fault(String text, AnalysisException e, Code otherwise) {
    String errorClass = e.getErrorClass() == null ? "" : e.getErrorClass();
    String condition = errorClass.split("\\.", 2)[0];
    if (otherwise == Code.INVALID_EXPRESSION) {
      if (NOT_ROW_WISE_ERRORS.contains(condition)) {
        return ParsedChecks.notRowWise(text);
      }
      if (condition.equals("UNRESOLVED_ROUTINE")) {
        return new ExpressionFault(
            Code.FUNCTION_NOT_FOUND, "'%s': %s".formatted(text, e.getSimpleMessage()));
      }
    }
    return new ExpressionFault(
        otherwise,
        "'%s' does not fit the table's columns: %s".formatted(text, e.getSimpleMessage()));
  }
}
