package io.lancebackfill.datasource.commit;

import static io.lancebackfill.datasource.LanceFixture.FLOAT;
import static io.lancebackfill.datasource.LanceFixture.INT32;
import static io.lancebackfill.datasource.LanceFixture.INT64;
import static io.lancebackfill.datasource.LanceFixture.UTF8;
import static io.lancebackfill.datasource.LanceFixture.delete;
import static io.lancebackfill.datasource.LanceFixture.field;
import static io.lancebackfill.datasource.LanceFixture.open;
import static io.lancebackfill.datasource.commit.CommitFixture.expected;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.datasource.LanceFixture;
import io.lancebackfill.datasource.commit.CommitOutcome.Attached;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.DeletedRows;
import io.lancebackfill.datasource.table.LanceAllocator;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.datasource.write.ColumnFileWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.lance.CommitBuilder;
import org.lance.Dataset;
import org.lance.Fragment;
import org.lance.FragmentMetadata;
import org.lance.Transaction;
import org.lance.WriteParams;
import org.lance.compaction.CompactionOptions;
import org.lance.index.IndexOptions;
import org.lance.index.IndexParams;
import org.lance.index.IndexType;
import org.lance.index.scalar.ScalarIndexParams;
import org.lance.ipc.LanceScanner;
import org.lance.ipc.ScanOptions;
import org.lance.operation.Append;

/** Each step is run against a real table; other writers are real ones, between the steps. */
class TestShadowColumn {
  private static final BooleanSupplier OWNER = () -> true;

  @TempDir private Path folder;

  /**
   * Fragments in which "out" lies in the middle of a file, the first filled with 10 times the id.
   */
  private CommitFixture shared(String storageVersion) {
    return new CommitFixture(folder.resolve("t.lance"), storageVersion, true)
        .declare("out", "other")
        .append()
        .append()
        .append();
  }

  private static CommitOutcome commit(
      CommitFixture table, BooleanSupplier owner, ColumnFileAttachment... files) {
    return new ColumnFileCommitter(
            table.ref, List.of(table.column("out")), AttachPolicy.SHADOW_COLUMN)
        .commit(List.of(files), Map.of(), owner);
  }

  private static ShadowColumn shadow(CommitFixture table, ColumnFileAttachment... files) {
    return new ShadowColumn(table.ref, List.of(table.column("out")), List.of(files), Map.of());
  }

  @ParameterizedTest
  @ValueSource(strings = {"2.0", "2.1", "2.2"})
  void keepsValuesPositionMetadataAndFiles(String storageVersion) {
    CommitFixture table = shared(storageVersion);
    TableColumn before = table.column("out");
    LanceTables.updateFieldMetadata(table.ref, Map.of(before.id(), Map.of("k", "v")));
    delete(table.ref, "id = 1001");
    Map<String, String> files = table.dataFiles();

    CommitOutcome first = commit(table, OWNER, table.stage(0, 1, "out"));
    CommitOutcome second = commit(table, OWNER, table.stage(1, 2, "out"), table.stage(0, 3, "out"));

    assertThat(first.attached().values())
        .extracting(Attached::method)
        .containsExactly(AttachMethod.SHADOW_COLUMN);
    // The first fragment has a file of its own by now, the second not yet.
    assertThat(second.attached().get(0).method()).isEqualTo(AttachMethod.DATA_REPLACEMENT);
    assertThat(second.attached().get(1).method()).isEqualTo(AttachMethod.SHADOW_COLUMN);
    Map<Long, Object> expected = expected(3, 2, -1);
    expected.remove(1001L);
    assertThat(table.values("out")).isEqualTo(expected);
    TableSnapshot after = table.latest();
    assertThat(after.columns())
        .extracting(TableColumn::name)
        .containsExactly("id", "text", "out", "other");
    TableColumn column = table.column("out");
    assertThat(column.metadata()).containsEntry("k", "v");
    assertThat(column.originalId()).isEqualTo(before.id());
    assertThat(column.id()).isNotEqualTo(before.id());
    assertThat(column.previousIds()).hasSize(2);
    assertThat(table.dataFiles()).containsAllEntriesOf(files);

    try (Dataset dataset = open(table.ref)) {
      dataset.compact(CompactionOptions.builder().withTargetRowsPerFragment(1000).build());
    }
    assertThat(table.latest().fragments()).hasSize(1);
    assertThat(table.values("out")).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({"2.0", "2.1", "2.2"})
  void attachesAGroupOfColumns(String storageVersion) {
    CommitFixture table =
        new CommitFixture(folder.resolve("t.lance"), storageVersion, true)
            .declare("a", "between", "b")
            .append()
            .append();
    ColumnFileCommitter committer =
        new ColumnFileCommitter(
            table.ref, List.of(table.column("b"), table.column("a")), AttachPolicy.AUTO);
    ColumnFileAttachment late = table.stage(1, 5, "b", "a");
    committer.commit(List.of(table.stage(0, 4, "b", "a")), Map.of(), OWNER);
    // Made for the ids that the columns had before.
    CommitOutcome outcome = committer.commit(List.of(late), Map.of(), OWNER);
    assertThat(outcome.committed()).containsExactly(1);
    assertThat(table.values("a")).isEqualTo(expected(4, 5));
    assertThat(table.values("b")).isEqualTo(expected(4, 5));
    outcome = committer.commit(List.of(table.stage(0, 6, "b", "a")), Map.of(), OWNER);
    assertThat(outcome.attached().get(0).method()).isEqualTo(AttachMethod.DATA_REPLACEMENT);
    assertThat(table.values("a")).isEqualTo(expected(6, 5));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void readersSeeNothingOfAnAttemptThatDiedAndTheNextOneSucceeds(int steps) {
    CommitFixture table = shared("2.1");
    ColumnFileAttachment file = table.stage(0, 1, "out");
    ShadowColumn dying = shadow(table, file);
    List<TableColumn> shadows = dying.declare();
    if (steps == 2) {
      dying.fill(shadows);
    }
    assertThat(table.values("out")).isEqualTo(expected(-1, -1, -1));
    assertThat(ColumnFileCommitter.leftOver(table.latest(), List.of(table.column("out"))))
        .hasSize(1);
    commit(table, OWNER, file);
    assertThat(table.values("out")).isEqualTo(expected(1, -1, -1));
    assertThat(table.latest().columns()).hasSize(4);
  }

  @Test
  void repairDropsWhatADeadAttemptLeft() {
    CommitFixture table = shared("2.1");
    ShadowColumn dying = shadow(table, table.stage(0, 1, "out"));
    dying.fill(dying.declare());
    ColumnFileCommitter.repair(table.ref, List.of(table.column("out")));
    assertThat(table.latest().columns()).hasSize(4);
    assertThat(table.values("out")).isEqualTo(expected(-1, -1, -1));
  }

  @Test
  void carriesOverRowsThatWereAppendedBetweenTheCommits() {
    CommitFixture table = shared("2.1");
    AtomicInteger asked = new AtomicInteger();
    Runnable append = appendOut(table, 5000, 77);
    // Asked before all, and right before the last commit, after the look for new fragments.
    commit(
        table,
        () -> {
          if (asked.incrementAndGet() == 2) {
            append.run();
            LanceTables.updateFieldMetadata(
                table.ref, Map.of(table.column("out").id(), Map.of("altered", "meanwhile")));
          }
          return true;
        },
        table.stage(0, 1, "out"));
    assertThat(asked.get()).isEqualTo(2);
    assertThat(table.values("out")).containsEntry(5000L, 77).containsEntry(1L, 11);
    assertThat(table.column("out").metadata()).containsEntry("altered", "meanwhile");
  }

  @Test
  void beginsAnewWhereAWriterWroteTheShadowToo() {
    CommitFixture table = shared("2.1");
    ColumnFileAttachment file = table.stage(0, 1, "out");
    ShadowColumn shadow = shadow(table, file);
    List<TableColumn> shadows = shadow.declare();
    shadow.fill(shadows);
    // This writer takes the shadow for a column like any other.
    appendOut(table, 5000, 77).run();
    assertThatThrownBy(() -> shadow.takePlace(shadows, OWNER))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("was changed");
    commit(table, OWNER, file);
    assertThat(table.values("out")).containsEntry(5000L, 77).containsEntry(1L, 11);
  }

  @Test
  void repairAdoptsRowsWhoseWriterReadTheTableBefore() {
    CommitFixture table = shared("2.1");
    Runnable late = appendOut(table, 5000, 77);
    commit(table, OWNER, table.stage(0, 1, "out"));
    late.run();
    assertThat(table.values("out")).containsEntry(5000L, "null");
    ColumnFileCommitter.repair(table.ref, List.of(table.column("out")));
    assertThat(table.values("out")).containsEntry(5000L, 77).containsEntry(1L, 11);
    long version = table.latest().version();
    ColumnFileCommitter.repair(table.ref, List.of(table.column("out")));
    assertThat(table.latest().version()).isEqualTo(version);
  }

  @Test
  void survivesADeleteBetweenTheCommits() {
    CommitFixture table = shared("2.1");
    ColumnFileAttachment file = table.stage(0, 1, "out");
    AtomicInteger asked = new AtomicInteger();
    CommitOutcome outcome =
        commit(
            table,
            () -> {
              if (asked.incrementAndGet() == 1) {
                delete(table.ref, "id = 2001");
              }
              return true;
            },
            file);
    assertThat(outcome.committed()).containsExactly(0);
    assertThat(table.values("out")).doesNotContainKey(2001L).containsEntry(1L, 11);
  }

  @Test
  void doesNotTakePlaceForADriverThatLostTheJob() {
    CommitFixture table = shared("2.1");
    AtomicInteger asked = new AtomicInteger();
    assertThatThrownBy(
            () -> commit(table, () -> asked.incrementAndGet() < 2, table.stage(0, 1, "out")))
        .isInstanceOf(LostOwnershipException.class)
        .hasMessageContaining("another driver owns the job now");
    assertThat(table.values("out")).isEqualTo(expected(-1, -1, -1));
  }

  @ParameterizedTest
  @CsvSource({"2.0,SHADOW_COLUMN", "2.1,SHADOW_COLUMN", "2.1,UPDATE"})
  void keepsIndexesAndKeepsThemRight(String storageVersion, AttachPolicy policy) {
    CommitFixture table = shared(storageVersion);
    ColumnFileCommitter committer =
        new ColumnFileCommitter(table.ref, List.of(table.column("out")), policy);
    committer.commit(List.of(table.stage(0, 1, "out")), Map.of(), OWNER);
    committer.commit(List.of(table.stage(1, 1, "out")), Map.of(), OWNER);
    index(table, "out");
    index(table, "text");
    committer.commit(List.of(table.stage(2, 1, "out")), Map.of(), OWNER);
    CommitOutcome outcome = committer.commit(List.of(table.stage(0, 2, "out")), Map.of(), OWNER);
    assertThat(outcome.indexesDropped()).isEmpty();
    try (Dataset dataset = open(table.ref)) {
      assertThat(dataset.listIndexes()).contains("out_idx", "text_idx");
    }
    assertThat(table.values("out", "out = 11")).isEmpty();
    assertThat(table.values("out", "out = 12").keySet()).containsExactly(1L);
    assertThat(table.values("out", "out = 10011").keySet()).containsExactly(1001L);
    assertThat(table.values("out", "out = 20011").keySet()).containsExactly(2001L);
    assertThat(table.values("out", "out IS NULL")).isEmpty();
    assertThat(table.values("out", "text = 't1'").keySet()).containsExactly(1L, 1001L, 2001L);
  }

  @Test
  void takesFragmentsOutOfAnIndexThatWasBuiltBeforeAndCommittedAfter() {
    CommitFixture table = shared("2.1");
    commit(table, OWNER, table.stage(0, 1, "out"), table.stage(1, 1, "out"));
    index(table, "out");
    ColumnIndexes.Cured cured =
        ColumnIndexes.cure(
            table.ref, List.of(table.column("out")), Map.of(0, table.latest().version()));
    assertThat(cured.pruned()).containsExactly(Map.entry("out_idx", 1));
    assertThat(cured.dropped()).isEmpty();
    assertThat(table.values("out", "out = 11").keySet()).containsExactly(1L);
    assertThat(table.values("out", "out = 10011").keySet()).containsExactly(1001L);
    assertThat(
            ColumnIndexes.cure(
                table.ref, List.of(table.column("out")), Map.of(0, table.latest().version())))
        .isEqualTo(new ColumnIndexes.Cured(Map.of(), Set.of()));
  }

  @ParameterizedTest
  @CsvSource({"2.0", "2.1", "2.2"})
  void carriesEveryKindOfColumnOver(String storageVersion) {
    List<Field> kinds =
        new ArrayList<>(
            List.of(
                field("vector", new ArrowType.FixedSizeList(2), field("item", FLOAT)),
                field("list", ArrowType.List.INSTANCE, field("item", INT32)),
                field("text", UTF8)));
    if (!storageVersion.equals("2.0")) {
      Field struct =
          field("struct", ArrowType.Struct.INSTANCE, field("a", INT32), field("b", UTF8));
      kinds.add(struct);
      kinds.add(
          field("structs", ArrowType.List.INSTANCE, ShadowSchema.field(struct, "item", Map.of())));
    }
    List<Field> fields = new ArrayList<>(List.of(field("id", INT64)));
    fields.addAll(kinds);
    DatasetRef ref =
        LanceFixture.create(
            folder.resolve("kinds.lance"), storageVersion, true, fields.toArray(new Field[0]));
    for (int fragment = 0; fragment < 2; fragment++) {
      LanceFixture.append(ref, 4, (root, f, i) -> fill(root.getFieldVectors(), 10 * f + i));
    }
    List<String> before = rows(ref);
    assertThat(before.get(5)).contains("t11").contains("11");

    for (Field kind : kinds) {
      TableColumn column = LanceTables.latest(ref).column(kind.getName()).orElseThrow();
      new ShadowColumn(ref, List.of(column), List.of(), Map.of()).attach(OWNER);
      assertThat(LanceTables.latest(ref).column(kind.getName()).orElseThrow().previousIds())
          .containsExactly(column.allIds());
    }

    assertThat(rows(ref)).isEqualTo(before);
    try (Dataset dataset = open(ref)) {
      dataset.compact(CompactionOptions.builder().withTargetRowsPerFragment(1000).build());
    }
    assertThat(rows(ref)).isEqualTo(before);
  }

  private static void fill(List<? extends FieldVector> vectors, int i) {
    for (FieldVector vector : vectors) {
      if (vector instanceof BigIntVector longs) {
        longs.setSafe(i % 10, i);
      } else if (vector instanceof VarCharVector texts) {
        texts.setSafe(i % 10, ("t" + i).getBytes(StandardCharsets.UTF_8));
      } else if (i % 4 != 3) {
        fillNested(vector, i % 10, i);
      }
    }
  }

  private static void fillNested(FieldVector vector, int row, int value) {
    if (vector instanceof FixedSizeListVector list) {
      list.setNotNull(row);
      for (int k = 0; k < 2; k++) {
        ((Float4Vector) list.getDataVector()).setSafe(2 * row + k, value);
      }
    } else if (vector instanceof ListVector list) {
      int start = list.startNewValue(row);
      fillNested(list.getDataVector(), start, value);
      list.endValue(row, 1);
    } else if (vector instanceof StructVector struct) {
      struct.setIndexDefined(row);
      struct.getChildrenFromFields().forEach(child -> fillNested(child, row, value));
    } else if (vector instanceof IntVector ints) {
      ints.setSafe(row, value);
    } else {
      ((VarCharVector) vector).setSafe(row, ("n" + value).getBytes(StandardCharsets.UTF_8));
    }
  }

  private static List<String> rows(DatasetRef ref) {
    List<String> rows = new ArrayList<>();
    try (Dataset dataset = open(ref);
        LanceScanner scanner = dataset.newScan(new ScanOptions.Builder().build());
        ArrowReader batches = scanner.scanBatches()) {
      while (batches.loadNextBatch()) {
        VectorSchemaRoot batch = batches.getVectorSchemaRoot();
        for (int i = 0; i < batch.getRowCount(); i++) {
          int row = i;
          rows.add(
              batch.getFieldVectors().stream()
                  .map(vector -> vector.getName() + "=" + vector.getObject(row))
                  .toList()
                  .toString());
        }
      }
      return rows;
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  /** Such an index is on the list, and in format 2.1 files name only what is below. */
  @Test
  void aReplacedListDoesNotMakeItsIndexLie() {
    DatasetRef ref =
        LanceFixture.create(
            folder.resolve("tags.lance"),
            "2.1",
            false,
            field("id", INT64),
            field("tags", ArrowType.List.INSTANCE, field("item", INT32)));
    LanceFixture.append(ref, 4, (root, f, i) -> fill(root.getFieldVectors(), 0));
    LanceFixture.append(ref, 4, (root, f, i) -> fill(root.getFieldVectors(), 0));
    attachTags(ref, 1);
    try (Dataset dataset = open(ref)) {
      dataset.createIndex(
          IndexOptions.builder(
                  List.of("tags"),
                  IndexType.LABEL_LIST,
                  IndexParams.builder()
                      .setScalarIndexParams(ScalarIndexParams.create("labellist"))
                      .build())
              .withIndexName("tags_idx")
              .build());
    }
    long version = LanceTables.latest(ref).version();
    assertThat(attachTags(ref, 2).attached().get(0).method())
        .isEqualTo(AttachMethod.DATA_REPLACEMENT);
    assertThat(LanceTables.latest(ref).version()).isEqualTo(version + 2);
    try (Dataset dataset = open(ref)) {
      assertThat(dataset.getIndexes().get(0).fragments().orElseThrow()).containsExactly(1);
    }
  }

  private static CommitOutcome attachTags(DatasetRef ref, int value) {
    TableSnapshot table = LanceTables.latest(ref);
    List<TableColumn> columns = List.of(table.column("tags").orElseThrow());
    try (ColumnFileWriter writer =
            ColumnFileWriter.open(ref, table.storageVersion(), columns, LanceAllocator.root());
        VectorSchemaRoot batch = writer.newBatch()) {
      for (int i = 0; i < 4; i++) {
        fillNested(batch.getVector("tags"), i, value);
      }
      batch.setRowCount(4);
      writer.write(batch);
      return new ColumnFileCommitter(ref, columns, AttachPolicy.AUTO)
          .commit(
              List.of(
                  new ColumnFileAttachment(
                      0,
                      4,
                      writer.finish(),
                      ColumnFileCommitter.place(table.fragments().get(0), columns).orElse(null),
                      List.of(),
                      DeletedRows.NONE)),
              Map.of(),
              OWNER);
    }
  }

  private static void index(CommitFixture table, String column) {
    try (Dataset dataset = open(table.ref)) {
      dataset.createIndex(
          IndexOptions.builder(
                  List.of(column),
                  IndexType.BTREE,
                  IndexParams.builder()
                      .setScalarIndexParams(ScalarIndexParams.create("btree"))
                      .build())
              .withIndexName(column + "_idx")
              .build());
    }
  }

  /** A row with a value, written with the ids of now; to be committed by the result. */
  private static Runnable appendOut(CommitFixture table, long id, int value) {
    List<FragmentMetadata> written;
    long version;
    try (Dataset dataset = open(table.ref);
        VectorSchemaRoot root =
            VectorSchemaRoot.create(dataset.getSchema(), LanceAllocator.root())) {
      version = dataset.version();
      root.allocateNew();
      ((BigIntVector) root.getVector("id")).setSafe(0, id);
      ((IntVector) root.getVector("out")).setSafe(0, value);
      root.setRowCount(1);
      written =
          Fragment.write()
              .datasetUri(table.ref.uri())
              .allocator(LanceAllocator.root())
              .data(root)
              .mode(WriteParams.WriteMode.APPEND)
              .dataStorageVersion(dataset.getLanceFileFormatVersion())
              .execute();
    }
    return () -> {
      try (Dataset dataset = open(table.ref);
          Transaction append =
              new Transaction.Builder()
                  .readVersion(version)
                  .operation(Append.builder().fragments(written).build())
                  .build()) {
        new CommitBuilder(dataset).execute(append).close();
      }
    };
  }
}
