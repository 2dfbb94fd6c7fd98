package io.lancebackfill.sql;

import io.lancebackfill.call.Procedure;
import io.lancebackfill.call.ProcedureRegistry;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.table.CallCatalog;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.FunctionIdentifier;
import org.apache.spark.sql.catalyst.TableIdentifier;
import org.apache.spark.sql.catalyst.analysis.UnresolvedFunction;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.parser.ParseException;
import org.apache.spark.sql.catalyst.parser.ParserInterface;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.execution.ExplainMode;
import org.apache.spark.sql.execution.command.ExplainCommand;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructType;
import scala.Function0;
import scala.collection.Seq;

/**
 * Parses {@code CALL catalog.system.procedure(...)} where the catalog is a Lance one, and takes
 * {@link FunctionStatements} on such catalogs from what the next parser made of them; everything
 * else, other CALLs included, goes to the next parser as it came. There is no grammar of ours: what
 * follows CALL is a function call in Spark's own. A CALL that the next parser refuses, too, and
 * that looks like one of ours is refused with a {@link MissedCall}.
 */
final class CallStatementParser implements ParserInterface {
  private static final String NAMESPACE = "system";

  private final SparkSession session;
  private final ParserInterface delegate;
  private final ProcedureRegistry procedures;
  private final FunctionStatements functions;

  CallStatementParser(
      SparkSession session, ParserInterface delegate, ProcedureRegistry procedures) {
    this.session = session;
    this.delegate = delegate;
    this.procedures = procedures;
    this.functions = new FunctionStatements(session, procedures);
  }

  /**
   * @throws BackfillException for a fault in a CALL of ours. It is no ParseException, because a
   *     parser around this one takes that for "not mine" and tries its own grammar.
   */
  @Override
  public LogicalPlan parsePlan(String sqlText) throws ParseException {
    Optional<CallStatement> statement = CallStatement.scan(sqlText);
    Optional<CallCatalog> catalog = statement.flatMap(this::claimedCatalog);
    return catalog.isPresent()
        ? plan(statement.get(), catalog.get(), sqlText)
        : planOfOthers(statement, sqlText);
  }

  /**
   * @throws ParseException the delegate's, or another one for a CALL that may be meant for us, so
   *     that a parser around this one goes on as it would without us
   */
  private LogicalPlan planOfOthers(Optional<CallStatement> statement, String sqlText)
      throws ParseException {
    LogicalPlan plan;
    try {
      plan = delegate.parsePlan(sqlText);
    } catch (ParseException | NullPointerException e) { // the latter by lance-spark's parser
      throwIfMissed(statement, sqlText);
      throw e;
    }
    if (plan == null) {
      throwIfMissed(statement, sqlText);
      return plan;
    }
    return functions.call(plan).orElse(plan);
  }

  private void throwIfMissed(Optional<CallStatement> statement, String sqlText)
      throws ParseException {
    Optional<ParseException> missed =
        MissedCall.quotedName(sqlText)
            .map(this::missedCall)
            .flatMap(MissedCall::quoted)
            .or(
                () ->
                    statement
                        .map(call -> missedCall(call.nameParts()))
                        .flatMap(MissedCall::explanation));
    if (missed.isPresent()) {
      throw missed.get();
    }
  }

  private MissedCall missedCall(List<String> nameParts) {
    return new MissedCall(
        nameParts,
        CallCatalog.configured(conf()),
        () -> session.sessionState().catalogManager().currentCatalog().name(),
        procedures);
  }

  private Optional<CallCatalog> claimedCatalog(CallStatement statement) {
    if (statement.nameParts().size() != 3
        || !statement.nameParts().get(1).equalsIgnoreCase(NAMESPACE)) {
      return Optional.empty();
    }
    return CallCatalog.find(conf(), statement.nameParts().get(0)).filter(CallCatalog::isLance);
  }

  private LogicalPlan plan(CallStatement statement, CallCatalog catalog, String sqlText) {
    Procedure procedure = procedures.procedure(statement.nameParts().get(2));
    Expression expression = withoutReservedWords(() -> parseCall(statement, sqlText));
    if (!(expression instanceof UnresolvedFunction function)
        || function.nameParts().size() != 3
        || function.isDistinct()
        || function.ignoreNulls()
        || function.filter().isDefined()) {
      throw new BackfillException(
          BackfillErrorCode.INVALID_CALL,
          ("What follows CALL is not a plain procedure call: %s."
                  + " Write CALL %s.%s.%s(name => value, ...).")
              .formatted(
                  statement.expression().strip(),
                  catalog.name(),
                  NAMESPACE,
                  procedure.spec().name()));
    }
    LogicalPlan command = CallProcedureCommand.of(catalog, procedure, function.arguments());
    return statement.explainMode() == null
        ? command
        : new ExplainCommand(command, ExplainMode.fromString(statement.explainMode()));
  }

  private Expression parseCall(CallStatement statement, String sqlText) {
    try {
      return delegate.parseExpression(statement.expression());
    } catch (ParseException e) {
      throw new BackfillException(
          BackfillErrorCode.INVALID_CALL,
          "The CALL cannot be read. %s\nWrite CALL %s(name => value, ...), with text in quotes."
              .formatted(
                  String.valueOf(e.withCommand(sqlText).getMessage()).strip(),
                  String.join(".", statement.nameParts())));
    }
  }

  /**
   * Argument names such as {@code table} are reserved words if a session says so; not in a CALL.
   */
  private <T> T withoutReservedWords(Function0<T> parse) {
    SQLConf conf = conf();
    if (!conf.enforceReservedKeywords()) {
      return parse.apply();
    }
    SQLConf lenient = conf.clone();
    lenient.setConfString("spark.sql.ansi.enforceReservedKeywords", "false");
    return SQLConf.withExistingConf(lenient, parse);
  }

  private SQLConf conf() {
    return session.sessionState().conf();
  }

  @Override
  public LogicalPlan parseQuery(String sqlText) throws ParseException {
    return delegate.parseQuery(sqlText);
  }

  @Override
  public Expression parseExpression(String sqlText) throws ParseException {
    return delegate.parseExpression(sqlText);
  }

  @Override
  public TableIdentifier parseTableIdentifier(String sqlText) throws ParseException {
    return delegate.parseTableIdentifier(sqlText);
  }

  @Override
  public FunctionIdentifier parseFunctionIdentifier(String sqlText) throws ParseException {
    return delegate.parseFunctionIdentifier(sqlText);
  }

  @Override
  public Seq<String> parseMultipartIdentifier(String sqlText) throws ParseException {
    return delegate.parseMultipartIdentifier(sqlText);
  }

  @Override
  public StructType parseTableSchema(String sqlText) throws ParseException {
    return delegate.parseTableSchema(sqlText);
  }

  @Override
  public DataType parseDataType(String sqlText) throws ParseException {
    return delegate.parseDataType(sqlText);
  }
}
