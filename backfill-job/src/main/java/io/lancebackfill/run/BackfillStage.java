package io.lancebackfill.run;

import io.lancebackfill.compute.ArrowFunction;
import io.lancebackfill.compute.ArrowFunctionRows;
import io.lancebackfill.compute.Computation;
import io.lancebackfill.compute.Computation.OfExpression;
import io.lancebackfill.compute.Computation.OfFunction;
import io.lancebackfill.compute.CopiedRows;
import io.lancebackfill.compute.PythonFunctionRows;
import io.lancebackfill.compute.RequiredRows;
import io.lancebackfill.compute.Requirements;
import io.lancebackfill.compute.RowExpression;
import io.lancebackfill.datasource.read.FragmentRange;
import io.lancebackfill.datasource.read.FragmentTable;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.exec.PromptPythonOutput;
import io.lancebackfill.state.DeclaredInputs;
import io.lancebackfill.task.JobTasks;
import io.lancebackfill.task.PackResult;
import io.lancebackfill.task.TaskPack;
import io.lancebackfill.task.TaskSpec;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.function.LongConsumer;
import org.apache.arrow.memory.BufferAllocator;
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

/** Turns packs of tasks into an RDD whose partition i runs pack i. */
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
  RDD<PackResult> assembling(List<List<TaskSpec>> packs) {
    return overPacks(packs, new RunAssemble(stage, live.reporter()));
  }

  /** Tasks that run a function on Arrow batches. */
  RDD<PackResult> applying(
      TableSnapshot inputs, List<List<TaskSpec>> packs, OfFunction computation) {
    ArrowFunction function = computation.function().reading(inputs, computation.inputs());
    Requirements required = computation.requirements().reading(inputs, computation.inputs());
    return overPacks(packs, new RunFunction(stage, function, required, live.reporter()));
  }

  /** Tasks that copy a column. */
  RDD<PackResult> copying(List<List<TaskSpec>> packs, TableColumn input, Requirements required) {
    return overPacks(packs, new RunCopy(stage, input.name(), required, live.reporter()));
  }

  /** A partition for each pack. An executor gets those that it runs, not all of the job's. */
  private RDD<PackResult> overPacks(
      List<List<TaskSpec>> packs, FlatMapFunction<Iterator<List<TaskSpec>>, PackResult> run) {
    return JavaSparkContext.fromSparkContext(spark.sparkContext())
        .parallelize(packs, packs.size())
        .mapPartitions(run)
        .rdd();
  }

  /**
   * The query that computes {@code (_rowaddr, column...)}, whose partition i reads pack i's rows.
   *
   * @param value of the column's type; a struct for a group
   */
  Dataset<Row> query(TableSnapshot inputs, List<List<TaskSpec>> packs, OfExpression value) {
    List<List<FragmentRange>> ranges =
        packs.stream().map(pack -> pack.stream().map(TaskSpec::range).toList()).toList();
    Dataset<Row> table =
        named(
            FragmentTable.packed(inputs, ranges, READ_ROWS).toDataFrame(spark),
            inputs,
            value.inputs());
    Column computed = value.expression().as("value");
    if (stage.columns().size() == 1) {
      return PromptPythonOutput.of(table.select(functions.col("_rowaddr"), computed));
    }
    List<Column> columns = new ArrayList<>();
    columns.add(functions.col("_rowaddr"));
    for (int i = 0; i < stage.columns().size(); i++) {
      columns.add(functions.col("value").getField(Computation.member(i)).as("value_" + i));
    }
    return PromptPythonOutput.of(
        table.select(functions.col("_rowaddr"), computed).select(columns.toArray(Column[]::new)));
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

  /** Tasks whose rows a query computes; one at a time, if one may fail without the others. */
  RDD<PackResult> evaluating(
      Dataset<Row> query, List<List<TaskSpec>> packs, Requirements required) {
    if (!stage.errors().isolates()) {
      return new QueryTasks(
          query.queryExecution().toRdd(),
          new QueryTasks.Evaluation(null, required),
          packs,
          stage,
          live.reporter());
    }
    RowExpression.Split split = RowExpression.of(query.queryExecution().optimizedPlan());
    Dataset<Row> scan = Dataset.ofRows(query.sparkSession(), split.scan());
    return new QueryTasks(
        scan.queryExecution().toRdd(),
        new QueryTasks.Evaluation(split.expression(), required),
        packs,
        stage,
        live.reporter());
  }

  /** Counts computed rows from everywhere, for progress. */
  interface Reporter extends LongConsumer, Serializable {}

  private record RunAssemble(JobTasks stage, Reporter reporter)
      implements FlatMapFunction<Iterator<List<TaskSpec>>, PackResult> {
    @Override
    public Iterator<PackResult> call(Iterator<List<TaskSpec>> packs) {
      return List.of(new TaskPack(stage, packs.next(), reporter).run()).iterator();
    }
  }

  private record RunCopy(JobTasks stage, String input, Requirements requirements, Reporter reporter)
      implements FlatMapFunction<Iterator<List<TaskSpec>>, PackResult> {
    @Override
    public Iterator<PackResult> call(Iterator<List<TaskSpec>> packs) {
      List<TaskSpec> tasks = packs.next();
      return List.of(
              new TaskPack(stage, tasks, reporter)
                  .run(
                      allocator ->
                          RequiredRows.of(
                              new CopiedRows(stage, tasks, input), stage, tasks, requirements)))
          .iterator();
    }
  }

  private record RunFunction(
      JobTasks stage, ArrowFunction function, Requirements requirements, Reporter reporter)
      implements FlatMapFunction<Iterator<List<TaskSpec>>, PackResult> {
    @Override
    public Iterator<PackResult> call(Iterator<List<TaskSpec>> packs) {
      List<TaskSpec> tasks = packs.next();
      return List.of(new TaskPack(stage, tasks, reporter).run(allocator -> rows(tasks, allocator)))
          .iterator();
    }

    private TaskPack.Rows rows(List<TaskSpec> tasks, BufferAllocator allocator) {
      return RequiredRows.of(
          function.descriptor().isPython()
              ? new PythonFunctionRows(stage, tasks, function, allocator)
              : new ArrowFunctionRows(stage, tasks, function),
          stage,
          tasks,
          requirements);
    }
  }
}
