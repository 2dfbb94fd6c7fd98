package io.lancebackfill.datasource.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.datasource.store.StateTable.Column;
import io.lancebackfill.datasource.store.StateTable.Type;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetOpener;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceAllocator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.lance.CommitBuilder;
import org.lance.Dataset;
import org.lance.Transaction;
import org.lance.WriteParams;
import org.lance.compaction.Compaction;
import org.lance.compaction.CompactionOptions;
import org.lance.compaction.CompactionPlan;
import org.lance.compaction.CompactionTask;
import org.lance.compaction.RewriteResult;
import org.lance.operation.UpdateConfig;
import org.lance.operation.UpdateMap;

class TestStateTable {
  private static final List<Column> COLUMNS =
      List.of(new Column("writer", Type.STRING), new Column("n", Type.LONG));

  @TempDir private Path folder;
  private DatasetRef ref = DatasetRef.of("unset");
  private StateTable table = new StateTable(ref, COLUMNS);
  private long allocatedBefore;

  @BeforeEach
  void prepare() {
    ref = DatasetRef.of(folder.resolve("_backfill/jobs.lance").toString());
    table = new StateTable(ref, COLUMNS);
    allocatedBefore = LanceAllocator.root().getAllocatedMemory();
  }

  @AfterEach
  void everythingIsFreed() {
    assertThat(LanceAllocator.root().getAllocatedMemory()).isEqualTo(allocatedBefore);
  }

  @Test
  void whatIsPreparedTakesAppends() {
    table.prepare();
    assertThat(table.version()).isEqualTo(1);
    table.prepare();
    assertThat(table.version()).as("nothing is missing").isEqualTo(1);
    assertThat(table.read(null, List.of())).isEmpty();
    table.append(List.of(List.of("a", 1L)));
    assertThat(table.read(null, List.of())).hasSize(1);
  }

  @Test
  void readsNoMoreOfTheNewestRowsThanAreNeeded() {
    table.append(LongStream.rangeClosed(1, 5000).mapToObj(n -> List.<Object>of("a", n)).toList());
    table.append(List.of(List.of("b", 9000L)));
    List<Integer> sizes = new ArrayList<>();

    List<StateRow> rows =
        table.readNewest(
            "writer = 'a'",
            "n",
            read -> {
              sizes.add(read.size());
              return read.stream().anyMatch(row -> row.longValue("n") == 4900);
            });

    assertThat(sizes).containsExactly(16, 128);
    assertThat(rows).hasSize(128).last().extracting(row -> row.longValue("n")).isEqualTo(5000L);
    assertThat(table.readNewest("writer = 'a'", "n", read -> false)).hasSize(5000);
    assertThat(table.readNewest("writer = 'c'", "n", read -> true)).isEmpty();
  }

  @Test
  void deletesTheRowsThatAConditionSelects() {
    assertThat(table.delete("n < 3")).isZero();
    table.append(LongStream.rangeClosed(1, 10).mapToObj(n -> List.<Object>of("a", n)).toList());

    assertThat(table.delete("n < 3")).isEqualTo(2);
    assertThat(table.delete("n < 3")).isZero();

    table.append(List.of(List.of("a", 11L)));
    table.compact();
    assertThat(table.read(null, List.of()))
        .extracting(row -> row.longValue("n"))
        .containsExactly(3L, 4L, 5L, 6L, 7L, 8L, 9L, 10L, 11L);
  }

  @Test
  void isEmptyBeforeTheFirstAppendAndWritesNothing() throws IOException {
    assertThat(table.exists()).isFalse();
    assertThat(table.read(null, List.of())).isEmpty();
    assertThat(table.version()).isZero();
    assertThat(table.fragments()).isZero();
    table.compact();
    table.append(List.of());
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).isEmpty();
    }
  }

  @Test
  void keepsValuesOfEveryTypeAndNulls() {
    List<Column> columns =
        List.of(
            new Column("s", Type.STRING),
            new Column("l", Type.LONG),
            new Column("i", Type.INT),
            new Column("d", Type.DOUBLE),
            new Column("b", Type.BOOLEAN),
            new Column("t", Type.TIMESTAMP),
            new Column("x", Type.BINARY));
    StateTable all = new StateTable(ref, columns);
    Instant time = Instant.parse("1969-12-31T23:59:58.123456Z");
    all.append(
        List.of(
            List.of("Größe 🦜", Long.MIN_VALUE, 7, -0.5, true, time, new byte[] {0, -1}),
            Collections.nCopies(7, null)));

    List<StateRow> rows = all.read(null, List.of());

    StateRow row = rows.get(0);
    assertThat(row.string("s")).isEqualTo("Größe 🦜");
    assertThat(row.longValue("l")).isEqualTo(Long.MIN_VALUE);
    assertThat(row.intValue("i")).isEqualTo(7);
    assertThat(row.doubleValue("d")).isEqualTo(-0.5);
    assertThat(row.booleanValue("b")).isTrue();
    assertThat(row.instant("t")).isEqualTo(time);
    assertThat(row.micros("t")).isEqualTo(-1_876_544);
    assertThat(row.binary("x")).containsExactly(0, -1);
    StateRow nulls = rows.get(1);
    assertThat(nulls.values()).containsOnlyKeys("s", "l", "i", "d", "b", "t", "x");
    assertThat(nulls.values().values()).containsOnlyNulls();
    assertThat(nulls.stringOrNull("s")).isNull();
    assertThat(nulls.instantOrNull("t")).isNull();
    assertThatThrownBy(() -> nulls.longValue("l"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("Column l is null");
    assertThatThrownBy(() -> row.longValue("s"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("Column s holds a String, not a Long");
    assertThatThrownBy(() -> row.string("none"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("has no column none");
  }

  @Test
  void readsInTheOrderOfAppends() {
    for (int i = 0; i < 30; i++) {
      table.append(List.of(List.of("a", 2L * i), List.of("a", 2L * i + 1)));
    }
    assertThat(numbers(table)).isSorted().hasSize(60);
    assertThat(table.fragments()).isEqualTo(30);
    assertThat(table.version()).isEqualTo(31);
  }

  @Test
  void filtersAndProjects() {
    table.append(List.of(List.of("a", 1L), List.of("b", 2L), Arrays.asList(null, 3L)));

    List<StateRow> rows = table.read("writer = 'b'", List.of("n"));

    assertThat(rows).hasSize(1);
    assertThat(rows.get(0).values()).containsExactly(Map.entry("n", 2L));
    assertThatThrownBy(() -> table.read(null, List.of("m")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("has no column m; it has [writer, n]");
    assertThatThrownBy(() -> table.read("nothing = 1", List.of()))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("nothing");
  }

  @Test
  void refusesRowsThatDoNotFit() {
    assertThatThrownBy(() -> table.append(List.of(List.of("a"))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("Row 0")
        .hasMessageContaining("has 1 values, the table 2 columns");
    assertThatThrownBy(() -> table.append(List.of(List.of("a", 1))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("Column n of")
        .hasMessageContaining("is a LONG; row 0");
    assertThat(table.exists()).isFalse();
    assertThatThrownBy(() -> new StateTable(ref, List.of(new Column("_x", Type.INT))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("_x");
  }

  @Test
  void losesNoRowOfEightAppendersThatAlsoCreateTheTable() throws Exception {
    int writers = 8;
    int appends = 15;
    runTogether(
        writers,
        writer -> {
          StateTable own = new StateTable(ref, COLUMNS);
          for (int i = 0; i < appends; i++) {
            own.append(List.of(List.of("w" + writer, (long) i)));
          }
        });
    assertAllRowsInOrder(writers, appends);
  }

  @Test
  void losesNoRowNorItsOrderWhileItIsCompacted() throws Exception {
    int appends = 25;
    runTogether(
        4,
        writer -> {
          StateTable own = new StateTable(ref, COLUMNS);
          if (writer == 0) {
            for (int i = 0; i < 8; i++) {
              own.compact(Duration.ofSeconds(1));
            }
          } else {
            for (int i = 0; i < appends; i++) {
              own.append(List.of(List.of("w" + (writer - 1), (long) i)));
            }
          }
        });
    table.compact();
    assertAllRowsInOrder(3, appends);
    assertThat(table.fragments()).isEqualTo(1);
  }

  @Test
  void losesNoRowOfSeveralProcesses() throws Exception {
    int appends = 10;
    List<Process> others = new ArrayList<>();
    for (int writer = 1; writer < 3; writer++) {
      others.add(ChildJvm.start(AppendingProcess.class, ref.uri(), "w" + writer, "" + appends));
    }
    for (int i = 0; i < appends; i++) {
      table.append(List.of(List.of("w0", (long) i)));
    }
    for (Process other : others) {
      assertThat(other.waitFor()).isZero();
    }
    assertAllRowsInOrder(3, appends);
  }

  /** Appends rows of a writer's name from a JVM of its own. */
  static final class AppendingProcess {
    private AppendingProcess() {}

    public static void main(String[] args) {
      StateTable own = new StateTable(DatasetRef.of(args[0]), COLUMNS);
      for (int i = 0; i < Integer.parseInt(args[2]); i++) {
        own.append(List.of(List.of(args[1], (long) i)));
      }
    }
  }

  /** A compaction that began before an append and ends after it moves the appended rows first. */
  @Test
  void keepsTheOrderWhenACompactionOverlapsAnAppend() throws Exception {
    for (int i = 0; i < 5; i++) {
      table.append(List.of(List.of("a", (long) i)));
    }
    try (Dataset dataset = DatasetOpener.latest(ref)) {
      CompactionOptions options =
          CompactionOptions.builder().withTargetRowsPerFragment(1000).build();
      CompactionPlan plan = Compaction.planCompaction(dataset, options);
      List<RewriteResult> results = new ArrayList<>();
      for (CompactionTask task : plan.getCompactionTasks()) {
        results.add(task.execute(dataset));
      }
      table.append(List.of(List.of("a", 5L)));
      Compaction.commitCompaction(dataset, results, options);
      assertThat(dataset.getFragments()).hasSize(2);
    }
    assertThat(numbers(table)).containsExactly(0L, 1L, 2L, 3L, 4L, 5L);
  }

  @Test
  void compactsAndDeletesOldVersions() throws IOException {
    for (int i = 0; i < 10; i++) {
      table.append(List.of(List.of("a", (long) i)));
    }
    table.compact(Duration.ZERO);

    assertThat(table.fragments()).isEqualTo(1);
    assertThat(numbers(table)).hasSize(10).isSorted();
    try (Stream<Path> files = Files.list(Path.of(ref.uri(), "data"))) {
      assertThat(files).hasSize(1);
    }
    try (Stream<Path> files = Files.list(Path.of(ref.uri(), "_versions"))) {
      assertThat(files).hasSize(1);
    }
  }

  @Test
  void readsOlderRowsAsNullInAColumnThatCameLater() {
    table.append(List.of(List.of("a", 1L)));
    List<Column> more = new ArrayList<>(COLUMNS);
    more.add(new Column("note", Type.STRING));
    StateTable newer = new StateTable(ref, more);

    assertThat(newer.read(null, List.of()).get(0).stringOrNull("note")).isNull();
    newer.append(List.of(List.of("b", 2L, "hello")));
    table.append(List.of(List.of("c", 3L)));

    assertThat(newer.read(null, List.of()).stream().map(row -> row.stringOrNull("note")))
        .containsExactly(null, "hello", null);
    assertThat(numbers(table)).containsExactly(1L, 2L, 3L);
  }

  @Test
  void dropsOnlyBelowABackfillFolder() {
    table.append(List.of(List.of("a", 1L)));
    table.drop();
    assertThat(table.exists()).isFalse();
    assertThat(Path.of(ref.uri())).doesNotExist();
    table.drop();
    for (String uri :
        List.of(
            folder.resolve("t.lance").toString(),
            folder.resolve("_backfill").toString(),
            folder.resolve("my_backfill/t.lance").toString(),
            folder.resolve("_backfill/a/../../t.lance").toString(),
            folder.resolve("_backfill/../t.lance").toString())) {
      assertThatThrownBy(() -> new StateTable(DatasetRef.of(uri), COLUMNS).drop())
          .isInstanceOf(DatasetException.class)
          .hasMessageContaining("Refused to delete " + uri);
    }
  }

  @Test
  void dropsBesideATableWhosePathGoesUpFirst() {
    Path here = Path.of("").toAbsolutePath();
    DatasetRef relative = DatasetRef.of(here.relativize(folder.toAbsolutePath()).toString());
    assertThat(relative.uri()).startsWith("../");
    StateTable jobs = new StateTable(relative.stateFolder().child("jobs.lance"), COLUMNS);
    jobs.append(List.of(List.of("a", 1L)));
    assertThat(table.exists()).isTrue();
    jobs.drop();
    assertThat(Path.of(ref.uri())).doesNotExist();
  }

  @Test
  void refusesANewerFormat() {
    table.append(List.of(List.of("a", 1L)));
    try (Dataset dataset = DatasetOpener.latest(ref);
        Transaction transaction =
            new Transaction.Builder()
                .readVersion(dataset.version())
                .operation(
                    UpdateConfig.builder()
                        .schemaMetadataUpdates(
                            UpdateMap.builder()
                                .updates(new HashMap<>(Map.of("lance-backfill.format", "2")))
                                .replace(false)
                                .build())
                        .build())
                .build();
        Dataset changed = new CommitBuilder(dataset).execute(transaction)) {
      assertThat(changed.version()).isEqualTo(3);
    }
    assertThatThrownBy(() -> table.read(null, List.of()))
        .isInstanceOfSatisfying(
            DatasetException.class, e -> assertThat(e.kind()).isEqualTo(Kind.FORMAT_TOO_NEW))
        .hasMessageContaining("has format 2")
        .hasMessageContaining("knows formats up to 1")
        .hasMessageContaining("Upgrade");
    assertThatThrownBy(() -> table.append(List.of(List.of("a", 1L))))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("has format 2");
  }

  @Test
  void refusesATableOfSomebodyElse() {
    Schema schema = new Schema(List.of(Field.nullable("n", new ArrowType.Int(64, true))));
    Dataset.write()
        .allocator(LanceAllocator.root())
        .uri(ref.uri())
        .schema(schema)
        .mode(WriteParams.WriteMode.CREATE)
        .execute()
        .close();
    assertThatThrownBy(() -> table.append(List.of(List.of("a", 1L))))
        .isInstanceOfSatisfying(
            DatasetException.class, e -> assertThat(e.kind()).isEqualTo(Kind.CORRUPT))
        .hasMessageContaining(ref.uri())
        .hasMessageContaining("did not make");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 10, 100})
  void refusesADataFileThatWasCutOff(int bytes) throws IOException {
    table.append(List.of(List.of("a", 1L)));
    Path file = onlyFile("data");
    Files.write(file, Arrays.copyOf(Files.readAllBytes(file), bytes));
    assertThatThrownBy(() -> table.read(null, List.of()))
        .isInstanceOfSatisfying(
            DatasetException.class, e -> assertThat(e.kind()).isEqualTo(Kind.CORRUPT))
        .hasMessageContaining(ref.uri())
        .hasMessageContaining("has " + bytes + " bytes where the manifest says");
    assertThatThrownBy(() -> table.compact())
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining(ref.uri());
  }

  @Test
  void refusesAMissingDataFile() throws IOException {
    table.append(List.of(List.of("a", 1L)));
    Files.delete(onlyFile("data"));
    assertThatThrownBy(() -> table.read(null, List.of()))
        .isInstanceOfSatisfying(
            DatasetException.class, e -> assertThat(e.kind()).isEqualTo(Kind.CORRUPT))
        .hasMessageContaining("is missing");
  }

  @Test
  void readsBesideForeignFiles() throws IOException {
    table.append(List.of(List.of("a", 1L)));
    Files.writeString(Path.of(ref.uri(), "data", "zero.lance"), "");
    Files.writeString(Path.of(ref.uri(), "note.txt"), "hello");
    table.append(List.of(List.of("a", 2L)));
    table.compact();
    assertThat(numbers(table)).containsExactly(1L, 2L);
  }

  @Test
  void goesOnAfterACrashBeforeTheFirstVersion() throws IOException {
    Files.createDirectories(Path.of(ref.uri(), "_transactions"));
    assertThat(table.read(null, List.of())).isEmpty();
    table.append(List.of(List.of("a", 1L)));
    assertThat(numbers(table)).containsExactly(1L);
  }

  private Path onlyFile(String sub) throws IOException {
    try (Stream<Path> files = Files.list(Path.of(ref.uri(), sub))) {
      List<Path> all = files.toList();
      assertThat(all).hasSize(1);
      return all.get(0);
    }
  }

  private static List<Long> numbers(StateTable table) {
    return table.read(null, List.of()).stream().map(row -> row.longValue("n")).toList();
  }

  private void assertAllRowsInOrder(int writers, int appends) {
    Map<String, List<Long>> byWriter = new HashMap<>();
    for (StateRow row : table.read(null, List.of())) {
      byWriter
          .computeIfAbsent(row.string("writer"), w -> new ArrayList<>())
          .add(row.longValue("n"));
    }
    assertThat(byWriter).hasSize(writers);
    for (List<Long> numbers : byWriter.values()) {
      assertThat(numbers).isSorted().hasSize(appends).doesNotHaveDuplicates();
    }
  }

  private interface Work {
    void run(int number) throws Exception;
  }

  private static void runTogether(int threads, Work work) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    try {
      CountDownLatch go = new CountDownLatch(1);
      List<Future<?>> running = new ArrayList<>();
      for (int i = 0; i < threads; i++) {
        int number = i;
        running.add(
            pool.submit(
                () -> {
                  go.await();
                  work.run(number);
                  return null;
                }));
      }
      go.countDown();
      for (Future<?> one : running) {
        one.get();
      }
    } finally {
      pool.shutdownNow();
    }
  }
}
