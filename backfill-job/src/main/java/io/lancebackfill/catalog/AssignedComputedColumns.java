package io.lancebackfill.catalog;

import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.catalyst.expressions.AttributeReference;
import org.apache.spark.sql.catalyst.expressions.Cast;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.If;
import org.apache.spark.sql.catalyst.expressions.IsNull;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.RaiseError;
import org.apache.spark.sql.catalyst.plans.logical.Assignment;
import org.apache.spark.sql.catalyst.plans.logical.InsertAction;
import org.apache.spark.sql.catalyst.plans.logical.MergeAction;
import org.apache.spark.sql.catalyst.plans.logical.MergeIntoTable;
import org.apache.spark.sql.catalyst.plans.logical.UpdateAction;
import org.apache.spark.sql.types.DataTypes;
import scala.collection.JavaConverters;
import scala.collection.Seq;

/**
 * What becomes of an UPDATE or MERGE that assigns to computed columns. As with an INSERT, see
 * {@link NamedComputedColumns}, NULL is allowed: the next backfill computes such rows. A value that
 * cannot be NULL is refused while the statement is analysed; any other is looked at in each row,
 * and the first that is not NULL fails the statement, of which nothing is committed.
 */
final class AssignedComputedColumns {
  private final NamedComputedColumns table;

  AssignedComputedColumns(NamedComputedColumns table) {
    this.table = table;
  }

  /** The resolved assignments of an UPDATE, with a check of each value where it is needed. */
  Seq<Assignment> checked(Seq<Assignment> assignments) {
    Faults faults = new Faults();
    Seq<Assignment> checked = checked(assignments, faults);
    faults.throwIfAny();
    return checked;
  }

  /** The clauses of a MERGE, likewise. */
  MergeIntoTable checked(MergeIntoTable merge) {
    Faults faults = new Faults();
    MergeIntoTable checked =
        merge.copy(
            merge.targetTable(),
            merge.sourceTable(),
            merge.mergeCondition(),
            actions(merge.matchedActions(), faults),
            actions(merge.notMatchedActions(), faults),
            actions(merge.notMatchedBySourceActions(), faults));
    faults.throwIfAny();
    return checked;
  }

  private Seq<MergeAction> actions(Seq<MergeAction> actions, Faults faults) {
    List<MergeAction> checked = new ArrayList<>();
    for (MergeAction action : JavaConverters.seqAsJavaList(actions)) {
      if (action instanceof UpdateAction update) {
        checked.add(new UpdateAction(update.condition(), checked(update.assignments(), faults)));
      } else if (action instanceof InsertAction insert) {
        checked.add(new InsertAction(insert.condition(), checked(insert.assignments(), faults)));
      } else {
        checked.add(action);
      }
    }
    return JavaConverters.asScalaBuffer(checked).toList();
  }

  private Seq<Assignment> checked(Seq<Assignment> assignments, Faults faults) {
    List<Assignment> checked = new ArrayList<>();
    for (Assignment assignment : JavaConverters.seqAsJavaList(assignments)) {
      checked.add(
          column(assignment.key())
              .filter(column -> table.isComputed(column.name()))
              .map(column -> checked(assignment, column, faults))
              .orElse(assignment));
    }
    return JavaConverters.asScalaBuffer(checked).toList();
  }

  private Assignment checked(Assignment assignment, AttributeReference column, Faults faults) {
    Expression value = assignment.value();
    boolean whole = assignment.key() instanceof AttributeReference;
    if (whole && (isNull(value) || value.semanticEquals(column))) {
      return assignment;
    }
    BackfillException refusal = table.refusal(column.name());
    // A struct of which one field is set to NULL is no NULL itself.
    if (!whole || !value.nullable()) {
      faults.add(refusal);
      return assignment;
    }
    return new Assignment(
        column,
        new If(
            new IsNull(asWritten(value)),
            Literal.create(null, column.dataType()),
            new RaiseError(
                Literal.create(refusal.getMessage(), DataTypes.StringType), column.dataType())));
  }

  /** The column that a key is, or is a part of. */
  private static Optional<AttributeReference> column(Expression key) {
    Expression part = key;
    while (!(part instanceof AttributeReference) && !part.children().isEmpty()) {
      part = part.children().head();
    }
    return part instanceof AttributeReference column ? Optional.of(column) : Optional.empty();
  }

  /** Without the casts that Spark put in: they may fail on a value that is refused anyway. */
  private static Expression asWritten(Expression value) {
    Expression inner = value;
    while (inner instanceof Cast cast && cast.getTagValue(Cast.USER_SPECIFIED_CAST()).isEmpty()) {
      inner = cast.child();
    }
    return inner;
  }

  private static boolean isNull(Expression value) {
    Expression inner = value;
    while (inner instanceof Cast cast) {
      inner = cast.child();
    }
    return inner instanceof Literal literal && literal.value() == null;
  }
}
