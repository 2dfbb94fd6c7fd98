package io.lancebackfill.datasource.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetOpener;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceAllocator;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.impl.UnionListWriter;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.lance.Dataset;
import org.roaringbitmap.RoaringBitmap;

class TestCheckpointDataset {
  private static final Field TEXT = Field.nullable("text", ArrowType.Utf8.INSTANCE);
  private static final Field VECTOR =
      new Field(
          "vector",
          FieldType.nullable(new ArrowType.FixedSizeList(2)),
          List.of(
              Field.nullable("item", new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE))));
  private static final List<Field> VALUES = List.of(TEXT, VECTOR);

  @TempDir private Path folder;
  private DatasetRef ref = DatasetRef.of("unset");
  private long allocatedBefore;

  @BeforeEach
  void prepare() {
    ref = DatasetRef.of(folder.resolve("_backfill/checkpoints/c.lance/0-100-x.lance").toString());
    allocatedBefore = LanceAllocator.root().getAllocatedMemory();
  }

  @AfterEach
  void everythingIsFreed() {
    assertThat(LanceAllocator.root().getAllocatedMemory()).isEqualTo(allocatedBefore);
  }

  @Test
  void givesBackPropertiesBeforeAnythingWasAppended() {
    Map<String, String> properties = Map.of("fingerprint", "abc=1", "inputs", "[\"ü\"]", "e", "");
    CheckpointDataset.create(ref, VALUES, properties).close();

    CheckpointContents contents = CheckpointDataset.read(ref);

    assertThat(contents.properties()).isEqualTo(properties);
    assertThat(contents.rows()).isZero();
    assertThat(contents.offsets().isEmpty()).isTrue();
    assertThat(contents.valueFields()).extracting(Field::getName).containsExactly("text", "vector");
    assertThat(contents.valueFields().get(1).getChildren())
        .extracting(Field::getName)
        .containsExactly("item");
    assertThat(rowsFrom(contents, 0, 10)).isEmpty();
  }

  @Test
  void readsRowsInOrderFromAnyOffset() {
    try (CheckpointDataset checkpoint = CheckpointDataset.create(ref, VALUES, Map.of())) {
      append(checkpoint, 3, 4, 7);
      append(checkpoint, 10, 20);
      append(checkpoint, IntStream.range(100, 5000).toArray());
      append(checkpoint);
      CheckpointContents contents = CheckpointDataset.read(ref);

      assertThat(contents.rows()).isEqualTo(4905);
      RoaringBitmap expected = RoaringBitmap.bitmapOf(3, 4, 7, 10, 20);
      expected.add(100L, 5000L);
      assertThat(contents.offsets()).isEqualTo(expected);
      assertThat(rowsFrom(contents, 0, 1000)).hasSize(4905).startsWith("3: v3 [3.0,-3.0]");
      assertThat(rowsFrom(contents, 7, 2)).startsWith("7: null null", "10: v10 [10.0,-10.0]");
      assertThat(rowsFrom(contents, 8, 1000)).startsWith("10: v10 [10.0,-10.0]").hasSize(4902);
      assertThat(rowsFrom(contents, 4999, 8)).containsExactly("4999: v4999 [4999.0,-4999.0]");
      assertThat(rowsFrom(contents, 5000, 8)).isEmpty();
      assertThat(rowsFrom(contents, Long.MAX_VALUE, 8)).isEmpty();
    }
  }

  @Test
  void readsOffsetsAsOlderBuildsWroteThem() {
    List<Field> fields = new ArrayList<>(VALUES);
    fields.add(0, Field.notNullable("_offset", new ArrowType.Int(64, true)));
    assertThat(StateDatasets.createIfAbsent(ref, new Schema(fields))).isTrue();
    int[] offsets = {3, 4, 7, 10, 20};
    try (VectorSchemaRoot rows = values(fields, offsets);
        Dataset empty = DatasetOpener.latest(ref)) {
      for (int row = 0; row < offsets.length; row++) {
        ((BigIntVector) rows.getVector(0)).setSafe(row, offsets[row]);
      }
      StateDatasets.append(ref, empty, rows).dataset().close();
    }
    CheckpointContents contents = CheckpointDataset.read(ref);
    assertThat(contents.valueFields()).extracting(Field::getName).containsExactly("text", "vector");
    assertThat(contents.offsets()).isEqualTo(RoaringBitmap.bitmapOf(offsets));
    assertThat(rowsFrom(contents, 5, 2))
        .containsExactly("7: null null", "10: v10 [10.0,-10.0]", "20: v20 [20.0,-20.0]");
  }

  @ParameterizedTest
  @CsvSource({"1, 1.02", "3, 1.02", "0, 1.09"})
  void addsNextToNothingToTheValues(int step, double most) throws IOException {
    Random random = new Random(1);
    Field number = Field.nullable("number", new ArrowType.Int(32, true));
    int rows = 50_000;
    int offset = 5_000_000;
    long bytes;
    try (CheckpointDataset checkpoint = CheckpointDataset.create(ref, List.of(number), Map.of());
        VectorSchemaRoot batch =
            VectorSchemaRoot.create(new Schema(List.of(number)), LanceAllocator.root())) {
      for (int append = 0; append < 2; append++) {
        int[] offsets = new int[rows];
        IntVector numbers = (IntVector) batch.getVector(0);
        for (int row = 0; row < rows; row++) {
          offset += step == 0 ? 1 + random.nextInt(2) : step;
          offsets[row] = offset;
          numbers.setSafe(row, random.nextInt());
        }
        batch.setRowCount(rows);
        checkpoint.append(offsets, batch);
      }
      bytes = checkpoint.bytes();
    }
    long onDisk = 0;
    try (Stream<Path> files = Files.list(Path.of(ref.uri(), "data"))) {
      for (Path file : files.toList()) {
        onDisk += Files.size(file);
      }
    }
    assertThat(bytes).isEqualTo(onDisk);
    assertThat((double) bytes / (2L * rows * Integer.BYTES)).isBetween(1.0, most);
  }

  @Test
  void showsToAnEarlierReaderWhatWasThereThen() {
    try (CheckpointDataset checkpoint = CheckpointDataset.create(ref, VALUES, Map.of())) {
      append(checkpoint, 1);
      CheckpointContents before = CheckpointDataset.read(ref);
      append(checkpoint, 2);
      assertThat(before.offsets()).isEqualTo(RoaringBitmap.bitmapOf(1));
      assertThat(CheckpointDataset.read(ref).offsets()).isEqualTo(RoaringBitmap.bitmapOf(1, 2));
    }
  }

  /** Such batches take the JVM down if they are given to Lance as they are. */
  @ParameterizedTest
  @ValueSource(ints = {0, 200_000})
  void survivesLongRunsOfEmptyLists(int emptyRows) {
    Field lists =
        new Field(
            "texts",
            FieldType.nullable(ArrowType.List.INSTANCE),
            List.of(Field.nullable("item", ArrowType.Utf8.INSTANCE)));
    int filled = emptyRows == 0 ? 0 : 100_000;
    int rows = Math.max(10, emptyRows) + filled;
    try (CheckpointDataset checkpoint = CheckpointDataset.create(ref, List.of(lists), Map.of());
        VectorSchemaRoot batch =
            VectorSchemaRoot.create(new Schema(List.of(lists)), LanceAllocator.root())) {
      UnionListWriter writer = ((ListVector) batch.getVector(0)).getWriter();
      for (int row = 0; row < rows; row++) {
        writer.setPosition(row);
        writer.startList();
        if (row >= rows - filled) {
          byte[] text = ("text number " + row).getBytes(StandardCharsets.UTF_8);
          try (ArrowBuf buffer = LanceAllocator.root().buffer(text.length)) {
            buffer.setBytes(0, text);
            writer.writeVarChar(0, text.length, buffer);
          }
        }
        writer.endList();
      }
      batch.setRowCount(rows);
      checkpoint.append(IntStream.range(0, rows).toArray(), batch);
    }
    int last = 0;
    try (CheckpointReader reader = CheckpointDataset.read(ref).open(rows - 1, 10)) {
      while (reader.next()) {
        last++;
        assertThat(String.valueOf(reader.values().get(0).getObject(0)))
            .isEqualTo(filled == 0 ? "[]" : "[\"text number " + (rows - 1) + "\"]");
      }
    }
    assertThat(last).isEqualTo(1);
  }

  @Test
  void refusesASecondWriterOfTheSameName() {
    CheckpointDataset.create(ref, VALUES, Map.of()).close();
    assertThatThrownBy(() -> CheckpointDataset.create(ref, VALUES, Map.of()))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("Cannot create the checkpoint " + ref.uri() + ": it exists");
  }

  @Test
  void refusesOffsetsThatDoNotAscend() {
    try (CheckpointDataset checkpoint = CheckpointDataset.create(ref, VALUES, Map.of())) {
      append(checkpoint, 5);
      assertThatThrownBy(() -> append(checkpoint, 5))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("must ascend: 5 after 5");
      assertThatThrownBy(() -> append(checkpoint, 8, 7))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("must ascend: 7 after 8");
      append(checkpoint, 6);
      assertThat(CheckpointDataset.read(ref).offsets()).isEqualTo(RoaringBitmap.bitmapOf(5, 6));
    }
  }

  @Test
  void refusesOtherColumns() {
    try (CheckpointDataset checkpoint = CheckpointDataset.create(ref, VALUES, Map.of());
        VectorSchemaRoot other =
            VectorSchemaRoot.create(new Schema(List.of(TEXT)), LanceAllocator.root())) {
      other.setRowCount(1);
      assertThatThrownBy(() -> checkpoint.append(new int[] {1}, other))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("has the columns [text, vector], the batch [text]");
    }
  }

  @Test
  void saysThatThereIsNone() {
    assertThatThrownBy(() -> CheckpointDataset.read(ref))
        .isInstanceOfSatisfying(
            DatasetException.class, e -> assertThat(e.kind()).isEqualTo(Kind.NOT_FOUND))
        .hasMessageContaining("no checkpoint at " + ref.uri());
  }

  @Test
  void callsAFolderWithoutAVersionCorrupt() throws IOException {
    Files.createDirectories(Path.of(ref.uri()));
    assertCorrupt("no version in the folder");
    Files.writeString(Path.of(ref.uri(), "hello.txt"), "hello");
    assertCorrupt("no version in the folder");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 39, 40, 200})
  void refusesADataFileThatWasCutOff(int bytes) throws IOException {
    write();
    Path file = only("data");
    Files.write(file, Arrays.copyOf(Files.readAllBytes(file), bytes));
    assertCorrupt("has " + bytes + " bytes");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 10, 60})
  void refusesAManifestThatWasCutOff(int bytes) throws IOException {
    CheckpointDataset.create(ref, VALUES, Map.of()).close();
    Path file = only("_versions");
    Files.write(file, Arrays.copyOf(Files.readAllBytes(file), bytes));
    assertCorrupt("");
  }

  @Test
  void refusesAMissingDataFile() throws IOException {
    write();
    Files.delete(only("data"));
    assertCorrupt("is missing");
  }

  @Test
  void readsBesideForeignFiles() throws IOException {
    write();
    Files.writeString(Path.of(ref.uri(), "data", "foreign.lance"), "");
    Files.writeString(Path.of(ref.uri(), "_versions", "note.txt"), "hello");
    assertThat(rowsFrom(CheckpointDataset.read(ref), 0, 10)).hasSize(2);
  }

  @Test
  void reportsAFileThatVanishesBetweenLookingAndReading() throws IOException {
    write();
    CheckpointContents contents = CheckpointDataset.read(ref);
    Files.delete(only("data"));
    assertThatThrownBy(() -> contents.open(0, 10))
        .isInstanceOfSatisfying(
            DatasetException.class, e -> assertThat(e.kind()).isEqualTo(Kind.CORRUPT))
        .hasMessageContaining(ref.uri());
    assertThatThrownBy(contents::offsets)
        .isInstanceOfSatisfying(
            DatasetException.class, e -> assertThat(e.kind()).isEqualTo(Kind.CORRUPT))
        .hasMessageContaining(ref.uri());
  }

  private void write() {
    try (CheckpointDataset checkpoint = CheckpointDataset.create(ref, VALUES, Map.of())) {
      append(checkpoint, 1, 2);
    }
  }

  private void assertCorrupt(String problem) {
    assertThatThrownBy(() -> CheckpointDataset.read(ref))
        .isInstanceOfSatisfying(
            DatasetException.class, e -> assertThat(e.kind()).isEqualTo(Kind.CORRUPT))
        .hasMessageContaining(ref.uri())
        .hasMessageContaining(problem);
  }

  private Path only(String sub) throws IOException {
    try (Stream<Path> files = Files.list(Path.of(ref.uri(), sub))) {
      List<Path> all = files.toList();
      assertThat(all).hasSize(1);
      return all.get(0);
    }
  }

  /** Row 7 has nulls, all others values made of their offsets. */
  private static void append(CheckpointDataset checkpoint, int... offsets) {
    try (VectorSchemaRoot batch = values(VALUES, offsets)) {
      checkpoint.append(offsets, batch);
      assertThat(batch.getRowCount()).isEqualTo(offsets.length);
    }
  }

  /** The fields may have an offset before the values. */
  private static VectorSchemaRoot values(List<Field> fields, int... offsets) {
    VectorSchemaRoot batch = VectorSchemaRoot.create(new Schema(fields), LanceAllocator.root());
    FixedSizeListVector vectors = (FixedSizeListVector) batch.getVector("vector");
    Float4Vector items = (Float4Vector) vectors.getDataVector();
    for (int row = 0; row < offsets.length; row++) {
      if (offsets[row] != 7) {
        byte[] text = ("v" + offsets[row]).getBytes(StandardCharsets.UTF_8);
        ((VarCharVector) batch.getVector("text")).setSafe(row, text);
        vectors.startNewValue(row);
        items.setSafe(2 * row, (float) offsets[row]);
        items.setSafe(2 * row + 1, (float) -offsets[row]);
      }
    }
    batch.setRowCount(offsets.length);
    return batch;
  }

  private static List<String> rowsFrom(CheckpointContents contents, long from, int batchSize) {
    List<String> rows = new ArrayList<>();
    try (CheckpointReader reader = contents.open(from, batchSize)) {
      while (reader.next()) {
        int[] offsets = reader.offsets();
        List<FieldVector> values = reader.values();
        assertThat(offsets).hasSizeLessThanOrEqualTo(batchSize);
        for (int row = 0; row < offsets.length; row++) {
          rows.add(
              offsets[row]
                  + ": "
                  + values.get(0).getObject(row)
                  + " "
                  + values.get(1).getObject(row));
        }
      }
    }
    return rows;
  }
}
