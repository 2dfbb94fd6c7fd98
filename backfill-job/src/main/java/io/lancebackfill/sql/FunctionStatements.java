package io.lancebackfill.sql;

import io.lancebackfill.call.ProcedureRegistry;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.table.CallCatalog;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.analysis.UnresolvedFunctionName;
import org.apache.spark.sql.catalyst.analysis.UnresolvedIdentifier;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.NamedArgumentExpression;
import org.apache.spark.sql.catalyst.plans.logical.CreateFunction;
import org.apache.spark.sql.catalyst.plans.logical.DropFunction;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.types.DataTypes;
import scala.collection.JavaConverters;

/**
 * {@code CREATE FUNCTION} and {@code DROP FUNCTION} on Lance catalogs, as Spark parses them: Spark
 * itself refuses both on catalogs that are not its own. They are calls of {@code register_function}
 * and {@code drop_function}.
 */
final class FunctionStatements {
  private final SparkSession session;
  private final ProcedureRegistry procedures;

  FunctionStatements(SparkSession session, ProcedureRegistry procedures) {
    this.session = session;
    this.procedures = procedures;
  }

  /**
   * The call that a statement stands for.
   *
   * @return empty if it is no such statement, or one for another catalog
   * @throws BackfillException INVALID_CALL for what functions of Lance catalogs do not have
   */
  Optional<LogicalPlan> call(LogicalPlan parsed) {
    if (parsed instanceof CreateFunction create) {
      return catalog(create.child()).map(catalog -> register(catalog, create));
    }
    if (parsed instanceof DropFunction drop) {
      return catalog(drop.child())
          .map(
              catalog ->
                  CallProcedureCommand.of(
                      catalog,
                      procedures.procedure("drop_function"),
                      arguments(
                          Map.of(
                              "name",
                              string(name(catalog, drop.child(), "DROP FUNCTION %s.%s")),
                              "if_exists",
                              Literal.create(drop.ifExists(), DataTypes.BooleanType)))));
    }
    return Optional.empty();
  }

  private LogicalPlan register(CallCatalog catalog, CreateFunction create) {
    String name = name(catalog, create.child(), "CREATE FUNCTION %s.%s AS 'class'");
    if (!create.resources().isEmpty()) {
      throw new BackfillException(
          BackfillErrorCode.INVALID_CALL,
          "CREATE FUNCTION %s.%s names resources, which functions of a Lance catalog do not keep. Leave USING out, and give each session the jar: --jars, or ADD JAR."
              .formatted(catalog.name(), name));
    }
    String ifExists = create.replace() ? "replace" : create.ifExists() ? "keep" : "fail";
    return CallProcedureCommand.of(
        catalog,
        procedures.procedure("register_function"),
        arguments(
            Map.of(
                "name", string(name),
                "kind", string("java"),
                "class", string(create.className()),
                "if_exists", string(ifExists))));
  }

  private Optional<CallCatalog> catalog(LogicalPlan named) {
    List<String> parts = nameParts(named);
    if (parts.isEmpty()) {
      return Optional.empty();
    }
    String catalog =
        parts.size() == 1
            ? session.sessionState().catalogManager().currentCatalog().name()
            : parts.get(0);
    return CallCatalog.find(session.sessionState().conf(), catalog).filter(CallCatalog::isLance);
  }

  private static List<String> nameParts(LogicalPlan named) {
    if (named instanceof UnresolvedIdentifier identifier) {
      return JavaConverters.seqAsJavaList(identifier.nameParts());
    }
    return named instanceof UnresolvedFunctionName function
        ? JavaConverters.seqAsJavaList(function.multipartIdentifier())
        : List.of();
  }

  private static String name(CallCatalog catalog, LogicalPlan named, String remedy) {
    List<String> parts = nameParts(named);
    String name = parts.get(parts.size() - 1);
    if (parts.size() > 2) {
      throw new BackfillException(
          BackfillErrorCode.INVALID_CALL,
          "'%s' names a namespace, and functions belong to a Lance catalog as a whole. Write %s."
              .formatted(String.join(".", parts), remedy.formatted(catalog.name(), name)));
    }
    return name;
  }

  private static Literal string(String value) {
    return Literal.create(value, DataTypes.StringType);
  }

  private static scala.collection.Seq<Expression> arguments(Map<String, Literal> values) {
    List<Expression> arguments = new ArrayList<>();
    values.forEach((name, value) -> arguments.add(new NamedArgumentExpression(name, value)));
    return JavaConverters.asScalaBuffer(arguments).toList();
  }
}
