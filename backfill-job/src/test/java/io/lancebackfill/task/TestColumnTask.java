package io.lancebackfill.task;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.datasource.store.CheckpointDataset;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.exec.ErrorPolicy;
import io.lancebackfill.exec.RowFailure;
import io.lancebackfill.resource.FunctionResources;
import io.lancebackfill.state.RowOffsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.roaringbitmap.RoaringBitmap;

class TestColumnTask {
  private static final Field FIELD = Field.nullable("n", new ArrowType.Int(32, true));

  @TempDir private Path folder;

  private JobTasks job() {
    return job(ErrorPolicy.FAIL);
  }

  private JobTasks job(ErrorPolicy errors) {
    DatasetRef table = DatasetRef.of(folder.resolve("t.lance").toString());
    return new JobTasks(
        "job",
        table,
        1,
        1,
        "2.1",
        List.of(new TableColumn(2, "n", FIELD, List.of(2))),
        List.of(),
        DatasetRef.of(folder.resolve("t.lance/_backfill/checkpoints/2.lance").toString()),
        "",
        5000,
        errors,
        FunctionResources.ONE_CPU,
        false);
  }

  private static TaskSpec task(TaskSpec.Kind kind, int... rows) {
    byte[] asked = RowOffsets.toBytes(RoaringBitmap.bitmapOf(rows));
    return new TaskSpec(kind, 3, 10, 0, 10, asked, asked, false, List.of(), "{}");
  }

  /** A function that gives back these rows, whatever it is asked for. */
  private static ColumnTask.Computation giving(int... offsets) {
    return giving(List.of(), offsets);
  }

  private static RowFailure failed(int offset) {
    return new RowFailure(offset, RowFailure.FUNCTION_RAISED, "E", "no", "trace", 1);
  }

  private static ColumnTask.Computation giving(List<RowFailure> failures, int... offsets) {
    return allocator ->
        new OffsetStream() {
          private boolean given;

          @Override
          public @Nullable OffsetBatch next() {
            if (given) {
              return null;
            }
            given = true;
            IntVector vector = (IntVector) FIELD.createVector(allocator);
            for (int i = 0; i < offsets.length; i++) {
              vector.setSafe(i, i);
            }
            vector.setValueCount(offsets.length);
            failures.forEach(f -> vector.setNull(Arrays.binarySearch(offsets, f.offset())));
            return new OffsetBatch(offsets, List.of(vector), failures);
          }

          @Override
          public void close() {}
        };
  }

  @Test
  void reportsTheRowsThatCame() {
    TaskResult result =
        new ColumnTask(job(), task(TaskSpec.Kind.WHOLE, 1, 2, 5), rows -> {}).run(giving(1, 2, 5));
    assertThat(result.fault()).isNull();
    assertThat(RowOffsets.fromBytes(result.rows())).isEqualTo(RoaringBitmap.bitmapOf(1, 2, 5));
    assertThat(result.rowsComputed()).isEqualTo(3);
    assertThat(result.file()).isNotNull();
  }

  /** Whatever the fragment's other rows are: those asked for are alive. */
  @Test
  void failsIfARowDoesNotComeBack() {
    for (TaskSpec.Kind kind : List.of(TaskSpec.Kind.WHOLE, TaskSpec.Kind.RANGE)) {
      TaskResult result = new ColumnTask(job(), task(kind, 1, 2, 5), rows -> {}).run(giving(1, 5));
      assertThat(result.fault()).isNotNull();
      assertThat(result.fault().code()).isEqualTo(BackfillErrorCode.INTERNAL_ERROR);
      assertThat(result.fault().message())
          .isEqualTo(
              "1 rows of fragment 3 were to be computed and did not come back from the function.");
      assertThat(result.file()).isNull();
    }
  }

  @Test
  void failedRowsAreToldOfAndNotAmongThoseThatCame() {
    List<RowFailure> failures = List.of(failed(1), failed(5));
    TaskResult result =
        new ColumnTask(job(), task(TaskSpec.Kind.WHOLE, 1, 2, 5), rows -> {})
            .run(giving(failures, 1, 2, 5));
    assertThat(result.fault()).isNull();
    assertThat(RowOffsets.fromBytes(result.rows())).isEqualTo(RoaringBitmap.bitmapOf(2));
    assertThat(result.failures()).isEqualTo(failures);
    assertThat(result.rowsComputed()).isEqualTo(3);
  }

  /** A driver that dies before the fragment is whole leaves them to the next one. */
  @Test
  void failedRowsOfARangeAreInNoCheckpoint() {
    TaskResult result =
        new ColumnTask(job(), task(TaskSpec.Kind.RANGE, 1, 2, 5), rows -> {})
            .run(giving(List.of(failed(1), failed(5)), 1, 2, 5));
    assertThat(result.fault()).isNull();
    assertThat(RowOffsets.fromBytes(result.rows())).isEqualTo(RoaringBitmap.bitmapOf(2));
    DatasetRef kept = job().checkpoints().child(result.checkpoint() + ".lance");
    assertThat(CheckpointDataset.read(kept).offsets()).isEqualTo(RoaringBitmap.bitmapOf(2));

    TaskResult all =
        new ColumnTask(job(), task(TaskSpec.Kind.RANGE, 1, 5), rows -> {})
            .run(giving(List.of(failed(1), failed(5)), 1, 5));
    assertThat(all.fault()).isNull();
    assertThat(all.checkpoint()).isNull();
    assertThat(all.failures()).hasSize(2);
  }

  @Test
  void stopsAtMoreFailedRowsThanTheJobMayHave() {
    ErrorPolicy one = new ErrorPolicy(true, 0, 0, "", 0, 1, 1);
    TaskResult result =
        new ColumnTask(job(one), task(TaskSpec.Kind.RANGE, 1, 2, 5), rows -> {})
            .run(giving(List.of(failed(1), failed(5)), 1, 2, 5));
    assertThat(result.fault()).isNotNull();
    assertThat(result.fault().code()).isEqualTo(BackfillErrorCode.TOO_MANY_FAILED_ROWS);
    assertThat(result.failures()).hasSize(2);
  }
}
