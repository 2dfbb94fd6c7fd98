package io.lancebackfill.task;

import static io.lancebackfill.HandMade.range;
import static io.lancebackfill.HandMade.rows;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.HandMade;
import io.lancebackfill.datasource.store.CheckpointDataset;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceAllocator;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.exec.ErrorPolicy;
import io.lancebackfill.resource.FunctionResources;
import io.lancebackfill.state.RowOffsets;
import io.lancebackfill.task.TaskSpec.CheckpointUse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.roaringbitmap.RoaringBitmap;

class TestCheckpointStream {
  private static final List<Field> FIELDS = List.of(HandMade.V.field());

  @TempDir private Path folder;

  private JobTasks job() {
    return new JobTasks(
        "job",
        DatasetRef.of(folder.resolve("t.lance").toString()),
        1,
        1,
        "2.1",
        List.of(HandMade.V),
        List.of(),
        DatasetRef.of(folder.resolve("checkpoints.lance").toString()),
        "",
        5000,
        ErrorPolicy.FAIL,
        FunctionResources.ONE_CPU,
        false);
  }

  /** A checkpoint of these rows, each with ten times its offset as its value. */
  private void write(String name, int[]... appends) {
    try (CheckpointDataset dataset =
            CheckpointDataset.create(job().checkpoints().child(name + ".lance"), FIELDS, Map.of());
        BufferAllocator allocator =
            LanceAllocator.root().newChildAllocator("test", 0, Long.MAX_VALUE)) {
      for (int[] offsets : appends) {
        try (VectorSchemaRoot values = VectorSchemaRoot.create(new Schema(FIELDS), allocator)) {
          IntVector vector = (IntVector) values.getVector(0);
          for (int i = 0; i < offsets.length; i++) {
            vector.setSafe(i, 10 * offsets[i]);
          }
          values.setRowCount(offsets.length);
          dataset.append(offsets, values);
        }
      }
    }
  }

  private List<Integer> read(String name, RoaringBitmap wanted) {
    List<Integer> offsets = new ArrayList<>();
    try (BufferAllocator allocator =
            LanceAllocator.root().newChildAllocator("test", 0, Long.MAX_VALUE);
        CheckpointStream stream =
            new CheckpointStream(
                job(), new CheckpointUse(name, RowOffsets.toBytes(wanted)), allocator)) {
      for (OffsetBatch batch = stream.next(); batch != null; batch = stream.next()) {
        try (OffsetBatch closed = batch) {
          assertThat(closed.rows()).isPositive();
          IntVector values = (IntVector) closed.values().get(0);
          assertThat(values.getValueCount()).isEqualTo(closed.rows());
          for (int i = 0; i < closed.rows(); i++) {
            assertThat(values.get(i)).isEqualTo(10 * closed.offsets()[i]);
            offsets.add(closed.offsets()[i]);
          }
        }
      }
    }
    return offsets;
  }

  static Stream<Arguments> wanted() {
    return Stream.of(
        Arguments.of(rows()),
        Arguments.of(rows(3)),
        Arguments.of(rows(9_999)),
        Arguments.of(rows(3, 9_999)),
        Arguments.of(rows(5, 6, 8)),
        Arguments.of(range(3, 3_000)),
        // Longer than a batch, and over the seam of two appends.
        Arguments.of(range(2_990, 7_500)),
        Arguments.of(range(3, 10_000)));
  }

  @ParameterizedTest
  @MethodSource("wanted")
  void givesTheRowsThatAreWantedInOrder(RoaringBitmap wanted) {
    write("c", IntStream.range(3, 3_000).toArray(), IntStream.range(3_000, 10_000).toArray());
    assertThat(read("c", wanted)).isEqualTo(IntStream.of(wanted.toArray()).boxed().toList());
  }

  @Test
  void aRowThatIsNotThereAnyMoreIsDamage() {
    write("c", new int[] {1, 2, 4});
    assertThat(read("c", rows(1, 4))).containsExactly(1, 4);
    for (RoaringBitmap wanted : List.of(rows(0, 1), rows(2, 3), rows(4, 5))) {
      assertThatThrownBy(() -> read("c", wanted))
          .isInstanceOfSatisfying(
              BackfillException.class,
              e -> assertThat(e.code()).isEqualTo(BackfillErrorCode.STATE_DAMAGED))
          .hasMessageContaining("Checkpoint c lacks 1 rows");
    }
  }
}
