package io.lancebackfill.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.HandMade;
import io.lancebackfill.datasource.store.CheckpointSink;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.exec.ErrorPolicy;
import io.lancebackfill.resource.FunctionResources;
import io.lancebackfill.state.CheckpointStore;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Field;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class TestCheckpointer {
  private static final List<Field> FIELDS = List.of(HandMade.V.field());
  private static final long INTERVAL_MS = 1000;

  private final BufferAllocator allocator = new RootAllocator();
  private final List<DatasetRef> created = new ArrayList<>();
  private final List<Map<String, String>> properties = new ArrayList<>();

  /**
   * The rows of each append that came; written by the checkpointer's thread, read after its end.
   */
  private final List<String> appended = new ArrayList<>();

  /** For each append or creation to come, a failure or null; none fails beyond the last. */
  private final Deque<String> failures = new ArrayDeque<>();

  private CountDownLatch mayAppend = new CountDownLatch(0);
  private ExecutorService writer = new SameThread();
  private long nowMs = 77_000;

  /** Fails if anything is left allocated. */
  @AfterEach
  void close() {
    allocator.close();
  }

  /** Runs at once what it is given. */
  private static final class SameThread extends AbstractExecutorService {
    private boolean shutDown;

    @Override
    public void execute(Runnable work) {
      work.run();
    }

    @Override
    public void shutdown() {
      shutDown = true;
    }

    @Override
    public List<Runnable> shutdownNow() {
      shutDown = true;
      return List.of();
    }

    @Override
    public boolean isShutdown() {
      return shutDown;
    }

    @Override
    public boolean isTerminated() {
      return shutDown;
    }

    @Override
    public boolean awaitTermination(long timeout, TimeUnit unit) {
      return shutDown;
    }
  }

  private final class FakeDataset implements CheckpointSink {
    private int last = -1;

    @Override
    public void append(int[] offsets, VectorSchemaRoot values) {
      try {
        mayAppend.await();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      failIfAsked();
      IntVector vector = (IntVector) values.getVector(0);
      assertThat(values.getRowCount()).isEqualTo(offsets.length);
      for (int i = 0; i < offsets.length; i++) {
        assertThat(offsets[i]).isGreaterThan(last);
        last = offsets[i];
        if (offsets.length < 1000) {
          assertThat(vector.get(i)).isEqualTo(10 * offsets[i]);
        }
      }
      appended.add(offsets.length < 1000 ? Arrays.toString(offsets) : offsets.length + " rows");
    }

    @Override
    public long bytes() {
      return 100L * appended.size();
    }

    @Override
    public void close() {}
  }

  private void failIfAsked() {
    String failure = failures.poll();
    if (failure != null && !failure.isEmpty()) {
      throw new IllegalArgumentException(failure);
    }
  }

  private Checkpointer checkpointer(boolean everyRow) {
    JobTasks job =
        new JobTasks(
            "job",
            DatasetRef.of("/t"),
            1,
            1,
            "2.1",
            List.of(HandMade.V),
            List.of(),
            DatasetRef.of("/t/_backfill/checkpoints/1.lance"),
            "g",
            INTERVAL_MS,
            ErrorPolicy.FAIL,
            FunctionResources.ONE_CPU,
            false);
    TaskSpec task =
        new TaskSpec(
            everyRow ? TaskSpec.Kind.RANGE : TaskSpec.Kind.WHOLE,
            3,
            1000,
            20,
            1000,
            new byte[0],
            new byte[0],
            false,
            List.of(),
            "{in}");
    return new Checkpointer(
        job,
        task,
        allocator,
        everyRow,
        (ref, fields, about) -> {
          failIfAsked();
          created.add(ref);
          properties.add(about);
          return new FakeDataset();
        },
        writer,
        () -> nowMs * 1_000_000);
  }

  /** Offers a batch of these rows so long after the beginning. */
  private void offer(Checkpointer to, long atMs, int... offsets) {
    nowMs = 77_000 + atMs;
    try (IntVector vector = (IntVector) FIELDS.get(0).createVector(allocator)) {
      for (int i = 0; i < offsets.length; i++) {
        vector.setSafe(i, 10 * offsets[i]);
      }
      vector.setValueCount(offsets.length);
      to.offer(new OffsetBatch(offsets, List.of(vector)));
    }
  }

  private void offerMany(Checkpointer to, long atMs, int first, int count) {
    nowMs = 77_000 + atMs;
    try (IntVector vector = (IntVector) FIELDS.get(0).createVector(allocator)) {
      vector.allocateNew(count);
      vector.setValueCount(count);
      int[] offsets = new int[count];
      Arrays.setAll(offsets, i -> first + i);
      to.offer(new OffsetBatch(offsets, List.of(vector)));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        // Rows 0, 1, 2 ... come at these times after the beginning, in ms.
        "''                | ''",
        "0                 | [0]",
        "0 999             | [0, 1]",
        "0 999 1000        | [0, 1, 2]",
        "0 1000 1001       | [0, 1] [2]",
        "1000 1999 2000    | [0] [1, 2]",
        "5000 5999 6000 6001 | [0] [1, 2] [3]",
      })
  void aRangeKeepsAllItsRowsEveryInterval(String times, String appends) {
    try (Checkpointer checkpointer = checkpointer(true)) {
      int row = 0;
      for (String time : times.isEmpty() ? new String[0] : times.split(" ")) {
        offer(checkpointer, Long.parseLong(time), row++);
      }
      checkpointer.finish();
      assertThat(checkpointer.written()).isEqualTo(HandMade.range(0, row));
      assertThat(checkpointer.name() == null).isEqualTo(row == 0);
      assertThat(checkpointer.bytes()).isEqualTo(100L * appended.size());
    }
    assertThat(String.join(" ", appended)).isEqualTo(appends);
  }

  @Test
  void aDatasetSaysWhatItIsOf() {
    try (Checkpointer checkpointer = checkpointer(true)) {
      offer(checkpointer, 0, 25);
      checkpointer.finish();
      String name = checkpointer.name();
      assertThat(name).startsWith("3-20-");
      assertThat(CheckpointStore.fragmentOf(String.valueOf(name))).isEqualTo(3);
      assertThat(created).extracting(DatasetRef::uri).allMatch(u -> u.endsWith(name + ".lance"));
    }
    assertThat(properties)
        .containsExactly(
            Map.of(
                CheckpointStore.INPUTS, "{in}",
                CheckpointStore.GENERATION, "g",
                CheckpointStore.JOB_ID, "job"));
  }

  @Test
  void aTaskThatIsQuickerThanTheIntervalWritesNothing() {
    try (Checkpointer checkpointer = checkpointer(false)) {
      offer(checkpointer, 0, 0);
      offer(checkpointer, 999, 1);
      assertThat(checkpointer.name()).isNull();
    }
    assertThat(created).isEmpty();
  }

  @Test
  void aTaskThatLastsLongerKeepsWhatItHasOnceTheIntervalIsOver() {
    try (Checkpointer checkpointer = checkpointer(false)) {
      offer(checkpointer, 0, 0);
      offer(checkpointer, 999, 1);
      offer(checkpointer, 1000, 2);
      offer(checkpointer, 1500, 3);
    }
    assertThat(appended).containsExactly("[0, 1, 2]");
  }

  /** 4 bytes a row: a range writes at 16 MB, a whole task gives up what exceeds 64 MB. */
  @Test
  void aRangeDoesNotHoldMoreThanItHasRoomFor() {
    try (Checkpointer checkpointer = checkpointer(true)) {
      offerMany(checkpointer, 0, 0, 4 << 20);
      offer(checkpointer, 1, 5 << 20);
      checkpointer.finish();
    }
    assertThat(appended).containsExactly((4 << 20) + " rows", "[" + (5 << 20) + "]");
  }

  @Test
  void aFastTaskGivesUpWhatItHasNoRoomFor() {
    try (Checkpointer checkpointer = checkpointer(false)) {
      offerMany(checkpointer, 0, 0, 16 << 20);
      assertThat(allocator.getAllocatedMemory()).isZero();
      offer(checkpointer, 999, 17 << 20);
      offer(checkpointer, 1000, 18 << 20);
    }
    assertThat(appended).containsExactly("[%d, %d]".formatted(17 << 20, 18 << 20));
  }

  @Test
  void rowsGatherWhileTheLastOnesAreBeingWritten() {
    mayAppend = new CountDownLatch(1);
    writer = Executors.newSingleThreadExecutor();
    try (Checkpointer checkpointer = checkpointer(true)) {
      offer(checkpointer, 1000, 0);
      offer(checkpointer, 2000, 1);
      offer(checkpointer, 3000, 2);
      mayAppend.countDown();
      checkpointer.finish();
    }
    assertThat(appended).containsExactly("[0]", "[1, 2]");
  }

  @Test
  void theIntervalDoublesWithEachHundredAppends() {
    try (Checkpointer checkpointer = checkpointer(true)) {
      for (int row = 0; row < 100; row++) {
        offer(checkpointer, 1000L * (row + 1), row);
      }
      assertThat(appended).hasSize(100);
      offer(checkpointer, 101_999, 100);
      offer(checkpointer, 102_000, 101);
      checkpointer.finish();
    }
    assertThat(appended).hasSize(101).last().isEqualTo("[100, 101]");
  }

  @Test
  void aRangeFailsWithItsCheckpoint() {
    failures.addAll(List.of("", "no room"));
    try (Checkpointer checkpointer = checkpointer(true)) {
      offer(checkpointer, 1000, 0);
      assertThatThrownBy(checkpointer::finish).hasMessage("no room");
    }
  }

  /** A checkpoint of a whole task is a comfort: the task goes on, and tries less often. */
  @Test
  void aWholeTaskNotesAnAppendThatFailed() {
    failures.addAll(List.of("", "no room"));
    try (Checkpointer checkpointer = checkpointer(false)) {
      offer(checkpointer, 1000, 0);
      offer(checkpointer, 2000, 1);
      offer(checkpointer, 3999, 2);
      offer(checkpointer, 4000, 3);
      checkpointer.finish();
      assertThat(checkpointer.note()).isEqualTo("no room");
    }
    assertThat(appended).containsExactly("[1]", "[2, 3]");
    assertThat(created).hasSize(1);
  }

  @Test
  void aDatasetWhoseCreationFailedIsNotUsed() {
    failures.add("not allowed");
    String first;
    try (Checkpointer checkpointer = checkpointer(false)) {
      offer(checkpointer, 1000, 0);
      first = String.valueOf(checkpointer.name());
      offer(checkpointer, 2000, 1);
      checkpointer.finish();
      assertThat(checkpointer.name()).isNotEqualTo(first);
    }
    assertThat(appended).containsExactly("[1]");
    assertThat(created).hasSize(1);
    assertThat(created.get(0).uri()).doesNotContain(first);
  }

  @Test
  void aFailureOfTheLastAppendIsNotedOnClose() {
    failures.addAll(List.of("", "no room"));
    Checkpointer checkpointer = checkpointer(false);
    offer(checkpointer, 1000, 0);
    checkpointer.close();
    assertThat(checkpointer.note()).isEqualTo("no room");
  }

  @ParameterizedTest
  @CsvSource({
    "true, 0, true",
    "true, 499, true",
    // A whole task has its rows in its column file, and begins it anew in less time than that.
    "false, 499, false",
    "false, 500, true"
  })
  void aTaskThatFailsKeepsWhatItHas(boolean range, long atMs, boolean kept) {
    Exception failure = new IllegalStateException("killed");
    try (Checkpointer checkpointer = checkpointer(range)) {
      offer(checkpointer, 0, 0, 1);
      offer(checkpointer, atMs, 7);
      checkpointer.keepWhatIsFinished(failure);
    }
    assertThat(appended).isEqualTo(kept ? List.of("[0, 1, 7]") : List.of());
    assertThat(failure).hasNoSuppressedExceptions();
  }

  @Test
  void whatGoesWrongWithThatComesWithTheFailure() {
    Exception failure = new IllegalStateException("killed");
    failures.addAll(List.of("", "no room"));
    try (Checkpointer checkpointer = checkpointer(true)) {
      offer(checkpointer, 0, 0);
      checkpointer.keepWhatIsFinished(failure);
    }
    assertThat(failure.getSuppressed())
        .extracting(Throwable::getMessage)
        .containsExactly("no room");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void anInterruptedTaskEndsAtOnce(boolean range) {
    try (Checkpointer checkpointer = checkpointer(range)) {
      offer(checkpointer, 900, 0);
      Thread.currentThread().interrupt();
      checkpointer.keepWhatIsFinished(new IllegalStateException("cancelled"));
      assertThat(Thread.interrupted()).isTrue();
    }
    assertThat(appended).isEmpty();
  }
}
