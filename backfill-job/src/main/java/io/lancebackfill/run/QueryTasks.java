package io.lancebackfill.run;

import io.lancebackfill.compute.QueryRows;
import io.lancebackfill.compute.RequiredRows;
import io.lancebackfill.compute.Requirements;
import io.lancebackfill.compute.RowExpression;
import io.lancebackfill.task.JobTasks;
import io.lancebackfill.task.PackResult;
import io.lancebackfill.task.TaskPack;
import io.lancebackfill.task.TaskSpec;
import java.io.Serializable;
import java.util.List;
import java.util.function.Supplier;
import org.apache.spark.Partition;
import org.apache.spark.TaskContext;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.catalyst.InternalRow;
import org.jspecify.annotations.Nullable;
import scala.collection.Iterator;
import scala.collection.JavaConverters;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/**
 * Partition i runs pack i of tasks on the rows of a query's partition i. The query begins, and
 * starts its Python workers, when the task asks for rows: a task that declines to run does nothing,
 * and one whose workers cannot start can say so. Spark's own combinations of RDDs begin their
 * parents first.
 */
final class QueryTasks extends RDD<PackResult> {
  private static final long serialVersionUID = 1L;
  private static final ClassTag<PackResult> RESULT = ClassTag$.MODULE$.apply(PackResult.class);
  private static final ClassTag<InternalRow> ROW = ClassTag$.MODULE$.apply(InternalRow.class);

  /** An executor gets the tasks that it runs, each in its partition. */
  private final transient List<List<TaskSpec>> packs;

  private final JobTasks job;
  private final Evaluation evaluation;
  private final BackfillStage.Reporter reporter;

  /**
   * @param query of the row address and the values; or of the inputs of what is evaluated apart
   */
  QueryTasks(
      RDD<InternalRow> query,
      Evaluation evaluation,
      List<List<TaskSpec>> packs,
      JobTasks job,
      BackfillStage.Reporter reporter) {
    super(query, RESULT);
    this.evaluation = evaluation;
    this.packs = packs;
    this.job = job;
    this.reporter = reporter;
  }

  /**
   * What is done with the query's rows.
   *
   * @param apart what is evaluated on them, one at a time; null for nothing
   */
  record Evaluation(@Nullable RowExpression apart, Requirements requirements)
      implements Serializable {
    TaskPack.Rows of(
        Supplier<java.util.Iterator<InternalRow>> rows, JobTasks job, List<TaskSpec> tasks) {
      return RequiredRows.of(
          apart == null
              ? new QueryRows(rows, job.fields())
              : QueryRows.evaluated(rows, job.fields(), apart, job.errors()),
          job,
          tasks,
          requirements);
    }
  }

  private record PackPartition(int index, List<TaskSpec> tasks, Partition rows)
      implements Partition {}

  @Override
  public Partition[] getPartitions() {
    Partition[] rows = firstParent(ROW).partitions();
    if (rows.length != packs.size()) {
      throw new IllegalStateException(rows.length + " partitions for " + packs.size() + " packs");
    }
    Partition[] partitions = new Partition[rows.length];
    for (int i = 0; i < rows.length; i++) {
      partitions[i] = new PackPartition(i, packs.get(i), rows[i]);
    }
    return partitions;
  }

  @Override
  public Iterator<PackResult> compute(Partition split, TaskContext context) {
    PackPartition partition = (PackPartition) split;
    RDD<InternalRow> query = firstParent(ROW);
    Supplier<java.util.Iterator<InternalRow>> rows =
        () -> JavaConverters.asJavaIterator(query.iterator(partition.rows(), context));
    PackResult result =
        new TaskPack(job, partition.tasks(), reporter)
            .run(allocator -> evaluation.of(rows, job, partition.tasks()));
    return JavaConverters.asScalaIterator(List.of(result).iterator());
  }
}
