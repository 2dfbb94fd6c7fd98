package io.lancebackfill.catalog;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.plans.logical.Assignment;
import org.apache.spark.sql.catalyst.plans.logical.InsertAction;
import org.apache.spark.sql.catalyst.plans.logical.InsertStarAction;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.MergeAction;
import org.apache.spark.sql.catalyst.plans.logical.MergeIntoTable;
import org.apache.spark.sql.catalyst.plans.logical.UpdateAction;
import org.apache.spark.sql.catalyst.plans.logical.UpdateStarAction;
import org.apache.spark.sql.internal.SQLConf;
import scala.collection.JavaConverters;
import scala.collection.Seq;

/**
 * The {@code *} of a MERGE: all columns of the target, of which the source need not have the
 * computed ones. Rows that are inserted have NULL there, rows that are updated keep what they have.
 */
final class MergeStars {
  private MergeStars() {}

  /**
   * The MERGE on another target, without stars where its source has all that it needs; where it has
   * not, Spark says so.
   */
  static LogicalPlan expand(MergeIntoTable merge, LogicalPlan target, List<String> computed) {
    Optional<Seq<Assignment>> assignments = assignments(merge.sourceTable(), target, computed);
    return merge.copy(
        target,
        merge.sourceTable(),
        merge.mergeCondition(),
        expanded(merge.matchedActions(), assignments),
        expanded(merge.notMatchedActions(), assignments),
        merge.notMatchedBySourceActions());
  }

  private static Seq<MergeAction> expanded(
      Seq<MergeAction> actions, Optional<Seq<Assignment>> assignments) {
    List<MergeAction> expanded = new ArrayList<>();
    for (MergeAction action : JavaConverters.seqAsJavaList(actions)) {
      if (action instanceof UpdateStarAction star && assignments.isPresent()) {
        expanded.add(new UpdateAction(star.condition(), assignments.get()));
      } else if (action instanceof InsertStarAction star && assignments.isPresent()) {
        expanded.add(new InsertAction(star.condition(), assignments.get()));
      } else {
        expanded.add(action);
      }
    }
    return JavaConverters.asScalaBuffer(expanded).toList();
  }

  private static Optional<Seq<Assignment>> assignments(
      LogicalPlan source, LogicalPlan target, List<String> computed) {
    List<Assignment> assignments = new ArrayList<>();
    for (Attribute column : JavaConverters.seqAsJavaList(target.output())) {
      List<Attribute> values =
          JavaConverters.seqAsJavaList(source.output()).stream()
              .filter(
                  value -> (Boolean) SQLConf.get().resolver().apply(value.name(), column.name()))
              .toList();
      if (values.size() == 1) {
        assignments.add(new Assignment(column, values.get(0)));
      } else if (!values.isEmpty() || !computed.contains(column.name())) {
        return Optional.empty();
      }
    }
    return Optional.of(JavaConverters.asScalaBuffer(assignments).toList());
  }
}
