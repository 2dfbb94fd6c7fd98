package io.lancebackfill.datasource.write;

import static io.lancebackfill.datasource.LanceFixture.FLOAT;
import static io.lancebackfill.datasource.LanceFixture.INT32;
import static io.lancebackfill.datasource.LanceFixture.UTF8;
import static io.lancebackfill.datasource.LanceFixture.append;
import static io.lancebackfill.datasource.LanceFixture.create;
import static io.lancebackfill.datasource.LanceFixture.delete;
import static io.lancebackfill.datasource.LanceFixture.field;
import static io.lancebackfill.datasource.LanceFixture.open;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.lancebackfill.datasource.commit.AttachPolicy;
import io.lancebackfill.datasource.commit.ColumnFileAttachment;
import io.lancebackfill.datasource.commit.ColumnFileCommitter;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.DeletedRows;
import io.lancebackfill.datasource.table.LanceAllocator;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.FixedSizeBinaryVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.complex.impl.UnionListWriter;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.lance.Dataset;
import org.lance.ipc.LanceScanner;
import org.lance.ipc.ScanOptions;

@Timeout(120)
class TestColumnFileWriter {
  private static final Field NUMBER = field("number", INT32);
  private static final Field TEXT = field("text", UTF8);
  private static final Field VECTOR =
      field("vector", new ArrowType.FixedSizeList(3), field("item", FLOAT));
  private static final Field TEXTS = field("texts", ArrowType.List.INSTANCE, field("item", UTF8));
  private static final Field STRUCT =
      field(
          "struct",
          ArrowType.Struct.INSTANCE,
          field("a", INT32),
          field("b", ArrowType.List.INSTANCE, field("item", UTF8)));

  @TempDir private Path folder;
  private long allocatedBefore;

  @BeforeEach
  void remember() {
    allocatedBefore = LanceAllocator.root().getAllocatedMemory();
  }

  @AfterEach
  void everythingIsFreed() {
    // After an abort Lance lets go of the last buffers in threads of its own.
    await().until(() -> LanceAllocator.root().getAllocatedMemory() == allocatedBefore);
  }

  private DatasetRef table(String storageVersion, int rows, Field... computed) {
    DatasetRef ref = create(folder.resolve("t.lance"), storageVersion, field("id", INT32));
    append(ref, rows, (root, fragment, i) -> ((IntVector) root.getVector("id")).setSafe(i, i));
    LanceTables.addColumns(ref, List.of(computed));
    return ref;
  }

  private static List<TableColumn> columns(TableSnapshot table, Field... fields) {
    return Stream.of(fields).map(f -> table.column(f.getName()).orElseThrow()).toList();
  }

  private static ColumnFileWriter writer(TableSnapshot table, Field... fields) {
    return ColumnFileWriter.open(
        table.ref(), table.storageVersion(), columns(table, fields), LanceAllocator.root());
  }

  private static void attach(TableSnapshot table, StagedColumnFile file, Field... fields) {
    ColumnFileAttachment attachment =
        new ColumnFileAttachment(0, file.rows(), file, null, List.of(), DeletedRows.NONE);
    assertThat(
            new ColumnFileCommitter(table.ref(), columns(table, fields), AttachPolicy.AUTO)
                .commit(List.of(attachment), Map.of(), () -> true)
                .committed())
        .containsExactly(0);
  }

  private static List<String> values(DatasetRef ref, String column) throws Exception {
    List<String> values = new ArrayList<>();
    try (Dataset dataset = open(ref);
        LanceScanner scanner =
            dataset.newScan(new ScanOptions.Builder().columns(List.of(column)).build());
        ArrowReader batches = scanner.scanBatches()) {
      while (batches.loadNextBatch()) {
        FieldVector vector = batches.getVectorSchemaRoot().getVector(0);
        for (int i = 0; i < vector.getValueCount(); i++) {
          values.add(String.valueOf(vector.getObject(i)));
        }
      }
    }
    return values;
  }

  /** Every 5th row null; a struct's null is asked of 2.1 only, since 2.0 has none. */
  private static void set(FieldVector vector, int row, int value, boolean nullStructs) {
    boolean isNull = value % 5 == 0;
    if (vector instanceof IntVector ints && !isNull) {
      ints.setSafe(row, value);
    } else if (vector instanceof VarCharVector texts && !isNull) {
      texts.setSafe(row, ("text " + value).getBytes(StandardCharsets.UTF_8));
    } else if (vector instanceof FixedSizeListVector lists && !isNull) {
      lists.startNewValue(row);
      for (int i = 0; i < 3; i++) {
        ((Float4Vector) lists.getDataVector()).setSafe(3 * row + i, value + i);
      }
    } else if (vector instanceof ListVector lists && !isNull) {
      setTexts(lists, row, value % 3, "item " + value);
    } else if (vector instanceof StructVector struct && !(isNull && nullStructs)) {
      struct.setIndexDefined(row);
      set(struct.getChild("a"), row, value, nullStructs);
      set(struct.getChild("b"), row, value, nullStructs);
    }
  }

  private static void setTexts(ListVector lists, int row, int count, String text) {
    UnionListWriter writer = lists.getWriter();
    writer.setPosition(row);
    writer.startList();
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < count; i++) {
      try (ArrowBuf buffer = LanceAllocator.root().buffer(bytes.length)) {
        buffer.setBytes(0, bytes);
        writer.writeVarChar(0, bytes.length, buffer);
      }
    }
    writer.endList();
  }

  private static void write(
      ColumnFileWriter writer, int from, int rows, int batchSize, boolean nullStructs) {
    for (int start = from; start < from + rows; start += batchSize) {
      try (VectorSchemaRoot batch = writer.newBatch()) {
        int count = Math.min(batchSize, from + rows - start);
        batch.allocateNew();
        for (int i = 0; i < count; i++) {
          for (FieldVector vector : batch.getFieldVectors()) {
            set(vector, i, start + i, nullStructs);
          }
        }
        batch.setRowCount(count);
        writer.write(batch);
        assertThat(batch.getRowCount()).isZero();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"2.0", "2.1", "2.2"})
  void writesAGroupOfColumnsOfManyTypes(String storageVersion) throws Exception {
    boolean nullStructs = !storageVersion.equals("2.0");
    Field[] group = {TEXTS, NUMBER, STRUCT, VECTOR, TEXT};
    DatasetRef ref = table(storageVersion, 1000, NUMBER, TEXT, VECTOR, TEXTS, STRUCT);
    TableSnapshot table = LanceTables.latest(ref);
    StagedColumnFile file;
    try (ColumnFileWriter writer = writer(table, group)) {
      write(writer, 0, 1000, 64, nullStructs);
      file = writer.finish();
    }
    assertThat(file.rows()).isEqualTo(1000);
    assertThat(Files.size(Path.of(ref.uri(), "data", file.path()))).isEqualTo(file.bytes());

    attach(table, file, group);

    assertThat(values(ref, "number")).hasSize(1000).startsWith("null", "1", "2").endsWith("999");
    assertThat(values(ref, "text")).startsWith("null", "text 1").endsWith("text 999");
    assertThat(values(ref, "vector")).startsWith("null", "[1.0,2.0,3.0]");
    assertThat(values(ref, "texts"))
        .startsWith("null", "[\"item 1\"]", "[\"item 2\",\"item 2\"]", "[]", "[\"item 4\"]");
    assertThat(values(ref, "struct").get(1)).isEqualTo("{\"a\":1,\"b\":[\"item 1\"]}");
    assertThat(values(ref, "struct").get(3)).isEqualTo("{\"a\":3,\"b\":[]}");
    if (nullStructs) {
      assertThat(values(ref, "struct").get(0)).isEqualTo("null");
    }
  }

  @Test
  void coversDeletedRowsToo() throws Exception {
    DatasetRef ref = table("2.1", 10, NUMBER);
    delete(ref, "id in (0, 4)");
    TableSnapshot table = LanceTables.latest(ref);
    try (ColumnFileWriter writer = writer(table, NUMBER)) {
      write(writer, 100, 10, 3, true);
      attach(table, writer.finish(), NUMBER);
    }
    assertThat(values(ref, "number"))
        .containsExactly("101", "102", "103", "null", "106", "107", "108", "109");
  }

  /** A batch whose lists are all empty has a child without values, and Java without an offset. */
  @ParameterizedTest
  @ValueSource(strings = {"2.0", "2.1"})
  void survivesBatchesOfEmptyLists(String storageVersion) throws Exception {
    DatasetRef ref = table(storageVersion, 6, TEXTS);
    TableSnapshot table = LanceTables.latest(ref);
    try (ColumnFileWriter writer = writer(table, TEXTS)) {
      for (int count : new int[] {0, 0, 1}) {
        try (VectorSchemaRoot batch = writer.newBatch()) {
          batch.allocateNew();
          ListVector lists = (ListVector) batch.getVector(0);
          setTexts(lists, 0, count, "x");
          setTexts(lists, 1, count, "y");
          batch.setRowCount(2);
          writer.write(batch);
        }
      }
      attach(table, writer.finish(), TEXTS);
    }
    assertThat(values(ref, "texts")).containsExactly("[]", "[]", "[]", "[]", "[\"x\"]", "[\"y\"]");
  }

  /** With Lance's default encoding this takes the JVM down: see LanceEncoding. */
  @Test
  void survivesALongRunOfEmptyListsBeforeStrings() throws Exception {
    int rows = 200_000;
    DatasetRef ref = table("2.1", rows, TEXTS);
    TableSnapshot table = LanceTables.latest(ref);
    try (ColumnFileWriter writer = writer(table, TEXTS)) {
      for (int start = 0; start < rows; start += 20_000) {
        try (VectorSchemaRoot batch = writer.newBatch()) {
          batch.allocateNew();
          ListVector lists = (ListVector) batch.getVector(0);
          for (int i = 0; i < 20_000; i++) {
            int row = start + i;
            if (row % 10 != 0) {
              setTexts(lists, i, row < rows / 2 ? 0 : 1, "text number " + row);
            }
          }
          batch.setRowCount(20_000);
          writer.write(batch);
        }
      }
      attach(table, writer.finish(), TEXTS);
    }
    List<String> values = values(ref, "texts");
    assertThat(values).hasSize(rows).startsWith("null", "[]").endsWith("[\"text number 199999\"]");
    assertThat(values.get(100_001)).isEqualTo("[\"text number 100001\"]");
    assertThat(values.stream().filter("null"::equals)).hasSize(rows / 10);
  }

  /** 300 MB through an allocator of 100 MB. */
  @Test
  void needsMemoryForAFewBatchesOnly() {
    Field blob = field("blob", new ArrowType.FixedSizeBinary(10_000));
    DatasetRef ref = table("2.1", 1, blob);
    TableSnapshot table = LanceTables.latest(ref);
    try (BufferAllocator allocator =
        LanceAllocator.root().newChildAllocator("bounded", 0, 100_000_000)) {
      try (ColumnFileWriter writer =
          ColumnFileWriter.open(ref, table.storageVersion(), columns(table, blob), allocator)) {
        byte[] value = new byte[10_000];
        for (int batches = 0; batches < 300; batches++) {
          try (VectorSchemaRoot batch = writer.newBatch()) {
            FixedSizeBinaryVector vector = (FixedSizeBinaryVector) batch.getVector(0);
            vector.allocateNew(100);
            for (int i = 0; i < 100; i++) {
              value[i] = (byte) batches;
              vector.set(i, value);
            }
            batch.setRowCount(100);
            writer.write(batch);
          }
        }
        StagedColumnFile file = writer.finish();
        assertThat(file.rows()).isEqualTo(30_000);
        assertThat(file.bytes()).isGreaterThan(1_000_000);
      }
      await().until(() -> allocator.getAllocatedMemory() == 0);
    }
  }

  @Test
  void takesListsWhoseChildHasAnotherName() {
    DatasetRef ref = table("2.1", 1, TEXTS);
    TableSnapshot table = LanceTables.latest(ref);
    Field other = field("whatever", ArrowType.List.INSTANCE, field("element", UTF8));
    try (ColumnFileWriter writer = writer(table, TEXTS);
        VectorSchemaRoot batch =
            VectorSchemaRoot.create(new Schema(List.of(other)), LanceAllocator.root())) {
      batch.allocateNew();
      setTexts((ListVector) batch.getVector(0), 0, 1, "x");
      batch.setRowCount(1);
      writer.write(batch);
      assertThat(writer.finish().rows()).isEqualTo(1);
    }
    assertThat(LanceTables.latest(ref).arrowSchema().findField("texts").getChildren().get(0))
        .extracting(Field::getName)
        .isEqualTo("item");
  }

  @Test
  void refusesOtherTypes() {
    DatasetRef ref = table("2.1", 1, NUMBER);
    TableSnapshot table = LanceTables.latest(ref);
    try (ColumnFileWriter writer = writer(table, NUMBER);
        VectorSchemaRoot batch =
            VectorSchemaRoot.create(new Schema(List.of(TEXT)), LanceAllocator.root())) {
      batch.setRowCount(1);
      assertThatThrownBy(() -> writer.write(batch))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("holds [number: Int(32, true)], the batch has [text: Utf8]");
      assertThat(batch.getRowCount()).isEqualTo(1);
      assertThatThrownBy(writer::finish)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("none were written");
    }
  }

  @Test
  void leavesNothingBehindWhenItIsGivenUp() throws IOException {
    DatasetRef ref = table("2.1", 1, VECTOR);
    List<Path> before = files(ref);
    ColumnFileWriter writer = writer(LanceTables.latest(ref), VECTOR);
    write(writer, 0, 500_000, 5_000, true);
    writer.close();
    await().untilAsserted(() -> assertThat(files(ref)).isEqualTo(before));
    writer.close();
    assertThatThrownBy(writer::finish)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("finished or closed already");
  }

  private static List<Path> files(DatasetRef ref) throws IOException {
    try (Stream<Path> files = Files.list(Path.of(ref.uri(), "data"))) {
      return files.sorted().toList();
    }
  }

  /** The table's folder is a file: Lance fails after it has begun to pull rows. */
  @Test
  void tellsTheCallerThatWritingFailed() throws IOException {
    TableSnapshot table = LanceTables.latest(table("2.1", 1, NUMBER));
    Path file = Files.writeString(folder.resolve("file"), "");
    DatasetRef nowhere = DatasetRef.of(file.resolve("t.lance").toString());
    try (ColumnFileWriter writer =
        ColumnFileWriter.open(nowhere, "2.1", columns(table, NUMBER), LanceAllocator.root())) {
      assertThatThrownBy(() -> write(writer, 0, 10_000_000, 1000, true))
          .isInstanceOf(DatasetException.class)
          .hasMessageContaining("Cannot write a column file of " + nowhere.uri());
      assertThatThrownBy(writer::finish)
          .isInstanceOfAny(DatasetException.class, IllegalStateException.class)
          .hasMessageContaining(nowhere.uri());
    }
  }

  @Test
  void stopsWhenTheCallerIsInterrupted() throws IOException {
    DatasetRef ref = table("2.1", 1, NUMBER);
    List<Path> before = files(ref);
    ColumnFileWriter writer = writer(LanceTables.latest(ref), NUMBER);
    write(writer, 0, 1_000_000, 500_000, true);
    Thread.currentThread().interrupt();
    assertThatThrownBy(writer::finish)
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("Interrupted while a column file of");
    assertThat(Thread.getAllStackTraces())
        .as("threads that could still use the task's allocator")
        .noneSatisfy(
            (thread, frames) -> {
              assertThat(thread.getName()).isEqualTo("lance-column-file-writer");
              assertThat(frames)
                  .anyMatch(frame -> frame.getClassName().equals(ColumnFileWriter.class.getName()));
            });
    writer.close();
    assertThat(Thread.interrupted()).isTrue();
    await().untilAsserted(() -> assertThat(files(ref)).isEqualTo(before));
  }
}
