package io.lancebackfill.run;

import io.lancebackfill.datasource.read.FragmentRange;
import io.lancebackfill.datasource.read.FragmentTable;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.exec.PromptPythonOutput;
import io.lancebackfill.run.TaskRunner.Computation;
import io.lancebackfill.state.DeclaredInputs;
import io.lancebackfill.state.RowOffsets;
import io.lancebackfill.task.ArrowFunction;
import io.lancebackfill.task.ArrowFunctionRows;
import io.lancebackfill.task.ColumnTask;
import io.lancebackfill.task.JobTasks;
import io.lancebackfill.task.StoredValues;
import io.lancebackfill.task.TaskResult;
import io.lancebackfill.task.TaskSpec;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.LongConsumer;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** Turns tasks into an RDD whose partition i runs task i. */
final class BackfillStage {
  /** Small, so that little waits between a reader and a slow function; the source prefetches. */
  private static final int READ_ROWS = 1024;

  private final SparkSession spark;
  private final JobTasks stage;
  private final LiveRows live;

  BackfillStage(SparkSession spark, JobTasks stage, LiveRows live) {
    this.spark = spark;
    this.stage = stage;
    this.live = live;
  }

  /** Tasks that run no function. */
  RDD<TaskResult> assembling(List<TaskSpec> tasks) {
    return overTasks(tasks, new RunAssemble(stage, live.reporter()));
  }

  /** Tasks that run a function on Arrow batches. */
  RDD<TaskResult> applying(TableSnapshot inputs, List<TaskSpec> tasks, Computation computation) {
    ArrowFunction function =
        Objects.requireNonNull(computation.function()).reading(inputs, computation.inputs());
    return overTasks(tasks, new RunFunction(stage, function, live.reporter()));
  }

  /** Tasks that copy a column, if that is all that the value is. */
  Optional<RDD<TaskResult>> copying(
      TableSnapshot inputs, List<TaskSpec> tasks, Column value, DeclaredInputs names) {
    return PlainColumn.of(value, inputs, names, stage.columns())
        .map(column -> overTasks(tasks, new RunCopy(stage, column.name(), live.reporter())));
  }

  private RDD<TaskResult> overTasks(
      List<TaskSpec> tasks, FlatMapFunction<Iterator<IndexedTask>, TaskResult> run) {
    return partitions(tasks).mapPartitions(run).rdd();
  }

  /** A task and its place in the stage. */
  private record IndexedTask(int index, TaskSpec spec) implements Serializable {}

  /** A partition for each task. An executor gets those that it runs, not all of the job's. */
  private JavaRDD<IndexedTask> partitions(List<TaskSpec> tasks) {
    List<IndexedTask> indexed = new ArrayList<>();
    for (int i = 0; i < tasks.size(); i++) {
      indexed.add(new IndexedTask(i, tasks.get(i)));
    }
    return JavaSparkContext.fromSparkContext(spark.sparkContext())
        .parallelize(indexed, indexed.size());
  }

  /**
   * The query that computes {@code (_rowaddr, column...)}, whose partition i reads task i's rows.
   *
   * @param value of the column's type; a struct for a group
   * @param names how the value names what it reads
   */
  Dataset<Row> query(
      TableSnapshot inputs, List<TaskSpec> tasks, Column value, DeclaredInputs names) {
    List<FragmentRange> ranges = new ArrayList<>();
    for (TaskSpec task : tasks) {
      ranges.add(
          new FragmentRange(
              task.fragmentId(),
              task.start(),
              task.end(),
              RowOffsets.toBytes(
                  RowOffsets.complement(
                      RowOffsets.fromBytes(task.compute()), task.physicalRows()))));
    }
    Dataset<Row> table =
        named(FragmentTable.of(inputs, ranges, READ_ROWS).toDataFrame(spark), inputs, names);
    if (stage.columns().size() == 1) {
      return PromptPythonOutput.of(table.select(functions.col("_rowaddr"), value.as("value")));
    }
    List<Column> columns = new ArrayList<>();
    columns.add(functions.col("_rowaddr"));
    for (int i = 0; i < stage.columns().size(); i++) {
      columns.add(functions.col("value").getField(Computation.member(i)).as("value_" + i));
    }
    return PromptPythonOutput.of(
        table
            .select(functions.col("_rowaddr"), value.as("value"))
            .select(columns.toArray(Column[]::new)));
  }

  /** The table with its columns as the expression names them; only if one was renamed. */
  private static Dataset<Row> named(
      Dataset<Row> table, TableSnapshot inputs, DeclaredInputs names) {
    Optional<TableSnapshot> view = names.renamedView(inputs);
    if (view.isEmpty()) {
      return table;
    }
    List<Column> columns = new ArrayList<>();
    columns.add(functions.col("_rowaddr"));
    StructType now = inputs.sparkSchema();
    for (StructField declared : view.get().sparkSchema().fields()) {
      String name = names.column(inputs, declared.name()).orElseThrow().name();
      Column column = functions.col("`" + name.replace("`", "``") + "`");
      boolean same = now.apply(name).dataType().equals(declared.dataType());
      columns.add((same ? column : column.cast(declared.dataType())).as(declared.name()));
    }
    return table.select(columns.toArray(Column[]::new));
  }

  /** Tasks whose rows a query computes. */
  RDD<TaskResult> evaluating(Dataset<Row> query, List<TaskSpec> tasks) {
    return new QueryTasks(query.queryExecution().toRdd(), tasks, stage, live.reporter());
  }

  /** Counts computed rows from everywhere, for progress. */
  interface Reporter extends LongConsumer, Serializable {}

  private record RunAssemble(JobTasks stage, Reporter reporter)
      implements FlatMapFunction<Iterator<IndexedTask>, TaskResult> {
    @Override
    public Iterator<TaskResult> call(Iterator<IndexedTask> tasks) {
      IndexedTask task = tasks.next();
      return List.of(new ColumnTask(stage, task.spec(), task.index(), reporter).run(null))
          .iterator();
    }
  }

  private record RunCopy(JobTasks stage, String input, Reporter reporter)
      implements FlatMapFunction<Iterator<IndexedTask>, TaskResult> {
    @Override
    public Iterator<TaskResult> call(Iterator<IndexedTask> tasks) {
      IndexedTask task = tasks.next();
      return List.of(
              new ColumnTask(stage, task.spec(), task.index(), reporter)
                  .run(allocator -> StoredValues.copied(stage, task.spec(), input, allocator)))
          .iterator();
    }
  }

  private record RunFunction(JobTasks stage, ArrowFunction function, Reporter reporter)
      implements FlatMapFunction<Iterator<IndexedTask>, TaskResult> {
    @Override
    public Iterator<TaskResult> call(Iterator<IndexedTask> tasks) {
      IndexedTask task = tasks.next();
      boolean group = stage.columns().size() > 1;
      return List.of(
              new ColumnTask(stage, task.spec(), task.index(), reporter)
                  .run(
                      allocator ->
                          new ArrowFunctionRows(stage, task.spec(), function, group, allocator)))
          .iterator();
    }
  }
}
