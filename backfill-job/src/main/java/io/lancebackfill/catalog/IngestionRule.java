package io.lancebackfill.catalog;

import io.lancebackfill.datasource.catalog.IngestionTarget;
import io.lancebackfill.datasource.catalog.LanceCatalog;
import io.lancebackfill.error.Faults;
import java.util.Optional;
import org.apache.spark.sql.catalyst.analysis.NamedRelation;
import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.apache.spark.sql.catalyst.analysis.ResolvedIdentifier;
import org.apache.spark.sql.catalyst.plans.logical.InsertIntoStatement;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.MergeIntoTable;
import org.apache.spark.sql.catalyst.plans.logical.SubqueryAlias;
import org.apache.spark.sql.catalyst.plans.logical.UpdateColumnsBackfill;
import org.apache.spark.sql.catalyst.plans.logical.UpdateTable;
import org.apache.spark.sql.catalyst.plans.logical.V2WriteCommand;
import org.apache.spark.sql.catalyst.rules.Rule;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2Relation;
import scala.Function1;
import scala.collection.JavaConverters;
import scala.runtime.AbstractPartialFunction;

/**
 * Settles, while a statement is analysed, in which shape it writes a table with computed columns.
 * INSERT, {@code append} and {@code overwrite} get the table without them; a statement that names
 * them all the same is dealt with by {@link NamedComputedColumns}. UPDATE and MERGE get the whole
 * table, {@code UPDATE SET *} and {@code INSERT *} want of the source no more than {@link
 * MergeStars} says, and what is assigned to computed columns is dealt with by {@link
 * AssignedComputedColumns}. After that Spark's own resolution takes place, as for any table.
 */
public final class IngestionRule extends Rule<LogicalPlan> {
  @Override
  public LogicalPlan apply(LogicalPlan plan) {
    return plan.resolveOperatorsDown(new Settling());
  }

  private static LogicalPlan settled(LogicalPlan plan) {
    if (plan instanceof InsertIntoStatement insert && insert.query().resolved()) {
      return insertion(insert.table()).map(to -> insert(insert, to)).orElse(plan);
    }
    if (plan instanceof V2WriteCommand write && write.query().resolved()) {
      return insertion((LogicalPlan) write.table())
          .map(
              to ->
                  (LogicalPlan)
                      write
                          .withNewQuery(to.named().byName(write.query()))
                          .withNewTable((NamedRelation) to.with(to.target().ingestTable())))
          .orElse(plan);
    }
    if (plan instanceof MergeIntoTable merge && merge.sourceTable().resolved()) {
      return insertion(merge.targetTable()).map(to -> merge(merge, to)).orElse(plan);
    }
    if (plan instanceof UpdateTable update) {
      return insertion(update.table()).map(to -> update(update, to)).orElse(plan);
    }
    if (plan instanceof UpdateColumnsBackfill update
        && update.table() instanceof ResolvedIdentifier identifier
        && identifier.catalog() instanceof LanceCatalog catalog) {
      refuseComputed(update, catalog, identifier.identifier());
    }
    return plan;
  }

  /** First Spark resolves what is assigned, then it is looked at. */
  private static LogicalPlan merge(MergeIntoTable merge, Target to) {
    if (to.target().awaitsAssignments()) {
      LogicalPlan target = to.same(to.target().assignedTable());
      return MergeStars.expand(merge, target, to.target().computedColumns());
    }
    if (!merge.resolved()) {
      return merge;
    }
    MergeIntoTable checked = new AssignedComputedColumns(to.named()).checked(merge);
    return checked.copy(
        to.same(to.target().wholeTable()),
        checked.sourceTable(),
        checked.mergeCondition(),
        checked.matchedActions(),
        checked.notMatchedActions(),
        checked.notMatchedBySourceActions());
  }

  private static LogicalPlan update(UpdateTable update, Target to) {
    if (to.target().awaitsAssignments()) {
      return update.copy(
          to.same(to.target().assignedTable()), update.assignments(), update.condition());
    }
    if (!update.resolved()) {
      return update;
    }
    return update.copy(
        to.same(to.target().wholeTable()),
        new AssignedComputedColumns(to.named()).checked(update.assignments()),
        update.condition());
  }

  /** lance-spark's {@code ALTER TABLE t UPDATE COLUMNS ... FROM view}, which writes any value. */
  private static void refuseComputed(
      UpdateColumnsBackfill update, LanceCatalog catalog, Identifier identifier) {
    Optional<IngestionTarget> target;
    try {
      target = catalog.ingestionTarget(catalog.loadTable(identifier));
    } catch (NoSuchTableException e) {
      return; // the statement itself says so
    }
    Faults faults = new Faults();
    target.ifPresent(
        table -> {
          NamedComputedColumns named = new NamedComputedColumns(table, name(identifier));
          JavaConverters.seqAsJavaList(update.columnNames()).stream()
              .filter(named::isComputed)
              .forEach(column -> faults.add(named.refusal(column)));
        });
    faults.throwIfAny();
  }

  private static String name(Identifier identifier) {
    return String.join(".", identifier.namespace()) + "." + identifier.name();
  }

  private static LogicalPlan insert(InsertIntoStatement insert, Target to) {
    NamedComputedColumns.Insertion insertion =
        to.named().of(insert.userSpecifiedCols(), insert.query(), insert.byName());
    return insert.copy(
        to.with(to.target().ingestTable()),
        insert.partitionSpec(),
        insertion.columns(),
        insertion.query(),
        insert.overwrite(),
        insert.ifPartitionNotExists(),
        insert.byName());
  }

  private static Optional<Target> ingestion(LogicalPlan table) {
    return table instanceof DataSourceV2Relation relation
            && relation.table() instanceof IngestionTarget target
        ? Optional.of(new Target(relation, target, Optional.empty()))
        : Optional.empty();
  }

  /** Also where the statement reads its target: then Spark loads the table once, for reading. */
  private static Optional<Target> insertion(LogicalPlan table) {
    if (table instanceof SubqueryAlias alias) {
      return insertion(alias.child())
          .map(to -> new Target(to.relation(), to.target(), Optional.of(alias)));
    }
    return table instanceof DataSourceV2Relation relation
            && relation.catalog().isDefined()
            && relation.catalog().get() instanceof LanceCatalog catalog
        ? catalog
            .ingestionTarget(relation.table())
            .map(target -> new Target(relation, target, Optional.empty()))
        : ingestion(table);
  }

  /** The relation that is written, and the name that its statement gives it. */
  private record Target(
      DataSourceV2Relation relation, IngestionTarget target, Optional<SubqueryAlias> alias) {
    /** The relation of another table, with columns of its own. */
    LogicalPlan with(Table table) {
      return named(
          DataSourceV2Relation.create(
              table, relation.catalog(), relation.identifier(), relation.options()));
    }

    /** The relation of another table, with the columns that the statement refers to already. */
    LogicalPlan same(Table table) {
      return named(
          relation.copy(
              table,
              relation.output(),
              relation.catalog(),
              relation.identifier(),
              relation.options()));
    }

    private LogicalPlan named(LogicalPlan settled) {
      return alias.isEmpty() ? settled : alias.get().copy(alias.get().identifier(), settled);
    }

    NamedComputedColumns named() {
      String name =
          relation.identifier().isEmpty()
              ? target.name()
              : IngestionRule.name(relation.identifier().get());
      return new NamedComputedColumns(target, name);
    }
  }

  private static final class Settling extends AbstractPartialFunction<LogicalPlan, LogicalPlan> {
    private static final long serialVersionUID = 1L;

    @Override
    public boolean isDefinedAt(LogicalPlan plan) {
      return plan instanceof InsertIntoStatement
          || plan instanceof V2WriteCommand
          || plan instanceof MergeIntoTable
          || plan instanceof UpdateTable
          || plan instanceof UpdateColumnsBackfill;
    }

    @Override
    @SuppressWarnings("unchecked") // Java lacks the lower bound that Scala's signature has
    public <A extends LogicalPlan, B> B applyOrElse(A plan, Function1<A, B> otherwise) {
      return isDefinedAt(plan) ? (B) settled(plan) : otherwise.apply(plan);
    }
  }
}
