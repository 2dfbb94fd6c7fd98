package io.lancebackfill.datasource.read;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.datasource.LanceFixture;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceAllocator;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableSnapshot;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.types.pojo.Field;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.lance.Dataset;
import org.roaringbitmap.RoaringBitmap;

class TestFragmentBatchReader {
  private static final List<String> ALL =
      Arrays.stream(Samples.FIELDS).map(Field::getName).toList();

  @TempDir private Path folder;
  private long allocatedBefore;

  @BeforeEach
  void noteMemory() {
    allocatedBefore = LanceAllocator.root().getAllocatedMemory();
  }

  @AfterEach
  void everythingIsFreed() {
    assertThat(LanceAllocator.root().getAllocatedMemory()).isEqualTo(allocatedBefore);
  }

  /** What one read gave: ids, offsets and the values of the other columns as text. */
  private record Read(List<Integer> ids, List<Integer> offsets, List<String> values, int batches) {}

  private static Read read(TableSnapshot table, FragmentRange range, int batchSize) {
    List<Integer> ids = new ArrayList<>();
    List<Integer> offsets = new ArrayList<>();
    List<String> values = new ArrayList<>();
    int batches = 0;
    try (FragmentBatchReader reader = FragmentBatchReader.open(table, range, ALL, batchSize)) {
      while (reader.next()) {
        batches++;
        assertThat(reader.rows()).isPositive().isLessThanOrEqualTo(batchSize);
        assertThat(reader.root().getRowCount()).isEqualTo(reader.rows());
        assertThat(reader.root().getSchema().getFields()).extracting(Field::getName).isEqualTo(ALL);
        for (int row = 0; row < reader.rows(); row++) {
          ids.add(((IntVector) reader.root().getVector("id")).get(row));
          offsets.add(reader.offsets()[row]);
          StringBuilder line = new StringBuilder();
          for (FieldVector vector : reader.root().getFieldVectors()) {
            line.append(print(vector.getObject(row))).append(" | ");
          }
          values.add(line.toString());
        }
      }
      assertThat(reader.rowsRead()).isEqualTo(ids.size());
      assertThat(reader.nanosRead()).isPositive();
    }
    return new Read(ids, offsets, values, batches);
  }

  private static String print(Object value) {
    return value instanceof byte[] bytes ? Arrays.toString(bytes) : String.valueOf(value);
  }

  private static List<Integer> ints(int from, int to, IntPredicate kept) {
    return IntStream.range(from, to).filter(kept).boxed().toList();
  }

  @ParameterizedTest
  @CsvSource({"0,0", "0,1", "0,300", "299,300", "17,203", "128,256", "250,9999", "300,400"})
  void readsExactlyItsRange(long start, long end) {
    DatasetRef ref = Samples.table(folder.resolve("t.lance"), "2.1", 50, 300);
    TableSnapshot table = LanceTables.latest(ref);
    Read read = read(table, new FragmentRange(1, start, end, null), 64);
    assertThat(read.offsets())
        .isEqualTo(ints((int) Math.min(start, 300), (int) Math.min(end, 300), i -> true));
    assertThat(read.ids()).isEqualTo(read.offsets().stream().map(i -> 1000 + i).toList());
    if (start == end || start >= 300) {
      assertThat(read.batches()).isZero();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"2.0", "2.1", "2.2"})
  void rangesOfAFragmentWithDeletionsAddUpToIt(String storageVersion) {
    DatasetRef ref = Samples.table(folder.resolve("t.lance"), storageVersion, 400);
    LanceFixture.delete(ref, "id % 7 = 3 OR (id >= 100 AND id < 180) OR id < 5 OR id > 390");
    IntPredicate live = id -> !(id % 7 == 3 || (id >= 100 && id < 180) || id < 5 || id > 390);
    TableSnapshot table = LanceTables.latest(ref);
    for (int step : new int[] {1, 13, 80, 200, 400}) {
      if (step == 1) {
        Read row = read(table, new FragmentRange(0, 181, 182, null), 8);
        assertThat(row.ids()).isEqualTo(ints(181, 182, live));
        continue;
      }
      List<Integer> all = new ArrayList<>();
      for (int start = 0; start < 400; start += step) {
        Read read = read(table, new FragmentRange(0, start, start + step, null), 50);
        assertThat(read.ids()).isEqualTo(ints(start, Math.min(400, start + step), live));
        assertThat(read.offsets()).isEqualTo(read.ids());
        all.addAll(read.ids());
      }
      assertThat(all).isEqualTo(ints(0, 400, live));
    }
  }

  @Test
  void everyStartFindsItsFirstLiveRow() {
    DatasetRef ref = Samples.table(folder.resolve("t.lance"), "2.1", 60);
    LanceFixture.delete(ref, "id in (0, 1, 2, 10, 30, 31, 32, 33, 34, 58, 59)");
    IntPredicate live = id -> !List.of(0, 1, 2, 10, 30, 31, 32, 33, 34, 58, 59).contains(id);
    TableSnapshot table = LanceTables.latest(ref);
    for (int start = 0; start <= 60; start++) {
      Read read = read(table, new FragmentRange(0, start, Math.min(60, start + 4), null), 100);
      assertThat(read.ids()).isEqualTo(ints(start, Math.min(60, start + 4), live));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"2.0", "2.1"})
  void skippedRowsAreLeftOutWhateverTheirPattern(String storageVersion) {
    DatasetRef ref = Samples.table(folder.resolve("t.lance"), storageVersion, 700);
    LanceFixture.delete(ref, "id % 50 = 7");
    TableSnapshot table = LanceTables.latest(ref);
    Read whole = read(table, FragmentRange.all(table.fragments().get(0)), 128);
    Random random = new Random(42);
    List<IntPredicate> patterns =
        List.of(
            i -> i < 200,
            i -> i >= 500,
            i -> i > 100 && i < 300,
            i -> i % 2 == 0,
            i -> i % 3 != 0,
            i -> (i / 64) % 2 == 0,
            i -> (i / 100) % 2 == 0 || i % 9 == 0,
            i -> random.nextInt(10) < 3,
            i -> random.nextInt(10) < 9,
            i -> true);
    for (IntPredicate pattern : patterns) {
      RoaringBitmap skip = new RoaringBitmap();
      IntStream.range(0, 700).filter(pattern).forEach(skip::add);
      List<Integer> kept = new ArrayList<>();
      List<String> values = new ArrayList<>();
      for (int row = 0; row < whole.ids().size(); row++) {
        int offset = whole.offsets().get(row);
        if (!skip.contains(offset) && offset >= 20 && offset < 690) {
          kept.add(offset);
          values.add(whole.values().get(row));
        }
      }
      Read read = read(table, new FragmentRange(0, 20, 690, null).skipping(skip), 128);
      assertThat(read.offsets()).isEqualTo(kept);
      assertThat(read.values()).isEqualTo(values);
    }
  }

  @Test
  void fewRunsLeaveAsSlicesAndManyAsOneBatch() {
    DatasetRef ref = Samples.table(folder.resolve("t.lance"), "2.1", 400);
    TableSnapshot table = LanceTables.latest(ref);
    RoaringBitmap middle = RoaringBitmap.bitmapOf(200);
    FragmentRange all = FragmentRange.all(table.fragments().get(0));
    assertThat(read(table, all.skipping(middle), 400).batches()).isEqualTo(2);
    RoaringBitmap odd = new RoaringBitmap();
    IntStream.range(0, 400).filter(i -> i % 2 == 1).forEach(odd::add);
    assertThat(read(table, all.skipping(odd), 400).batches()).isEqualTo(1);
    assertThat(read(table, all.skipping(new RoaringBitmap()), 400).batches()).isEqualTo(1);
  }

  @Test
  void readsAddressesAloneAndColumnsInTheAskedOrder() {
    DatasetRef ref = Samples.table(folder.resolve("t.lance"), "2.1", 40);
    LanceFixture.delete(ref, "id = 11");
    TableSnapshot table = LanceTables.latest(ref);
    FragmentRange range = new FragmentRange(0, 10, 20, null).skipping(RoaringBitmap.bitmapOf(15));
    try (FragmentBatchReader reader = FragmentBatchReader.open(table, range, List.of(), 100)) {
      List<Integer> offsets = new ArrayList<>();
      while (reader.next()) {
        assertThat(reader.root().getFieldVectors()).isEmpty();
        assertThat(reader.root().getRowCount()).isEqualTo(reader.rows());
        Arrays.stream(reader.offsets()).forEach(offsets::add);
      }
      assertThat(offsets).containsExactly(10, 12, 13, 14, 16, 17, 18, 19);
      assertThat(reader.bytesRead()).isZero();
    }
    try (FragmentBatchReader reader =
        FragmentBatchReader.open(
            ref, table.version(), List.of(range), List.of("we ird", "s", "id"), 100)) {
      assertThat(reader.next()).isTrue();
      assertThat(reader.root().getSchema().getFields())
          .extracting(Field::getName)
          .containsExactly("we ird", "s", "id");
      assertThat(reader.bytesRead()).isPositive();
    }
  }

  @Test
  void vectorsMayBeTakenOver() {
    DatasetRef ref = Samples.table(folder.resolve("t.lance"), "2.1", 200);
    TableSnapshot table = LanceTables.latest(ref);
    List<FieldVector> taken = new ArrayList<>();
    FragmentRange all = FragmentRange.all(table.fragments().get(0));
    RoaringBitmap skip = new RoaringBitmap();
    skip.add(0L, 100L);
    for (FragmentRange range : List.of(all, all.skipping(skip))) {
      try (FragmentBatchReader reader =
          FragmentBatchReader.open(table, range, List.of("id"), 200)) {
        assertThat(reader.next()).isTrue();
        var pair = reader.root().getVector("id").getTransferPair(LanceAllocator.root());
        pair.transfer();
        taken.add((FieldVector) pair.getTo());
        assertThat(reader.next()).isFalse();
      }
    }
    assertThat(((IntVector) taken.get(0)).get(199)).isEqualTo(199);
    assertThat(((IntVector) taken.get(1)).get(0)).isEqualTo(100);
    taken.forEach(FieldVector::close);
  }

  @Test
  void aDeclaredColumnReadsNull() {
    DatasetRef ref = Samples.table(folder.resolve("t.lance"), "2.1", 5);
    TableSnapshot table =
        LanceTables.addColumns(ref, List.of(LanceFixture.field("later", LanceFixture.INT32)));
    try (FragmentBatchReader reader =
        FragmentBatchReader.open(
            table, FragmentRange.all(table.fragments().get(0)), List.of("later"), 10)) {
      assertThat(reader.next()).isTrue();
      assertThat(reader.root().getVector("later").getNullCount()).isEqualTo(5);
    }
  }

  @Test
  void aFilterIsUsedOnWholeFragmentsOnly() {
    DatasetRef ref = Samples.table(folder.resolve("t.lance"), "2.1", 100);
    TableSnapshot table = LanceTables.latest(ref);
    assertThat(filtered(table, new FragmentRange(0, 0, 100, null), "id IN (3, 50, 99)"))
        .containsExactly(3, 50, 99);
    assertThat(
            filtered(
                table,
                new FragmentRange(0, 0, 200, null).skipping(RoaringBitmap.bitmapOf(50)),
                "id IN (3, 50, 99)"))
        .containsExactly(3, 99);
    assertThat(filtered(table, new FragmentRange(0, 40, 60, null), "id IN (3, 50, 99)"))
        .isEqualTo(ints(40, 60, i -> true));
  }

  private static List<Integer> filtered(TableSnapshot table, FragmentRange range, String filter) {
    List<Integer> offsets = new ArrayList<>();
    try (FragmentBatchReader reader =
        FragmentBatchReader.open(
            table.ref(),
            table.version(),
            List.of(new FragmentPiece(table.fragments().get(0), range)),
            List.of("s"),
            filter,
            10)) {
      while (reader.next()) {
        Arrays.stream(reader.offsets()).forEach(offsets::add);
      }
    }
    return offsets;
  }

  @Test
  void refusesWhatIsNotThere() {
    DatasetRef ref = Samples.table(folder.resolve("t.lance"), "2.1", 5);
    TableSnapshot table = LanceTables.latest(ref);
    FragmentRange seventh = new FragmentRange(7, 0, 1, null);
    FragmentRange all = FragmentRange.all(table.fragments().get(0));
    String noFragment =
        "Version 2 of "
            + ref.uri()
            + " has no fragment 7. Plan the read on the fragments of that version.";
    assertThatThrownBy(() -> FragmentBatchReader.open(table, seventh, List.of(), 1))
        .hasMessage(noFragment)
        .extracting("kind")
        .isEqualTo(Kind.NOT_FOUND);
    assertThatThrownBy(() -> FragmentBatchReader.open(ref, 2, List.of(seventh), List.of(), 1))
        .hasMessage(noFragment);
    assertThatThrownBy(() -> FragmentBatchReader.open(ref, 44, List.of(all), List.of(), 1))
        .hasMessageContaining("Version 44 of " + ref.uri() + " does not exist")
        .extracting("kind")
        .isEqualTo(Kind.NOT_FOUND);
    assertThatThrownBy(() -> FragmentBatchReader.open(table, all, List.of("ID", "id"), 1))
        .hasMessageStartingWith("Version 2 of " + ref.uri() + " has no column 'ID'; its columns")
        .extracting("kind")
        .isEqualTo(Kind.INVALID_INPUT);
    assertThatThrownBy(() -> FragmentBatchReader.open(table, all, List.of(), 0))
        .hasMessage("Batch size 0 is too small; give at least 1 row.");
    assertThatThrownBy(() -> new FragmentRange(0, 5, 4, null))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("Range [5, 4) of fragment 0 is no range; it needs 0 <= start <= end");
    FragmentRange garbage = new FragmentRange(0, 0, 5, new byte[] {1, 2, 3, 4, 5, 6, 7, 8});
    assertThatThrownBy(() -> FragmentBatchReader.open(table, garbage, List.of(), 1))
        .hasMessageContaining("are no serialised RoaringBitmap")
        .extracting("kind")
        .isEqualTo(Kind.INVALID_INPUT);
    try (FragmentBatchReader reader = FragmentBatchReader.open(table, all, List.of(), 1)) {
      assertThatThrownBy(reader::root)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("call next() first");
    }
  }

  @Test
  void aTableMadeAnewIsNotMistakenForTheOldOne() {
    Path path = folder.resolve("t.lance");
    DatasetRef ref = Samples.table(path, "2.1", 10);
    TableSnapshot old = LanceTables.latest(ref);
    read(old, FragmentRange.all(old.fragments().get(0)), 10);
    Dataset.drop(ref.uri(), Map.of());
    Samples.table(path, "2.1", 20);
    TableSnapshot anew = LanceTables.latest(ref);
    assertThat(anew.version()).isEqualTo(old.version());
    Read read = read(anew, FragmentRange.all(anew.fragments().get(0)), 20);
    assertThat(read.ids()).hasSize(20);
    assertThatThrownBy(() -> read(old, FragmentRange.all(old.fragments().get(0)), 10))
        .hasMessage(
            "Version 2 of %s has no longer the fragment 0 that was planned: the table was dropped"
                + " and made anew meanwhile. Plan the read again.",
            ref.uri());
  }

  @Test
  void closingEarlyFreesEverything() {
    DatasetRef ref = Samples.table(folder.resolve("t.lance"), "2.1", 900);
    TableSnapshot table = LanceTables.latest(ref);
    FragmentBatchReader reader =
        FragmentBatchReader.open(
            table,
            FragmentRange.all(table.fragments().get(0)).skipping(RoaringBitmap.bitmapOf(1, 3, 5)),
            ALL,
            16);
    assertThat(reader.next()).isTrue();
    reader.close();
    reader.close();
    assertThat(reader.rows()).isZero();
  }

  /** Fragments of 5 rows; an id is the fragment's times 1000, plus the offset. */
  private TableSnapshot six() {
    DatasetRef ref = Samples.table(folder.resolve("t.lance"), "2.1", 5, 5, 5, 5, 5, 5);
    assertThat(LanceTables.latest(ref).fragments()).hasSize(6);
    return LanceTables.latest(ref);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 5, 100})
  void readsManyFragmentsOneAfterAnother(int batchSize) {
    TableSnapshot before = six();
    LanceFixture.delete(before.ref(), "id IN (3000, 3002)");
    TableSnapshot table = LanceTables.latest(before.ref());
    List<FragmentRange> ranges = new ArrayList<>();
    for (int id : new int[] {4, 0, 3, 2, 5}) {
      ranges.add(new FragmentRange(id, 0, 5, null));
    }
    ranges.set(1, ranges.get(1).skipping(RoaringBitmap.bitmapOf(1, 2)));
    ranges.set(4, new FragmentRange(5, 1, 3, null));
    List<String> found = new ArrayList<>();
    try (FragmentBatchReader reader =
        FragmentBatchReader.open(table.ref(), table.version(), ranges, List.of("id"), batchSize)) {
      while (reader.next()) {
        IntVector ids = (IntVector) reader.root().getVector("id");
        for (int row = 0; row < reader.rows(); row++) {
          assertThat(reader.fragmentId() * 1000 + reader.offsets()[row]).isEqualTo(ids.get(row));
          found.add(reader.fragmentId() + ":" + reader.offsets()[row]);
        }
      }
    }
    assertThat(String.join(" ", found))
        .isEqualTo("4:0 4:1 4:2 4:3 4:4 0:0 0:3 0:4 3:1 3:3 3:4 2:0 2:1 2:2 2:3 2:4 5:1 5:2");
  }
}
