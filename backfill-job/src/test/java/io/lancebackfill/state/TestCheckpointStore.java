package io.lancebackfill.state;

import static io.lancebackfill.HandMade.rows;
import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.HandMade;
import io.lancebackfill.datasource.store.CheckpointDataset;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceAllocator;
import io.lancebackfill.state.CheckpointStore.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TestCheckpointStore {
  @TempDir private Path folder;

  private CheckpointStore store() {
    return new CheckpointStore(
        new TableState(DatasetRef.of(folder.resolve("t.lance").toString())), "1_F");
  }

  private void write(String name, Map<String, String> properties, int... offsets) {
    DatasetRef ref = store().folder().child(name + ".lance");
    try (CheckpointDataset dataset =
            CheckpointDataset.create(ref, List.of(HandMade.V.field()), properties);
        BufferAllocator allocator =
            LanceAllocator.root().newChildAllocator("test", 0, Long.MAX_VALUE);
        VectorSchemaRoot values =
            VectorSchemaRoot.create(
                new org.apache.arrow.vector.types.pojo.Schema(List.of(HandMade.V.field())),
                allocator)) {
      IntVector vector = (IntVector) values.getVector(0);
      for (int i = 0; i < offsets.length; i++) {
        vector.setSafe(i, offsets[i]);
      }
      values.setRowCount(offsets.length);
      dataset.append(offsets, values);
    }
  }

  @Test
  void hasNothingBeforeTheFirst() {
    assertThat(store().names()).isEmpty();
    assertThat(store().load(warning -> {})).isEmpty();
    assertThat(store().changedAt("3-0-x")).isEqualTo(Instant.EPOCH);
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void readsWhatTasksLeft() {
    write(
        "3-0-aa",
        Map.of(
            CheckpointStore.INPUTS, "in",
            CheckpointStore.GENERATION, "g",
            CheckpointStore.JOB_ID, "j"),
        2,
        3,
        90);
    write("12-50-bb", Map.of());
    List<String> warnings = new ArrayList<>();
    assertThat(store().load(warnings::add))
        .containsExactlyInAnyOrder(
            new Checkpoint("3-0-aa", 3, "in", "g", rows(2, 3, 90), "j"),
            new Checkpoint("12-50-bb", 12, "", "", rows(), ""));
    assertThat(warnings).isEmpty();
    assertThat(store().changedAt("3-0-aa")).isAfter(Instant.EPOCH);
    store().drop("3-0-aa");
    assertThat(store().names()).containsExactly("12-50-bb");
  }

  @Test
  void whatCannotBeReadIsNamedAndLeftOut() throws IOException {
    write("3-0-aa", Map.of(), 1);
    write("4-0-damaged", Map.of(), 1);
    try (var files =
        Files.list(Path.of(store().folder().uri(), "4-0-damaged.lance", "_versions"))) {
      for (Path file : files.toList()) {
        Files.writeString(file, "no manifest at all, but long enough to look like one");
      }
    }
    write("theirs", Map.of(), 1);
    List<String> warnings = new ArrayList<>();
    assertThat(store().load(warnings::add)).extracting(Checkpoint::name).containsExactly("3-0-aa");
    assertThat(warnings)
        .hasSize(2)
        .anyMatch(w -> w.equals("Checkpoint 'theirs' is not one of ours and is ignored."))
        .anyMatch(w -> w.startsWith("Checkpoint '4-0-damaged' cannot be read and is ignored; its"));
  }

  @Test
  void aCheckpointIsUsedForSomeOfItsRows() {
    Checkpoint all = new Checkpoint("3-0-aa", 3, "in", "g", rows(1, 2), "j");
    assertThat(all.only(rows(2))).isEqualTo(new Checkpoint("3-0-aa", 3, "in", "g", rows(2), "j"));
  }

  @ParameterizedTest
  @CsvSource({
    "3-0-ab, 3",
    "2147483647-0-a, 2147483647",
    "2147483648-0-a, -1",
    "3, -1",
    "'', -1",
    "-3-0, -1",
    "x-0, -1",
    "3x-0, -1"
  })
  void theNameBeginsWithTheFragment(String name, int fragment) {
    assertThat(CheckpointStore.fragmentOf(name)).isEqualTo(fragment);
  }
}
