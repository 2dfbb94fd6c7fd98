package io.lancebackfill.run;

import io.lancebackfill.task.ColumnTask;
import io.lancebackfill.task.ExpressionRows;
import io.lancebackfill.task.JobTasks;
import io.lancebackfill.task.TaskResult;
import io.lancebackfill.task.TaskSpec;
import java.util.List;
import org.apache.spark.Partition;
import org.apache.spark.TaskContext;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.catalyst.InternalRow;
import scala.collection.Iterator;
import scala.collection.JavaConverters;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/**
 * Partition i runs task i on the rows of a query's partition i. The query begins, and starts its
 * Python workers, when the task asks for rows: a task that declines to run does nothing, and one
 * whose workers cannot start can say so. Spark's own combinations of RDDs begin their parents
 * first.
 */
final class QueryTasks extends RDD<TaskResult> {
  private static final long serialVersionUID = 1L;
  private static final ClassTag<TaskResult> RESULT = ClassTag$.MODULE$.apply(TaskResult.class);
  private static final ClassTag<InternalRow> ROW = ClassTag$.MODULE$.apply(InternalRow.class);

  /** An executor gets the tasks that it runs, each in its partition. */
  private final transient List<TaskSpec> tasks;

  private final JobTasks job;
  private final BackfillStage.Reporter reporter;

  QueryTasks(
      RDD<InternalRow> query, List<TaskSpec> tasks, JobTasks job, BackfillStage.Reporter reporter) {
    super(query, RESULT);
    this.tasks = tasks;
    this.job = job;
    this.reporter = reporter;
  }

  private record TaskPartition(int index, TaskSpec task, Partition rows) implements Partition {}

  @Override
  public Partition[] getPartitions() {
    Partition[] rows = firstParent(ROW).partitions();
    if (rows.length != tasks.size()) {
      throw new IllegalStateException(rows.length + " partitions for " + tasks.size() + " tasks");
    }
    Partition[] partitions = new Partition[rows.length];
    for (int i = 0; i < rows.length; i++) {
      partitions[i] = new TaskPartition(i, tasks.get(i), rows[i]);
    }
    return partitions;
  }

  @Override
  public Iterator<TaskResult> compute(Partition split, TaskContext context) {
    TaskPartition partition = (TaskPartition) split;
    RDD<InternalRow> query = firstParent(ROW);
    TaskResult result =
        new ColumnTask(job, partition.task(), partition.index(), reporter)
            .run(
                allocator ->
                    new ExpressionRows(
                        () ->
                            JavaConverters.asJavaIterator(
                                query.iterator(partition.rows(), context)),
                        job.fields(),
                        allocator));
    return JavaConverters.asScalaIterator(List.of(result).iterator());
  }
}
