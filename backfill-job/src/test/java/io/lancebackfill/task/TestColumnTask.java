package io.lancebackfill.task;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.state.RowOffsets;
import java.nio.file.Path;
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
    DatasetRef table = DatasetRef.of(folder.resolve("t.lance").toString());
    return new JobTasks(
        "job",
        table,
        1,
        1,
        "2.1",
        List.of(new TableColumn(2, "n", FIELD, List.of(2))),
        DatasetRef.of(folder.resolve("t.lance/_backfill/checkpoints/2.lance").toString()),
        "",
        5000,
        false);
  }

  private static TaskSpec task(TaskSpec.Kind kind, int... rows) {
    byte[] asked = RowOffsets.toBytes(RoaringBitmap.bitmapOf(rows));
    return new TaskSpec(kind, 3, 10, 0, 10, asked, asked, false, List.of(), "{}");
  }

  /** A function that gives back these rows, whatever it is asked for. */
  private static ColumnTask.Computation giving(int... offsets) {
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
            return new OffsetBatch(offsets, List.of(vector));
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
}
