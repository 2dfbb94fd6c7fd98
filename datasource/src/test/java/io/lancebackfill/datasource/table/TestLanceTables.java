package io.lancebackfill.datasource.table;

import static io.lancebackfill.datasource.LanceFixture.FLOAT;
import static io.lancebackfill.datasource.LanceFixture.INT32;
import static io.lancebackfill.datasource.LanceFixture.INT64;
import static io.lancebackfill.datasource.LanceFixture.UTF8;
import static io.lancebackfill.datasource.LanceFixture.append;
import static io.lancebackfill.datasource.LanceFixture.create;
import static io.lancebackfill.datasource.LanceFixture.delete;
import static io.lancebackfill.datasource.LanceFixture.field;
import static io.lancebackfill.datasource.LanceFixture.open;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.datasource.table.DatasetException.Kind;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.lance.Dataset;
import org.lance.Ref;
import org.lance.Tag;
import org.lance.compaction.CompactionOptions;

class TestLanceTables {
  @TempDir private Path folder;

  private DatasetRef ids(String... more) {
    List<Field> fields = new ArrayList<>();
    fields.add(field("id", INT32));
    for (String name : more) {
      fields.add(field(name, INT32));
    }
    DatasetRef ref = create(folder.resolve("t.lance"), "2.1", fields.toArray(new Field[0]));
    append(ref, 10, (root, fragment, i) -> ((IntVector) root.getVector("id")).setSafe(i, i));
    append(ref, 5, (root, fragment, i) -> ((IntVector) root.getVector("id")).setSafe(i, 10 + i));
    return ref;
  }

  private static Field nested(String name) {
    return field(
        name,
        ArrowType.List.INSTANCE,
        field("item", ArrowType.Struct.INSTANCE, field("p", INT32), field("q", UTF8)));
  }

  @Test
  void readsOneVersionAsPlainValues() {
    DatasetRef ref = ids();
    TableSnapshot before = LanceTables.latest(ref);
    delete(ref, "id in (1, 2, 12)");

    TableSnapshot after = LanceTables.latest(ref);
    assertThat(before.version()).isEqualTo(3);
    assertThat(after.version()).isEqualTo(4);
    assertThat(after.storageVersion()).isEqualTo("2.1");
    assertThat(after.stableRowIds()).isFalse();
    assertThat(after.fragments())
        .extracting(FragmentSnapshot::physicalRows, FragmentSnapshot::liveRows)
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple(10L, 8L),
            org.assertj.core.groups.Tuple.tuple(5L, 4L));
    assertThat(LanceTables.at(ref, 3)).isEqualTo(before);
    assertThat(after.fragment(1)).contains(after.fragments().get(1));
    assertThat(after.fragment(7)).isEmpty();
    assertThat(after.config()).containsKey("lance.auto_cleanup.interval");
    assertThat(after.fragments().get(0).files().get(0).bytes()).isPositive();
  }

  @Test
  void knowsStableRowIds() {
    DatasetRef ref = create(folder.resolve("s.lance"), "2.1", true, field("id", INT32));
    append(ref, 3, (root, fragment, i) -> ((IntVector) root.getVector("id")).setSafe(i, i));
    assertThat(LanceTables.latest(ref).stableRowIds()).isTrue();
  }

  @Test
  void findsColumnsByExactNameFirst() {
    DatasetRef ref =
        create(
            folder.resolve("c.lance"),
            "2.1",
            field("Id", INT32),
            field("ID", INT64),
            field("Name", UTF8));
    TableSnapshot table = LanceTables.latest(ref);
    assertThat(table.column("ID")).map(TableColumn::id).contains(1);
    assertThat(table.column("id")).isEmpty();
    assertThat(table.column("name")).map(TableColumn::id).contains(2);
    assertThat(table.column("other")).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "2.0, '[0,1,2,3,4,5]', '[2,3,4,5]'",
    "2.1, '[0,1,4,5]', '[2,3]'",
    "2.2, '[0,1,4,5]', '[2,3]'"
  })
  void placesNestedColumnsByWhatTheFormatLists(
      String storageVersion, String listed, String nestedIndices) {
    DatasetRef ref =
        create(
            folder.resolve("n.lance"),
            storageVersion,
            field("id", INT32),
            field("v", new ArrowType.FixedSizeList(4), field("item", FLOAT)),
            nested("n"));
    append(ref, 3, (root, fragment, i) -> ((IntVector) root.getVector("id")).setSafe(i, i));
    LanceTables.addColumns(ref, List.of(field("later", INT32)));

    TableSnapshot table = LanceTables.latest(ref);
    FragmentSnapshot fragment = table.fragments().get(0);
    DataFileInfo file = fragment.files().get(0);
    TableColumn nested = table.column("n").orElseThrow();
    assertThat(nested.allIds()).containsExactly(2, 3, 4, 5);
    assertThat(file.fieldIds().toString().replace(" ", "")).isEqualTo(listed);
    ColumnPlace place = fragment.place(nested).orElseThrow();
    assertThat(place.path()).isEqualTo(file.path());
    assertThat(place.columnIndices().toString().replace(" ", "")).isEqualTo(nestedIndices);
    assertThat(fragment.place(table.column("v").orElseThrow()))
        .contains(new ColumnPlace(file.path(), List.of(1)));
    assertThat(fragment.sharesFile(nested)).isTrue();
    assertThat(fragment.place(table.column("later").orElseThrow())).isEmpty();
    assertThat(fragment.sharesFile(table.column("later").orElseThrow())).isFalse();
  }

  @Test
  void aColumnAloneInItsFileSharesItWithNobody() {
    DatasetRef ref = create(folder.resolve("o.lance"), "2.1", nested("n"));
    append(ref, 3, (root, fragment, i) -> root.getVector("n").setNull(i));
    TableSnapshot table = LanceTables.latest(ref);
    assertThat(table.fragments().get(0).sharesFile(table.columns().get(0))).isFalse();
  }

  @Test
  void declaresColumnsWithTheirMetadata() {
    DatasetRef ref = ids();
    Field declared =
        new Field(
            "v",
            new FieldType(
                true, new ArrowType.FixedSizeList(4), null, Map.of("computed_column", "true")),
            List.of(field("item", FLOAT)));
    TableSnapshot table = LanceTables.addColumns(ref, List.of(declared, nested("n")));

    assertThat(table.version()).isEqualTo(4);
    assertThat(table.column("v").orElseThrow().field()).isEqualTo(declared);
    assertThat(table.column("v").orElseThrow().metadata()).containsEntry("computed_column", "true");
    assertThat(table.column("n").orElseThrow().allIds()).containsExactly(2, 3, 4, 5);
    assertThat(table.sparkSchema().apply("v").metadata().getLong("arrow.fixed-size-list.size"))
        .isEqualTo(4);
  }

  @Test
  void refusesAColumnThatIsThere() {
    DatasetRef ref = ids();
    LanceTables.addColumns(ref, List.of(field("s", ArrowType.Struct.INSTANCE, field("a", INT32))));
    Field extended = field("S", ArrowType.Struct.INSTANCE, field("b", INT32));
    assertThatThrownBy(() -> LanceTables.addColumns(ref, List.of(extended)))
        .isInstanceOf(DatasetException.class)
        .hasMessage(
            "Cannot add column 'S' to %s: version 4 has a column 's' already."
                + " Choose another name, or drop that column first.",
            ref.uri())
        .extracting("kind")
        .isEqualTo(Kind.INVALID_INPUT);
  }

  @Test
  void aStructExtendedByAnotherToolLiesInTwoFiles() {
    Field struct = field("s", ArrowType.Struct.INSTANCE, field("a", INT32));
    DatasetRef ref = create(folder.resolve("t.lance"), "2.2", struct);
    append(ref, 3, (root, fragment, i) -> root.getVector("s").setNull(i));
    try (Dataset table = open(ref)) {
      table.addColumns(List.of(field("s", ArrowType.Struct.INSTANCE, field("b", INT32))));
    }
    TableSnapshot table = LanceTables.latest(ref);
    TableColumn column = table.columns().get(0);
    assertThat(column.allIds()).containsExactly(0, 1, 2);
    DataFileInfo first = table.fragments().get(0).files().get(0);
    DataFileInfo second = new DataFileInfo("b.lance", List.of(2), List.of(0), 2, 2, -1, null);
    FragmentSnapshot twoFiles = new FragmentSnapshot(0, 3, 0, List.of(first, second), "");
    assertThat(twoFiles.place(column))
        .contains(new ColumnPlace(first.path() + "+b.lance", List.of(0, 0)));
    assertThat(twoFiles.filesOf(column)).containsExactly(first, second);
    assertThat(twoFiles.sharesFile(column)).isTrue();
  }

  @Test
  void writersThatDeclareAtTheSameTimeAllSucceed() throws Exception {
    DatasetRef ref = ids();
    ExecutorService writers = Executors.newFixedThreadPool(6);
    try {
      List<Callable<TableSnapshot>> calls = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        String name = "c" + i;
        calls.add(() -> LanceTables.addColumns(ref, List.of(field(name, INT32))));
      }
      for (Future<TableSnapshot> done : writers.invokeAll(calls)) {
        assertThat(done.get().columns()).hasSizeGreaterThan(1);
      }
    } finally {
      writers.shutdownNow();
    }
    assertThat(LanceTables.latest(ref).columns())
        .extracting(TableColumn::name)
        .containsExactlyInAnyOrder("id", "c0", "c1", "c2", "c3", "c4", "c5");
  }

  @Test
  void metadataUpdatesMergeAndSurviveEachOther() throws Exception {
    DatasetRef ref = ids("a", "b");
    ExecutorService writers = Executors.newFixedThreadPool(5);
    try {
      List<Callable<Void>> calls = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        Map<Integer, Map<String, String>> update =
            Map.of(1, Map.of("k" + i, "v" + i), 2, Map.of("k" + i, "w"));
        calls.add(
            () -> {
              LanceTables.updateFieldMetadata(ref, update);
              return null;
            });
      }
      for (Future<Void> done : writers.invokeAll(calls)) {
        done.get();
      }
    } finally {
      writers.shutdownNow();
    }
    LanceTables.updateFieldMetadata(ref, Map.of(1, Map.of("k0", "new")));
    TableSnapshot table = LanceTables.latest(ref);
    assertThat(table.column("a").orElseThrow().metadata())
        .isEqualTo(Map.of("k0", "new", "k1", "v1", "k2", "v2", "k3", "v3", "k4", "v4"));
    assertThat(table.column("b").orElseThrow().metadata()).hasSize(5);
    assertThat(table.column("id").orElseThrow().metadata()).isEmpty();
  }

  @Test
  void dropsColumns() {
    DatasetRef ref = ids("a", "b");
    TableSnapshot table = LanceTables.dropColumns(ref, List.of("a"));
    assertThat(table.columns()).extracting(TableColumn::name).containsExactly("id", "b");
    assertThatThrownBy(() -> LanceTables.dropColumns(ref, List.of("zz")))
        .hasMessage(
            "Cannot drop columns of %s: Invalid user input: Column zz does not exist in the"
                + " dataset.",
            ref.uri())
        .extracting("kind")
        .isEqualTo(Kind.INVALID_INPUT);
  }

  @Test
  void aTagKeepsAVersionAndMoves() {
    DatasetRef ref = ids();
    LanceTables.tag(ref, "job", 2);
    LanceTables.tag(ref, "job", 3);
    try (Dataset table = open(ref)) {
      assertThat(table.tags().getVersion("job")).isEqualTo(3);
    }
    LanceTables.untag(ref, "job");
    LanceTables.untag(ref, "job");
    try (Dataset table = open(ref)) {
      assertThat(table.tags().list()).isEmpty();
    }
    assertThatThrownBy(() -> LanceTables.tag(ref, "job", 77))
        .hasMessage(
            "Cannot tag version 77 as 'job' in %s: Version not found error: version main:77 does"
                + " not exist.",
            ref.uri())
        .extracting("kind")
        .isEqualTo(Kind.NOT_FOUND);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 30, 300})
  void knowsAboutHowLargeAManifestIs(int columns) throws Exception {
    DatasetRef ref = ids(IntStream.range(0, columns).mapToObj(i -> "c" + i).toArray(String[]::new));
    for (int i = 0; i < 20; i++) {
      append(ref, 1, (root, fragment, row) -> ((IntVector) root.getVector("id")).setSafe(0, 9));
    }
    LanceTables.updateFieldMetadata(ref, Map.of(0, Map.of("k", "v".repeat(500))));
    TableSnapshot table = LanceTables.latest(ref);
    Path manifest =
        folder
            .resolve("t.lance/_versions")
            .resolve(Long.toUnsignedString(-1L - table.version()) + ".manifest");
    assertThat(table.manifestBytes())
        .isCloseTo(Files.size(manifest), Percentage.withPercentage(30));
  }

  @ParameterizedTest
  @ValueSource(strings = {"exp", "team/a_b", "tree/x"})
  void aTagOfABranchIsItsOwn(String name) {
    DatasetRef main = ids();
    try (Dataset table = open(main);
        Dataset branch = table.createBranch(name, Ref.ofMain(3))) {
      DatasetRef ref = DatasetRef.of(main.uri() + "/tree/" + name);
      append(ref, 1, (root, fragment, i) -> ((IntVector) root.getVector("id")).setSafe(i, 15));
      long version = LanceTables.latest(ref).version();
      LanceTables.tag(main, "job", 2);
      LanceTables.tag(ref, "job", branch.version());
      LanceTables.tag(ref, "job", version);
      assertThat(table.tags().list())
          .extracting(Tag::getBranch, Tag::getVersion)
          .containsExactlyInAnyOrder(
              org.assertj.core.groups.Tuple.tuple(Optional.empty(), 2L),
              org.assertj.core.groups.Tuple.tuple(Optional.of(name), version));
      LanceTables.untag(ref, "job");
      assertThat(table.tags().list()).extracting(Tag::getName).containsExactly("job");
    }
  }

  @Test
  void aTableInAFolderCalledTreeIsNoBranch() {
    DatasetRef ref = create(folder.resolve("tree").resolve("t.lance"), "2.1", field("id", INT32));
    // Even if it has a branch of that name itself.
    try (Dataset table = open(ref);
        Dataset branch = table.createBranch("t.lance", Ref.ofMain(1))) {
      LanceTables.tag(ref, "job", 1);
      LanceTables.tag(DatasetRef.of(ref.uri() + "/tree/t.lance"), "job", branch.version());
      assertThat(table.tags().list())
          .extracting(Tag::getName, Tag::getBranch)
          .containsExactlyInAnyOrder(
              org.assertj.core.groups.Tuple.tuple("job", Optional.empty()),
              org.assertj.core.groups.Tuple.tuple("job-t.lance", Optional.of("t.lance")));
    }
  }

  @Test
  void countsRowsOfOneFragmentThatAFilterKeeps() {
    DatasetRef ref = ids();
    delete(ref, "id = 3");
    assertThat(LanceTables.countRows(ref, 4, 0, "id < 5")).isEqualTo(4);
    assertThat(LanceTables.countRows(ref, 3, 0, "id < 5")).isEqualTo(5);
    assertThat(LanceTables.countRows(ref, 4, 0, "")).isEqualTo(9);
    assertThat(LanceTables.countRows(ref, 4, 1, "id < 5")).isZero();
    assertThatThrownBy(() -> LanceTables.countRows(ref, 4, 0, "nope = 1"))
        .hasMessageContaining("count rows of fragment 0 of version 4 of " + ref.uri())
        .hasMessageContaining("No field named nope")
        .extracting("kind")
        .isEqualTo(Kind.INVALID_INPUT);
    assertThatThrownBy(() -> LanceTables.countRows(ref, 4, 9, ""))
        .hasMessageContaining("Fragment 9 not found")
        .extracting("kind")
        .isEqualTo(Kind.NOT_FOUND);
  }

  @Test
  void anUnknownVersionIsNamed() {
    DatasetRef ref = ids();
    assertThatThrownBy(() -> LanceTables.at(ref, 99))
        .hasMessage(
            "Version 99 of %s does not exist: it was cleaned up or never written."
                + " The newest version is 3.",
            ref.uri())
        .extracting("kind")
        .isEqualTo(Kind.NOT_FOUND);
    assertThatThrownBy(() -> LanceTables.at(ref, 0))
        .hasMessage("Version 0 of %s cannot exist: versions count from 1.", ref.uri())
        .extracting("kind")
        .isEqualTo(Kind.INVALID_INPUT);
  }

  @ParameterizedTest
  @ValueSource(strings = {"missing", "folder", "file", "no-versions"})
  void whatIsNoTableIsCalledSo(String what) throws Exception {
    Path path = folder.resolve("x");
    switch (what) {
      case "folder" -> Files.createDirectories(path);
      case "file" -> Files.writeString(path, "x");
      case "no-versions" -> Files.createDirectories(path.resolve("_versions"));
      default -> assertThat(path).doesNotExist();
    }
    DatasetRef ref = DatasetRef.of(path.toString());
    assertThat(LanceTables.exists(ref)).isFalse();
    assertThatThrownBy(() -> LanceTables.latest(ref))
        .hasMessageStartingWith("Cannot open " + path + ": not a Lance table.")
        .extracting("kind")
        .isEqualTo(Kind.NOT_FOUND);
    assertThatThrownBy(() -> LanceTables.at(ref, 1))
        .hasMessageStartingWith("Cannot open " + path + ": not a Lance table.");
  }

  @Test
  void existsOnlyWhereATableIs() {
    assertThat(LanceTables.exists(ids())).isTrue();
  }

  @Test
  void snapshotsTravel() throws Exception {
    DatasetRef ref = ids();
    TableSnapshot table =
        LanceTables.addColumns(
            ref, List.of(nested("n"), field("m", INT32, Map.of("computed_column", "true"))));
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(table);
    }
    try (ObjectInputStream in =
        new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      assertThat(in.readObject()).isEqualTo(table);
    }
  }

  @Test
  void secretsAreNotPrinted() {
    DatasetRef ref =
        new DatasetRef("s3://b/t.lance/", Map.of("aws_secret_access_key", "TOPSECRET"));
    assertThat(ref.toString())
        .isEqualTo("DatasetRef[s3://b/t.lance/, 1 storage options (redacted)]");
    DatasetRef child = ref.child("_backfill/jobs.lance");
    assertThat(child.uri()).isEqualTo("s3://b/t.lance/_backfill/jobs.lance");
    assertThat(child.storageOptions()).isEqualTo(ref.storageOptions());
    assertThatThrownBy(() -> DatasetRef.of(" "))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("uri is empty");
  }

  @Test
  void compactionGivesNewFragments() {
    DatasetRef ref = ids();
    try (Dataset table = open(ref)) {
      table.compact(CompactionOptions.builder().build());
    }
    TableSnapshot table = LanceTables.latest(ref);
    assertThat(table.fragments()).hasSize(1);
    assertThat(table.fragments().get(0).physicalRows()).isEqualTo(15);
    assertThat(table.fragment(0)).isEmpty();
  }

  @Test
  void bigIntsAreKept() {
    DatasetRef ref = create(folder.resolve("b.lance"), "2.0", field("x", INT64));
    append(
        ref, 1, (root, fragment, i) -> ((BigIntVector) root.getVector("x")).setSafe(i, 1L << 40));
    assertThat(LanceTables.countRows(ref, 2, 0, "x = " + (1L << 40))).isEqualTo(1);
  }
}
