package io.lancebackfill.datasource.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.datasource.store.StateTable.Column;
import io.lancebackfill.datasource.store.StateTable.Type;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetRef;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TestStateFolder {
  @TempDir private Path root;

  @ParameterizedTest
  @ValueSource(strings = {"", "file://"})
  void listsDatasetsAndNothingElse(String scheme) throws IOException {
    Path path = root.resolve("_backfill");
    StateFolder folder = new StateFolder(DatasetRef.of(scheme + path));
    assertThat(folder.children()).isEmpty();
    create(folder, "b");
    create(folder, "a-0 1");
    Files.createDirectory(path.resolve("plain"));
    Files.writeString(path.resolve("file.lance"), "");

    assertThat(folder.children()).containsExactly("a-0 1", "b");
    assertThat(new StateTable(folder.child("b"), columns()).exists()).isTrue();
    try (Stream<Path> files = Files.list(path)) {
      assertThat(files).hasSize(4);
    }
  }

  /** What object stores get; the local file system is one that Lance can list, too. */
  @Test
  void listsThroughLanceAsWell() throws IOException {
    Path path = root.resolve("_backfill");
    StateFolder folder = new StateFolder(DatasetRef.of(path.toString()));
    assertThat(folder.listedByLance()).isEmpty();
    create(folder, "b");
    create(folder, "a");
    assertThat(folder.listedByLance()).containsExactly("a", "b");
    try (Stream<Path> files = Files.list(path)) {
      assertThat(files).hasSize(2);
    }
  }

  @Test
  void dropsAChildOnly() {
    StateFolder folder = new StateFolder(DatasetRef.of(root.resolve("_backfill/c").toString()));
    create(folder, "b");
    create(folder, "a");
    folder.drop("b");
    folder.drop("never there");
    assertThat(folder.children()).containsExactly("a");
    for (String name : List.of("../x", "a/b", "", "a\\b")) {
      assertThatThrownBy(() -> folder.drop(name))
          .isInstanceOf(DatasetException.class)
          .hasMessageContaining("Refused to delete '" + name + "'");
    }
    StateFolder outside = new StateFolder(DatasetRef.of(root.toString()));
    create(outside, "t");
    assertThatThrownBy(() -> outside.drop("t"))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("only .lance folders below a _backfill folder");
    assertThat(outside.children()).containsExactly("t");
  }

  private static List<Column> columns() {
    return List.of(new Column("n", Type.INT));
  }

  private static void create(StateFolder folder, String name) {
    new StateTable(folder.child(name), columns()).append(List.of(List.of(1)));
  }
}
