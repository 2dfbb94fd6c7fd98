package io.lancebackfill.run;

import static io.lancebackfill.HandMade.range;
import static io.lancebackfill.HandMade.rows;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.LocalSpark;
import io.lancebackfill.compute.ArrowFunction;
import io.lancebackfill.compute.ArrowFunctionRows;
import io.lancebackfill.compute.Computation.OfExpression;
import io.lancebackfill.compute.Computation.OfFunction;
import io.lancebackfill.compute.Requirements;
import io.lancebackfill.coverage.RowSelection;
import io.lancebackfill.coverage.SqlExecution;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceAllocator;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.exec.ErrorPolicy;
import io.lancebackfill.resource.FunctionResources;
import io.lancebackfill.state.DeclaredInputs;
import io.lancebackfill.state.RowOffsets;
import io.lancebackfill.task.CheckpointStream;
import io.lancebackfill.task.JobTasks;
import io.lancebackfill.task.OffsetBatch;
import io.lancebackfill.task.OffsetStream;
import io.lancebackfill.task.PackResult;
import io.lancebackfill.task.StoredValues;
import io.lancebackfill.task.TaskResult;
import io.lancebackfill.task.TaskSpec;
import io.lancebackfill.task.TaskSpec.CheckpointUse;
import io.lancebackfill.task.TaskSpec.Kind;
import io.lancebackfill.udf.ColumnUdf;
import io.lancebackfill.udf.UdfDescriptor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.roaringbitmap.RoaringBitmap;

/**
 * What is Spark's in a backfill, on two fragments of 50 rows with the ids 0 to 99: row selections,
 * tasks of expressions and functions ({@link ArrowFunctionRows}), what they leave, and what reads
 * it again.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TestBackfillStage {
  private static final Field LONG = Field.nullable("v", new ArrowType.Int(64, true));
  private static final DeclaredInputs ID = new DeclaredInputs(List.of("id"), Map.of(0, "id"));

  private SparkSession spark;
  private TableSnapshot table;
  private DatasetRef checkpoints;

  @BeforeAll
  void prepare(@TempDir Path root) throws IOException {
    spark = LocalSpark.start(List.of(), Map.of("spark.sql.catalog.lance.root", root.toString()));
    spark.sql(
        "CREATE TABLE lance.default.t (id BIGINT) TBLPROPERTIES ('file_format_version'='2.1')");
    spark.sql("INSERT INTO lance.default.t SELECT id FROM range(0, 100, 1, 2)");
    Path folder;
    try (Stream<Path> folders = Files.list(root)) {
      // Beside the catalog's own __manifest.
      folder =
          folders
              .filter(path -> path.getFileName().toString().matches("(.*\\$)?t(\\.lance)?"))
              .findFirst()
              .orElseThrow();
    }
    table = LanceTables.latest(DatasetRef.of(folder.toString()));
    assertThat(table.fragments()).extracting(f -> f.physicalRows()).containsExactly(50L, 50L);
    checkpoints = DatasetRef.of(folder.resolve("_backfill/checkpoints/1.lance").toString());
  }

  @AfterAll
  void stop() {
    LocalSpark.stop(spark);
  }

  private JobTasks job(TableColumn column) {
    return new JobTasks(
        "job",
        table.ref(),
        table.version(),
        table.version(),
        "2.1",
        List.of(column),
        List.of(),
        checkpoints,
        "",
        5000,
        ErrorPolicy.FAIL,
        FunctionResources.ONE_CPU,
        false);
  }

  private static TableColumn value() {
    return new TableColumn(1, "v", LONG, List.of(1));
  }

  private static TaskSpec task(
      Kind kind, int fragment, RoaringBitmap compute, CheckpointUse... of) {
    return new TaskSpec(
        kind,
        fragment,
        50,
        0,
        50,
        RowOffsets.toBytes(range(0, 50)),
        RowOffsets.toBytes(compute),
        false,
        List.of(of),
        "{}");
  }

  private static List<TaskResult> run(RDD<PackResult> packs) {
    return packs.toJavaRDD().collect().stream().flatMap(pack -> pack.results().stream()).toList();
  }

  private static List<List<TaskSpec>> singly(List<TaskSpec> tasks) {
    return tasks.stream().map(List::of).toList();
  }

  /** The rows of a stream as {@code offset=value}. */
  private static List<String> read(OffsetStream stream) {
    List<String> found = new ArrayList<>();
    try (stream) {
      for (OffsetBatch batch = stream.next(); batch != null; batch = stream.next()) {
        try (OffsetBatch closed = batch) {
          for (int i = 0; i < closed.rows(); i++) {
            found.add(closed.offsets()[i] + "=" + closed.values().get(0).getObject(i));
          }
        }
      }
    }
    return found;
  }

  private List<String> checkpoint(TaskResult result) {
    assertThat(result.fault()).isNull();
    CheckpointUse use =
        new CheckpointUse(
            Objects.requireNonNull(result.checkpoint()), Objects.requireNonNull(result.rows()));
    try (BufferAllocator allocator =
        LanceAllocator.root().newChildAllocator("test", 0, Long.MAX_VALUE)) {
      return read(new CheckpointStream(job(value()), use, allocator));
    }
  }

  @Test
  void eachTaskOfAnExpressionComputesItsRows() {
    try (LiveRows live = new LiveRows(spark.sparkContext())) {
      BackfillStage stage = new BackfillStage(spark, job(value()), live);
      List<TaskSpec> tasks =
          List.of(task(Kind.RANGE, 1, rows(0, 7, 49)), task(Kind.RANGE, 0, rows(3)));
      List<TaskResult> results =
          run(
              stage.evaluating(
                  stage.query(
                      table,
                      singly(tasks),
                      new OfExpression(functions.expr("id * 2"), ID, false, Requirements.NONE)),
                  singly(tasks),
                  Requirements.NONE));
      assertThat(results).extracting(TaskResult::fragmentId).containsExactly(1, 0);
      assertThat(checkpoint(results.get(0))).containsExactly("0=100", "7=114", "49=198");
      assertThat(checkpoint(results.get(1))).containsExactly("3=6");
      assertThat(live.count()).isEqualTo(4);
    }
  }

  @Test
  void anExpressionKeepsToColumnsThatWereRenamed() {
    DeclaredInputs renamed = new DeclaredInputs(List.of("key"), Map.of(0, "key"));
    try (LiveRows live = new LiveRows(spark.sparkContext())) {
      BackfillStage stage = new BackfillStage(spark, job(value()), live);
      List<TaskSpec> tasks = List.of(task(Kind.RANGE, 0, rows(49)));
      List<TaskResult> results =
          run(
              stage.evaluating(
                  stage.query(
                      table,
                      singly(tasks),
                      new OfExpression(
                          functions.expr("key + 1"), renamed, false, Requirements.NONE)),
                  singly(tasks),
                  Requirements.NONE));
      assertThat(checkpoint(results.get(0))).containsExactly("49=50");
    }
  }

  @Test
  void aPackOfTasksReadsItsFragmentsTogether() {
    try (LiveRows live = new LiveRows(spark.sparkContext())) {
      BackfillStage stage = new BackfillStage(spark, job(value()), live);
      List<List<TaskSpec>> packs =
          List.of(List.of(task(Kind.WHOLE, 0, range(0, 50)), task(Kind.WHOLE, 1, range(0, 50))));
      Dataset<Row> query =
          stage.query(
              table,
              packs,
              new OfExpression(functions.expr("id * 2"), ID, false, Requirements.NONE));
      assertThat(query.rdd().getNumPartitions()).isOne();
      List<TaskResult> results = run(stage.evaluating(query, packs, Requirements.NONE));
      assertThat(results).extracting(TaskResult::fragmentId).containsExactly(0, 1);
      assertThat(results).extracting(TaskResult::rowsComputed).containsExactly(50L, 50L);
      assertThat(results).extracting(r -> r.file().rows()).containsExactly(50L, 50L);
      assertThat(live.count()).isEqualTo(100);
    }
  }

  @Test
  void aPackLeavesTheFragmentThatFailsAndThoseAfterIt() {
    try (LiveRows live = new LiveRows(spark.sparkContext())) {
      BackfillStage stage = new BackfillStage(spark, job(value()), live);
      List<List<TaskSpec>> packs =
          List.of(List.of(task(Kind.WHOLE, 0, range(0, 50)), task(Kind.WHOLE, 1, range(0, 50))));
      Column failing = functions.expr("if(id = 70, raise_error('seventy'), id)").cast("bigint");
      List<PackResult> results =
          stage
              .evaluating(
                  stage.query(
                      table, packs, new OfExpression(failing, ID, false, Requirements.NONE)),
                  packs,
                  Requirements.NONE)
              .toJavaRDD()
              .collect();
      assertThat(results).hasSize(1);
      assertThat(results.get(0).apart()).isTrue();
      assertThat(results.get(0).results()).extracting(TaskResult::fragmentId).containsExactly(0);
    }
  }

  /** Adds its row's input to itself; fails on 33. */
  public static final class Twice implements ColumnUdf {
    @Override
    public Field output(List<Field> inputs) {
      return LONG;
    }

    @Override
    public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator allocator) {
      BigIntVector in = (BigIntVector) inputs.get(0);
      BigIntVector out = new BigIntVector("any", allocator);
      try {
        for (int row = 0; row < rows; row++) {
          if (in.get(row) == 33) {
            throw new IllegalStateException("no thirty-three");
          }
          out.setSafe(row, in.get(row) + ((BigIntVector) inputs.get(1)).get(row));
        }
      } catch (RuntimeException e) {
        out.close();
        throw e;
      }
      out.setValueCount(rows);
      return out;
    }
  }

  private List<TaskResult> applying(int batchSize, TaskSpec... tasks) {
    ArrowFunction twice =
        new ArrowFunction(
            UdfDescriptor.java("twice", Twice.class.getName()),
            List.of("id", "id"),
            batchSize,
            false,
            "python3",
            1);
    try (LiveRows live = new LiveRows(spark.sparkContext())) {
      BackfillStage stage = new BackfillStage(spark, job(value()), live);
      return run(
          stage.applying(
              table, singly(List.of(tasks)), new OfFunction(twice, ID, Requirements.NONE)));
    }
  }

  @ParameterizedTest
  @CsvSource({"1", "7", "50", "1000"})
  void eachTaskOfAFunctionComputesItsRows(int batchSize) {
    List<TaskResult> results =
        applying(
            batchSize,
            task(Kind.RANGE, 0, RoaringBitmap.andNot(range(0, 50), rows(33))),
            task(Kind.RANGE, 1, rows(49)));
    assertThat(checkpoint(results.get(0))).hasSize(49).startsWith("0=0", "1=2").endsWith("49=98");
    assertThat(checkpoint(results.get(1))).containsExactly("49=198");
    assertThat(results).extracting(TaskResult::rowsComputed).containsExactly(49L, 1L);
  }

  @Test
  void aFunctionThatFailsIsAFaultAndKeepsWhatCameBefore() {
    TaskResult result = applying(10, task(Kind.RANGE, 0, range(0, 50))).get(0);
    assertThat(Objects.requireNonNull(result.fault()).code())
        .isEqualTo(BackfillErrorCode.FUNCTION_FAILED);
    assertThat(result.fault().message()).contains("no thirty-three").contains("twice");
  }

  @Test
  void whatRangesLeftIsPutTogether() {
    List<TaskResult> ranges =
        applying(
            10,
            task(Kind.RANGE, 0, range(0, 20)),
            task(Kind.RANGE, 0, RoaringBitmap.andNot(range(20, 50), rows(33))));
    CheckpointUse[] uses =
        ranges.stream()
            .map(
                r ->
                    new CheckpointUse(
                        Objects.requireNonNull(r.checkpoint()), Objects.requireNonNull(r.rows())))
            .toArray(CheckpointUse[]::new);
    try (LiveRows live = new LiveRows(spark.sparkContext())) {
      TaskResult result =
          run(new BackfillStage(spark, job(value()), live)
                  .assembling(singly(List.of(task(Kind.ASSEMBLE, 0, rows(), uses)))))
              .get(0);
      assertThat(result.fault()).isNull();
      assertThat(Objects.requireNonNull(result.file()).rows()).isEqualTo(50);
      assertThat(RowOffsets.fromBytes(result.rows()))
          .isEqualTo(RoaringBitmap.andNot(range(0, 50), rows(33)));
      assertThat(live.count()).as("nothing was computed").isZero();
    }
  }

  /** Of the column {@code id}: the rows that do not take a new value. */
  @Test
  void presentValuesAreThoseOfTheRowsThatKeepThem() {
    TaskSpec all = task(Kind.WHOLE, 1, rows());
    TaskSpec some =
        new TaskSpec(
            Kind.WHOLE,
            1,
            50,
            0,
            50,
            RowOffsets.toBytes(range(1, 49)),
            new byte[0],
            true,
            List.of(),
            "{}");
    JobTasks job = job(table.columns().get(0));
    try (BufferAllocator allocator =
        LanceAllocator.root().newChildAllocator("test", 0, Long.MAX_VALUE)) {
      assertThat(read(StoredValues.current(job, some, allocator))).containsExactly("0=50", "49=99");
      assertThat(read(StoredValues.current(job, all, allocator))).isEmpty();
    }
  }

  @Test
  void conditionsSelectAmongTheRowsThatAreAskedFor() {
    RowSelection rows = new RowSelection(spark);
    assertThat(rows.matching(table, Map.of(), functions.expr("id > 0"), "none")).isEmpty();
    assertThat(
            rows.matching(
                table, Map.of(0, range(0, 50), 1, rows(0, 49)), functions.expr("id % 49 = 1"), "a"))
        .isEqualTo(Map.of(0, rows(1), 1, rows(0, 49)));
    // Spark plans no partition at all for this one.
    assertThat(rows.matching(table, Map.of(0, range(0, 50)), functions.expr("false"), "b"))
        .isEmpty();
    assertThat(rows.matching(table, Map.of(1, rows(5)), functions.expr("id = 54"), "c")).isEmpty();
  }

  /** Gives {@code (id, -id)}, and NULL for the whole where the id is odd. */
  public static final class Both implements ColumnUdf {
    private static final Field OUTPUT =
        new Field(
            "both",
            FieldType.nullable(ArrowType.Struct.INSTANCE),
            List.of(LONG, Field.nullable("w", new ArrowType.Int(64, true))));

    @Override
    public Field output(List<Field> inputs) {
      return OUTPUT;
    }

    @Override
    public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator allocator) {
      BigIntVector in = (BigIntVector) inputs.get(0);
      StructVector both = (StructVector) OUTPUT.createVector(allocator);
      both.allocateNew();
      for (int row = 0; row < rows; row++) {
        ((BigIntVector) both.getChild("v")).setSafe(row, in.get(row));
        ((BigIntVector) both.getChild("w")).setSafe(row, -in.get(row));
        if (in.get(row) % 2 == 0) {
          both.setIndexDefined(row);
        } else {
          both.setNull(row);
        }
      }
      both.setValueCount(rows);
      return both;
    }
  }

  @Test
  void aFunctionsStructFillsAGroup() {
    Field second = Field.nullable("w", new ArrowType.Int(64, true));
    JobTasks one = job(value());
    JobTasks group =
        new JobTasks(
            one.jobId(),
            one.table(),
            one.inputVersion(),
            one.columnVersion(),
            one.storageVersion(),
            List.of(value(), new TableColumn(2, "w", second, List.of(2))),
            List.of(),
            one.checkpoints(),
            "",
            5000,
            ErrorPolicy.FAIL,
            FunctionResources.ONE_CPU,
            false);
    ArrowFunction both =
        new ArrowFunction(
            UdfDescriptor.java("both", Both.class.getName()),
            List.of("id"),
            2,
            false,
            "python3",
            1);
    TaskSpec task = task(Kind.RANGE, 0, rows(0, 3, 4));
    TaskResult result;
    try (LiveRows live = new LiveRows(spark.sparkContext())) {
      result =
          run(new BackfillStage(spark, group, live)
                  .applying(
                      table, singly(List.of(task)), new OfFunction(both, ID, Requirements.NONE)))
              .get(0);
    }
    assertThat(result.fault()).isNull();
    CheckpointUse use =
        new CheckpointUse(
            Objects.requireNonNull(result.checkpoint()), Objects.requireNonNull(result.rows()));
    List<String> found = new ArrayList<>();
    try (BufferAllocator allocator =
            LanceAllocator.root().newChildAllocator("test", 0, Long.MAX_VALUE);
        CheckpointStream stream = new CheckpointStream(group, use, allocator)) {
      for (OffsetBatch next = stream.next(); next != null; next = stream.next()) {
        try (OffsetBatch batch = next) {
          for (int i = 0; i < batch.rows(); i++) {
            found.add(
                "%d=%s,%s"
                    .formatted(
                        batch.offsets()[i],
                        batch.values().get(0).getObject(i),
                        batch.values().get(1).getObject(i)));
          }
        }
      }
    }
    assertThat(found).containsExactly("0=0,0", "3=null,null", "4=4,-4");
  }

  @Test
  void aQueryRunByHandIsOneToSpark() {
    Dataset<Row> query = spark.range(1).toDF();
    String key = "spark.sql.execution.id";
    assertThat(
            SqlExecution.run(
                query, "by hand", () -> String.valueOf(spark.sparkContext().getLocalProperty(key))))
        .matches("[0-9]+");
    assertThat(spark.sparkContext().getLocalProperty(key)).isNull();
    assertThatThrownBy(
            () ->
                SqlExecution.run(
                    query,
                    "fails",
                    () -> {
                      throw new IllegalStateException("in the body");
                    }))
        .hasMessage("in the body");
    assertThat(spark.sparkContext().getLocalProperty(key)).isNull();
  }
}
