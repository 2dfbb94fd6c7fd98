package io.lancebackfill.run;

import static io.lancebackfill.HandMade.range;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.LocalSpark;
import io.lancebackfill.compute.ArrowFunction;
import io.lancebackfill.compute.Computation;
import io.lancebackfill.compute.Computation.OfExpression;
import io.lancebackfill.compute.Computation.OfFunction;
import io.lancebackfill.compute.Requirements;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.exec.ErrorPolicy;
import io.lancebackfill.resource.FunctionResources;
import io.lancebackfill.state.DeclaredInputs;
import io.lancebackfill.state.RowOffsets;
import io.lancebackfill.task.JobTasks;
import io.lancebackfill.task.TaskResult;
import io.lancebackfill.task.TaskSpec;
import io.lancebackfill.udf.ColumnUdf;
import io.lancebackfill.udf.UdfDescriptor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskKilledException;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What the runner submits, hands out and leaves, on a local Spark of two slots and a table of 12
 * fragments of 10 rows, with the ids 0 to 119.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TestTaskRunner {
  private static final Field LONG = Field.nullable("v", new ArrowType.Int(64, true));
  private static final DeclaredInputs ID = new DeclaredInputs(List.of("id"), Map.of(0, "id"));
  private static final int FRAGMENTS = 12;
  private static final int ROWS = 10;
  private static final int SLOTS = 2;
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  /** As a job polls: what Spark gave up is looked for in between. */
  private static final Duration POLL = Duration.ofMillis(50);

  private SparkSession spark;
  private TableSnapshot table;
  private DatasetRef checkpoints;

  @BeforeAll
  void prepare(@TempDir Path root) throws IOException {
    spark = LocalSpark.start(List.of(), Map.of("spark.sql.catalog.lance.root", root.toString()));
    spark.sql(
        "CREATE TABLE lance.default.t (id BIGINT) TBLPROPERTIES ('file_format_version'='2.1')");
    spark.sql(
        "INSERT INTO lance.default.t SELECT id FROM range(0, %d, 1, %d)"
            .formatted(FRAGMENTS * ROWS, FRAGMENTS));
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
    assertThat(table.fragments()).hasSize(FRAGMENTS);
    checkpoints = DatasetRef.of(folder.resolve("_backfill/checkpoints/1.lance").toString());
  }

  @AfterAll
  void stop() {
    LocalSpark.stop(spark);
  }

  @BeforeEach
  void nothingHeld() {
    Gate.begun = new CountDownLatch(1);
    Gate.killed = new CountDownLatch(1);
    Gate.open = new CountDownLatch(0);
  }

  /** Gives its input; waits at an id of 30 until it may or its task is killed; cannot do 70. */
  public static final class Gate implements ColumnUdf {
    static volatile CountDownLatch begun = new CountDownLatch(1);
    static volatile CountDownLatch killed = new CountDownLatch(1);
    static volatile CountDownLatch open = new CountDownLatch(0);

    @Override
    public Field output(List<Field> inputs) {
      return LONG;
    }

    @Override
    public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator allocator)
        throws InterruptedException {
      BigIntVector in = (BigIntVector) inputs.get(0);
      for (int row = 0; row < rows; row++) {
        if (in.get(row) == 30) {
          begun.countDown();
          while (!open.await(10, TimeUnit.MILLISECONDS)) {
            if (TaskContext.get().isInterrupted()) {
              killed.countDown();
              throw new TaskKilledException("killed at the gate");
            }
          }
        }
        if (in.get(row) == 70) {
          throw new IllegalStateException("no seventy");
        }
      }
      return in;
    }
  }

  private static Computation gate() {
    return new OfFunction(
        new ArrowFunction(
            UdfDescriptor.java("gate", Gate.class.getName()),
            List.of("id"),
            null,
            false,
            "python3",
            1),
        ID,
        Requirements.NONE);
  }

  private static Computation expression(String sql) {
    return new OfExpression(
        functions.expr(sql).cast("bigint"), ID, /* isPython= */ false, Requirements.NONE);
  }

  private static TaskSpec whole(int fragment) {
    byte[] all = RowOffsets.toBytes(range(0, ROWS));
    return new TaskSpec(
        TaskSpec.Kind.WHOLE, fragment, ROWS, 0, ROWS, all, all, false, List.of(), "{}");
  }

  private static List<TaskSpec> all() {
    return IntStream.range(0, FRAGMENTS).mapToObj(TestTaskRunner::whole).toList();
  }

  private static Admission unbounded() {
    return new Admission(0, SLOTS, null, () -> {});
  }

  private <T> T running(
      Computation computation,
      Admission admission,
      List<TaskSpec> tasks,
      Function<TaskRunner, T> body) {
    JobTasks job =
        new JobTasks(
            "job",
            table.ref(),
            table.version(),
            table.version(),
            "2.1",
            List.of(new TableColumn(1, "v", LONG, List.of(1))),
            List.of(),
            checkpoints,
            "",
            5000,
            ErrorPolicy.FAIL,
            FunctionResources.ONE_CPU,
            false);
    try (LiveRows live = new LiveRows(spark.sparkContext());
        TaskRunner runner =
            new TaskRunner(
                spark,
                job,
                computation,
                live,
                new TaskRunner.Place(
                    admission,
                    Optional.empty(),
                    "the test's tasks",
                    new StartTimes(System.nanoTime(), executors -> Optional.empty())))) {
      return runner.run(table, tasks, () -> body.apply(runner));
    }
  }

  /** All results, in the order of their coming. */
  private static List<TaskResult> drained(TaskRunner runner) {
    return drained(runner, result -> {});
  }

  private static List<TaskResult> drained(TaskRunner runner, Consumer<TaskResult> onResult) {
    List<TaskResult> results = new ArrayList<>();
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (runner.outstanding() > 0) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      runner
          .poll(POLL)
          .ifPresent(
              next -> {
                results.add(next);
                onResult.accept(next);
              });
    }
    return results;
  }

  private static Integer[] fragments(int... without) {
    return IntStream.range(0, FRAGMENTS)
        .filter(fragment -> IntStream.of(without).noneMatch(other -> other == fragment))
        .boxed()
        .toArray(Integer[]::new);
  }

  @ParameterizedTest
  @ValueSource(strings = {"id + 1", "id"})
  void eachTaskOfAnExpressionComesOnce(String sql) {
    List<TaskResult> results =
        running(expression(sql), unbounded(), all(), TestTaskRunner::drained);
    assertThat(results).extracting(TaskResult::fragmentId).containsExactlyInAnyOrder(fragments());
    assertThat(results)
        .allSatisfy(
            result -> {
              assertThat(result.fault()).isNull();
              assertThat(result.rowsComputed()).isEqualTo(ROWS);
              assertThat(result.file().rows()).isEqualTo(ROWS);
            });
  }

  @Test
  void aTaskThatFailsInAPackDoesSoAloneAndTheOthersRun() {
    List<TaskResult> results = running(gate(), unbounded(), all(), TestTaskRunner::drained);
    assertThat(results).extracting(TaskResult::fragmentId).containsExactlyInAnyOrder(fragments());
    assertThat(results)
        .filteredOn(result -> result.fault() != null)
        .singleElement()
        .satisfies(
            failed -> {
              assertThat(failed.fragmentId()).isEqualTo(7);
              assertThat(failed.fault().code()).isEqualTo(BackfillErrorCode.FUNCTION_FAILED);
              assertThat(failed.fault().message()).contains("no seventy");
            });
  }

  @Test
  void nothingIsBegunOnceItIsHeldBack() {
    List<TaskResult> results =
        running(
            gate(),
            new Admission(1, SLOTS, fragments -> {}, () -> {}),
            all(),
            runner -> drained(runner, result -> runner.holdBack()));
    // The second was begun when the first had ended, before anybody had looked at it.
    assertThat(results).extracting(TaskResult::fragmentId).containsExactly(0, 1);
  }

  @Test
  void fragmentsAreRecordedBeforeTheyAreBegunEachByItself() {
    List<Integer> recorded = new ArrayList<>();
    List<Integer> ahead = new ArrayList<>();
    Consumer<List<Integer>> recorder = recorded::addAll;
    List<TaskResult> results =
        running(
            expression("id + 1"),
            new Admission(1, SLOTS, recorder, () -> {}),
            all(),
            runner -> drained(runner, result -> ahead.add(recorded.size())));
    assertThat(recorded).containsExactly(fragments());
    assertThat(results).extracting(TaskResult::fragmentId).containsExactly(fragments());
    assertThat(ahead).as("one more is begun as soon as one has ended").startsWith(2, 3, 4);
  }

  @Test
  void theCallersJobGroupIsAsItWas() {
    spark.sparkContext().setJobGroup("the caller's", "its description", true);
    try {
      String during =
          running(
              expression("id + 1"),
              unbounded(),
              List.of(whole(3)),
              runner -> {
                drained(runner);
                return spark.sparkContext().getLocalProperty("spark.jobGroup.id");
              });
      assertThat(during).isEqualTo("job");
      assertThat(spark.sparkContext().getLocalProperty("spark.jobGroup.id"))
          .isEqualTo("the caller's");
      assertThat(spark.sparkContext().getLocalProperty("spark.job.description"))
          .isEqualTo("its description");
      assertThat(spark.sparkContext().getLocalProperty("spark.job.interruptOnCancel"))
          .isEqualTo("true");
    } finally {
      spark.sparkContext().clearJobGroup();
    }
  }

  @Test
  void anInterruptEndsTheWaitAndStaysSet() {
    running(
        gate(),
        unbounded(),
        List.of(whole(0)),
        runner -> {
          Thread.currentThread().interrupt();
          assertInterrupted(() -> runner.poll(PATIENCE), "was interrupted");
          assertThat(Thread.interrupted()).isTrue();
          return drained(runner);
        });
  }

  @Test
  void tasksThatSomebodyCancelsEndTheJobAsAnInterruptDoes() {
    Gate.open = new CountDownLatch(1);
    try {
      running(
          gate(),
          unbounded(),
          List.of(whole(3)),
          runner -> {
            await(Gate.begun);
            spark.sparkContext().cancelJobGroup("job");
            assertInterrupted(() -> drained(runner), "tasks were cancelled");
            return null;
          });
    } finally {
      Gate.open.countDown();
    }
  }

  @Test
  void closingEndsWhatStillRuns() {
    Gate.open = new CountDownLatch(1);
    try {
      running(
          gate(),
          unbounded(),
          List.of(whole(3)),
          runner -> {
            await(Gate.begun);
            return null;
          });
      await(Gate.killed);
    } finally {
      Gate.open.countDown();
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static void assertInterrupted(ThrowingCallable call, String message) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            BackfillException.class,
            e -> assertThat(e.code()).isEqualTo(BackfillErrorCode.JOB_INTERRUPTED))
        .hasMessageContaining(message);
  }
}
