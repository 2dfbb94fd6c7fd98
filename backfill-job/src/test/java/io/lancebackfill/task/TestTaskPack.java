package io.lancebackfill.task;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.exec.ErrorPolicy;
import io.lancebackfill.resource.FunctionResources;
import io.lancebackfill.state.RowOffsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.roaringbitmap.RoaringBitmap;

/** What a pack does of its tasks, of which each takes a time by its fragment and then fails. */
class TestTaskPack {
  private static final byte[] NO_ROWS = RowOffsets.toBytes(new RoaringBitmap());

  @TempDir private Path folder;
  private final AtomicLong now = new AtomicLong();
  private final AtomicBoolean closed = new AtomicBoolean();

  private JobTasks job() {
    DatasetRef table = DatasetRef.of(folder.resolve("t.lance").toString());
    Field field = Field.nullable("v", new ArrowType.Int(32, true));
    return new JobTasks(
        "job",
        table,
        1,
        1,
        "2.1",
        List.of(new TableColumn(1, "v", field, List.of(1))),
        List.of(),
        table,
        "",
        5000,
        ErrorPolicy.FAIL,
        FunctionResources.ONE_CPU,
        false);
  }

  private static List<TaskSpec> ranges(int count) {
    return IntStream.range(0, count)
        .mapToObj(
            i ->
                new TaskSpec(
                    TaskSpec.Kind.RANGE, i, 1, 0, 1, NO_ROWS, NO_ROWS, false, List.of(), "{}"))
        .toList();
  }

  /** Streams without a row, of which each takes its milliseconds; fragment {@code fails} fails. */
  private TaskPack.Rows taking(long millis, int fails) {
    return new TaskPack.Rows() {
      @Override
      public OffsetStream of(TaskSpec task, BufferAllocator allocator) {
        now.addAndGet(millis * 1_000_000);
        if (task.fragmentId() == fails) {
          throw new BackfillException(BackfillErrorCode.FUNCTION_FAILED, "seventy");
        }
        return new OffsetStream() {
          @Override
          public OffsetBatch next() {
            return null;
          }

          @Override
          public void close() {}
        };
      }

      @Override
      public void close() {
        closed.set(true);
      }
    };
  }

  private PackResult run(int tasks, long millis, int fails) {
    return new TaskPack(job(), ranges(tasks), rows -> {}, now::get)
        .run(allocator -> taking(millis, fails));
  }

  @Test
  void runsAllOfThemIfTheyAreQuick() {
    PackResult result = run(5, 50, -1);
    assertThat(result.results()).extracting(TaskResult::fault).containsOnlyNulls();
    assertThat(result.results()).extracting(TaskResult::fragmentId).containsExactly(0, 1, 2, 3, 4);
    assertThat(result.nanos()).isEqualTo(250_000_000);
    assertThat(result.apart()).isFalse();
    assertThat(closed).isTrue();
  }

  @Test
  void beginsNoneThatWouldEndAfterAQuarterOfASecond() {
    assertThat(run(5, 130, -1).results()).hasSize(1);
    PackResult result = run(5, 70, -1);
    assertThat(result.results()).hasSize(3);
    assertThat(result.nanos()).isEqualTo(210_000_000);
    assertThat(result.apart()).isFalse();
  }

  @Test
  void leavesAFailureToATaskOfItsOwn() {
    PackResult result = run(5, 1, 2);
    assertThat(result.results()).hasSize(2);
    assertThat(result.apart()).isTrue();
    assertThat(closed).isTrue();
  }

  @Test
  void tellsOfAFailureOfATaskOfItsOwn() {
    PackResult result = run(1, 1, 0);
    assertThat(result.results()).hasSize(1);
    assertThat(result.results().get(0).fault().code()).isEqualTo(BackfillErrorCode.FUNCTION_FAILED);
    assertThat(result.apart()).isFalse();
  }
}
