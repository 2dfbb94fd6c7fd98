package io.lancebackfill.sql;

import io.lancebackfill.call.ArgumentBinder;
import io.lancebackfill.call.CallArgument;
import io.lancebackfill.call.Procedure;
import io.lancebackfill.call.ProcedureArguments;
import io.lancebackfill.call.ProcedureContext;
import io.lancebackfill.datasource.table.Credentials;
import io.lancebackfill.table.CallCatalog;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeReference;
import org.apache.spark.sql.catalyst.expressions.ExprId;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedArgumentExpression;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.plans.logical.Command;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.execution.command.LeafRunnableCommand;
import org.apache.spark.sql.execution.metric.SQLMetric;
import org.apache.spark.sql.types.StructField;
import org.jspecify.annotations.Nullable;
import scala.Enumeration;
import scala.collection.IndexedSeq;
import scala.collection.JavaConverters;
import scala.collection.Seq;
import scala.collection.immutable.Map;

/**
 * A CALL as a plan. Its argument expressions are part of the plan, so that Spark binds parameters
 * and resolves functions in them; their values are taken when it runs. Spark runs a command once,
 * when the Dataset is made.
 *
 * <p>Public because Catalyst copies plans by their public constructor.
 */
public final class CallProcedureCommand extends LogicalPlan implements LeafRunnableCommand {
  private static final long serialVersionUID = 1L;

  private final CallTarget target;
  private final Seq<Expression> arguments;
  private @Nullable Seq<Enumeration.Value> nodePatterns;

  /** For Catalyst's copies. */
  public CallProcedureCommand(CallTarget target, Seq<Expression> arguments) {
    this.target = target;
    this.arguments = arguments;
    Command.$init$(this);
  }

  /** A call with arguments as Spark's parser gives them. */
  static CallProcedureCommand of(
      CallCatalog catalog, Procedure procedure, Seq<Expression> arguments) {
    List<CallTarget.ArgumentPlace> places = new ArrayList<>();
    List<Expression> values = new ArrayList<>();
    for (Expression argument : JavaConverters.seqAsJavaList(arguments)) {
      String name = null;
      Expression value = argument;
      if (argument instanceof NamedArgumentExpression named) {
        name = named.key();
        value = named.value();
      }
      String problem = ConstantArguments.problem(value, name);
      places.add(new CallTarget.ArgumentPlace(name, ConstantArguments.source(value), problem));
      values.add(problem == null ? value : ConstantArguments.NOTHING);
    }
    return new CallProcedureCommand(
        new CallTarget(catalog, procedure, List.copyOf(places), output(procedure)),
        immutable(values));
  }

  private static List<Attribute> output(Procedure procedure) {
    List<Attribute> attributes = new ArrayList<>();
    for (StructField field : procedure.spec().output().fields()) {
      ExprId id = NamedExpression.newExprId();
      attributes.add(
          new AttributeReference(
              field.name(),
              field.dataType(),
              field.nullable(),
              field.metadata(),
              id,
              immutable(List.of())));
    }
    return List.copyOf(attributes);
  }

  @Override
  public Seq<Row> run(SparkSession session) {
    List<CallArgument> given = new ArrayList<>();
    for (int i = 0; i < arguments.size(); i++) {
      given.add(ConstantArguments.evaluate(target.arguments().get(i), arguments.apply(i)));
    }
    Procedure procedure = target.procedure();
    ProcedureContext context = new ProcedureContext(session, target.catalog());
    ProcedureArguments bound =
        ArgumentBinder.bind(
            procedure.spec(), given, arguments -> procedure.check(context, arguments));
    return immutable(procedure.call(context, bound));
  }

  @Override
  public Seq<Attribute> output() {
    return immutable(target.output());
  }

  @Override
  public Map<String, SQLMetric> metrics() {
    return scala.collection.immutable.Map$.MODULE$.empty();
  }

  @Override
  public Seq<LogicalPlan> children() {
    return immutable(List.of());
  }

  @Override
  public LogicalPlan withNewChildrenInternal(IndexedSeq<LogicalPlan> newChildren) {
    return this;
  }

  @Override
  public Seq<Enumeration.Value> nodePatterns() {
    return Objects.requireNonNull(nodePatterns);
  }

  @Override
  public void org$apache$spark$sql$catalyst$plans$logical$Command$_setter_$nodePatterns_$eq(
      Seq<Enumeration.Value> patterns) {
    nodePatterns = patterns;
  }

  @Override
  public String argString(int maxFields) {
    List<String> shown = new ArrayList<>();
    for (int i = 0; i < arguments.size(); i++) {
      CallTarget.ArgumentPlace place = target.arguments().get(i);
      Expression argument = arguments.apply(i);
      String value =
          place.problem() == null && argument.resolved()
              ? ConstantArguments.text(argument)
              : place.text();
      value = Credentials.withoutAny(value);
      shown.add(place.name() == null ? value : place.name() + " => " + value);
    }
    return target + "(" + String.join(", ", shown) + ")";
  }

  @Override
  public int productArity() {
    return 2;
  }

  @Override
  public Object productElement(int n) {
    return switch (n) {
      case 0 -> target;
      case 1 -> arguments;
      default -> throw new IndexOutOfBoundsException(n);
    };
  }

  @Override
  public boolean canEqual(@Nullable Object other) {
    return other instanceof CallProcedureCommand;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof CallProcedureCommand that
        && target.equals(that.target)
        && arguments.equals(that.arguments);
  }

  @Override
  public int hashCode() {
    return 31 * target.hashCode() + arguments.hashCode();
  }

  private static <T> scala.collection.immutable.Seq<T> immutable(List<T> list) {
    return JavaConverters.asScalaBuffer(list).toList();
  }
}
