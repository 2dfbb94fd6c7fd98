package io.lancebackfill.expression;

import io.lancebackfill.expression.BoundExpression.ArrowCall;
import io.lancebackfill.expression.BoundExpression.Kind;
import io.lancebackfill.expression.ExpressionFault.Code;
import io.lancebackfill.expression.SchemaAnalyzer.Analysed;
import io.lancebackfill.fingerprint.ExpressionFingerprint;
import io.lancebackfill.udf.UdfDescriptor;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.analysis.UnresolvedFunction;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.PythonUDF;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.NullType$;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.ArrowUtils;
import org.jspecify.annotations.Nullable;
import scala.runtime.AbstractFunction1;

/**
 * Binds expressions to a table's columns, as the session sees them: its functions, its parser, its
 * settings. What is bound is deterministic, depends on one row alone, and has a fingerprint.
 */
public final class ExpressionBinder {
  private final SchemaAnalyzer analyzer;
  private final ArrowCallBinder arrowCalls;

  /**
   * Prepares binding.
   *
   * @param schema the table's columns in Spark's types
   * @param arrowSchema the same columns in Arrow's types, for functions on Arrow batches
   * @param functions gives the functions on Arrow batches that are registered, if an expression
   *     calls one; names that Spark knows mean Spark's functions
   */
  public ExpressionBinder(
      SparkSession session,
      StructType schema,
      Schema arrowSchema,
      Supplier<List<UdfDescriptor>> functions) {
    this.analyzer = new SchemaAnalyzer(session, schema);
    this.arrowCalls = new ArrowCallBinder(analyzer, arrowSchema, functions);
  }

  /** Binds to columns whose Arrow types are those that Spark would choose itself. */
  public ExpressionBinder(SparkSession session, StructType schema, List<UdfDescriptor> functions) {
    this(
        session,
        schema,
        ArrowUtils.toArrowSchema(
            schema, session.sessionState().conf().sessionLocalTimeZone(), true, false),
        () -> functions);
  }

  /** Binds an expression whose functions are known by their code. */
  public BoundExpression bind(String text) {
    return bind(text, null);
  }

  /** Binds an expression that names its value nowhere. */
  public BoundExpression bind(String text, @Nullable String version) {
    return bind(text, version, null);
  }

  /**
   * Binds an expression.
   *
   * @param text one expression of Spark SQL
   * @param version stands for the code of all functions in the expression; null to use their own
   *     versions or fingerprints
   * @param name the column, whose name {@code AS} may repeat; null for none
   * @throws ExpressionException with all faults that were found
   */
  public BoundExpression bind(String text, @Nullable String version, @Nullable String name) {
    return analyzer.active(
        () -> bindActive(text, analyzer.parse(text, Code.INVALID_EXPRESSION, name), version));
  }

  /** Binds an expression that was declared, also one that today's rules would refuse to declare. */
  public BoundExpression bindDeclared(String text, @Nullable String version) {
    return analyzer.active(
        () -> bindActive(text, analyzer.parseDeclared(text, Code.INVALID_EXPRESSION), version));
  }

  private BoundExpression bindActive(String text, Expression parsed, @Nullable String version) {
    ParsedChecks checks = new ParsedChecks(analyzer.session(), arrowCalls::knows);
    if (parsed instanceof UnresolvedFunction call
        && !checks.knownToSpark(call)
        && arrowCalls.knows(call.nameParts().head())) {
      return bindArrow(text, call, version);
    }
    checks.check(parsed);
    Set<ExpressionFault> faults = new LinkedHashSet<>(checks.faults());
    String clock = CanonicalSql.clockLiteral(text);
    if (clock != null) {
      faults.add(AnalysedChecks.sessionDependent(clock));
    }
    Analysed analysed = null;
    AnalysisException cause = null;
    if (!checks.notAnalysable()) {
      try {
        analysed = analyse(parsed, checks, faults);
      } catch (AnalysisException e) {
        cause = e;
        if (!onlyAsGuess(checks, e)) {
          faults.add(SchemaAnalyzer.fault(text, e, Code.INVALID_EXPRESSION));
        }
      }
    }
    if (analysed == null) {
      faults.addAll(PartFaults.of(analyzer, checks, text, parsed));
    }
    if (analysed == null || !faults.isEmpty()) {
      throw new ExpressionException(List.copyOf(faults), cause);
    }
    return bound(text, analysed, version);
  }

  private @Nullable Analysed analyse(
      Expression parsed, ParsedChecks checks, Set<ExpressionFault> faults)
      throws AnalysisException {
    Expression known =
        Trees.replace(parsed, checks.unknownCalls(), new Literal(null, NullType$.MODULE$));
    Optional<Analysed> analysed = analyzer.analyse(known);
    if (analysed.isEmpty()) {
      faults.add(ParsedChecks.notRowWise(parsed.sql()));
      return null;
    }
    Expression expression = analysed.get().expression();
    faults.addAll(AnalysedChecks.check(expression));
    if (checks.unknownCalls().isEmpty()) {
      faults.addAll(AnalysedChecks.checkType(expression.dataType()));
    }
    return analysed.get();
  }

  /** With NULLs in the place of unknown functions only a missing column is surely a fault. */
  private static boolean onlyAsGuess(ParsedChecks checks, AnalysisException e) {
    return !checks.unknownCalls().isEmpty() && !SchemaAnalyzer.namesNoColumn(e);
  }

  private BoundExpression bound(String text, Analysed analysed, @Nullable String version) {
    List<UsedFunction> functions = List.of();
    if (version == null) {
      UsedFunctions used = UsedFunctions.in(analysed.expression());
      if (!used.faults().isEmpty()) {
        throw new ExpressionException(List.copyOf(used.faults()), null);
      }
      functions = used.functions();
    }
    DataType type = analysed.expression().dataType();
    String sql = analyzer.canonical(text, analysed.columns());
    Map<String, String> settings = EvaluationSettings.of(analyzer.session());
    return new BoundExpression(
        hasPython(analysed.expression()) ? Kind.SQL_WITH_PYTHON : Kind.SQL,
        sql,
        type,
        analysed.expression().nullable(),
        analysed.columns(),
        null,
        functions,
        settings,
        ExpressionFingerprint.of(
            sql,
            types(type, analysed.columns()),
            version == null
                ? functions.stream()
                    .collect(Collectors.toMap(UsedFunction::name, UsedFunction::fingerprint))
                : Map.of("", ExpressionFingerprint.ofVersion(version)),
            settings));
  }

  private static boolean hasPython(Expression expression) {
    return expression.exists(
        new AbstractFunction1<Expression, Object>() {
          @Override
          public Object apply(Expression part) {
            return part instanceof PythonUDF;
          }
        });
  }

  private BoundExpression bindArrow(
      String text, UnresolvedFunction parsed, @Nullable String version) {
    ArrowCall call = arrowCalls.bind(parsed);
    UsedFunction function = arrowCalls.used(call, version);
    DataType type = ArrowCallBinder.sparkType(call);
    List<String> inputs =
        analyzer.columnNames().stream().filter(call.arguments()::contains).distinct().toList();
    String sql = analyzer.canonical(text, inputs);
    // What such a function computes does not pass through Spark's evaluation: no setting matters.
    return new BoundExpression(
        Kind.ARROW_FUNCTION,
        sql,
        type,
        call.output().isNullable(),
        inputs,
        call,
        List.of(function),
        Map.of(),
        ExpressionFingerprint.of(
            sql, types(type, inputs), Map.of(function.name(), function.fingerprint()), Map.of()));
  }

  private Map<String, String> types(DataType result, List<String> inputs) {
    Map<String, String> types = new TreeMap<>();
    types.put("", result.sql());
    for (String input : inputs) {
      types.put(input, analyzer.schema().apply(input).dataType().sql());
    }
    return types;
  }
}
