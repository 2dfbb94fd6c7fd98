package io.lancebackfill.datasource.table;

import static io.lancebackfill.datasource.LanceFixture.FLOAT;
import static io.lancebackfill.datasource.LanceFixture.INT32;
import static io.lancebackfill.datasource.LanceFixture.UTF8;
import static io.lancebackfill.datasource.LanceFixture.append;
import static io.lancebackfill.datasource.LanceFixture.create;
import static io.lancebackfill.datasource.LanceFixture.field;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.datasource.table.DatasetException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lance.Dataset;

class TestManifestFields {
  @TempDir private Path folder;

  private DatasetRef table() {
    DatasetRef ref =
        create(
            folder.resolve("t.lance"),
            "2.1",
            field("gone", INT32),
            field(
                "list",
                ArrowType.List.INSTANCE,
                field("item", ArrowType.Struct.INSTANCE, field("p", INT32), field("q", UTF8))),
            field("vector", new ArrowType.FixedSizeList(4), field("item", FLOAT)),
            field("größe", INT32));
    LanceTables.dropColumns(ref, List.of("gone"));
    LanceTables.addColumns(ref, List.of(field("later", UTF8)));
    return ref;
  }

  @Test
  void areThoseThatLanceTells() {
    DatasetRef ref = table();
    long last = LanceTables.latest(ref).version();
    append(ref, 3, (root, fragment, i) -> ((IntVector) root.getVector("größe")).setSafe(i, i));
    for (long version = 1; version <= last + 1; version++) {
      try (Dataset table = DatasetOpener.at(ref, version)) {
        assertThat(ManifestFields.read(ref, version)).isEqualTo(FieldIdentity.of(ref, table));
      }
    }
    assertThat(ManifestFields.read(ref, last))
        .extracting(FieldIdentity::name, FieldIdentity::allIds)
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple("list", List.of(1, 2, 3, 4)),
            org.assertj.core.groups.Tuple.tuple("vector", List.of(5)),
            org.assertj.core.groups.Tuple.tuple("größe", List.of(6)),
            org.assertj.core.groups.Tuple.tuple("later", List.of(7)));
  }

  @Test
  void ofAManifestThatIsGoneOrDamagedAreNotGuessed() throws IOException {
    DatasetRef ref = table();
    assertThatThrownBy(() -> ManifestFields.read(ref, 4711))
        .isInstanceOfSatisfying(
            DatasetException.class, e -> assertThat(e.kind()).isEqualTo(Kind.CORRUPT))
        .hasMessageContaining("_versions/18446744073709546904.manifest");
    Path manifest =
        folder.resolve(
            String.format(
                Locale.ROOT, "t.lance/_versions/%s.manifest", Long.toUnsignedString(-2L)));
    byte[] whole = Files.readAllBytes(manifest);
    for (byte[] bytes :
        List.of(Arrays.copyOf(whole, whole.length - 3), withByte(whole, whole.length - 9))) {
      Files.write(manifest, bytes);
      assertThatThrownBy(() -> ManifestFields.read(ref, 1))
          .isInstanceOfSatisfying(
              DatasetException.class, e -> assertThat(e.kind()).isEqualTo(Kind.CORRUPT))
          .hasMessageContaining("Cannot read the fields of version 1");
    }
  }

  /** The position of the manifest is not in the file any more. */
  private static byte[] withByte(byte[] whole, int at) {
    byte[] damaged = whole.clone();
    damaged[at] = 0x7F;
    return damaged;
  }
}
