package io.lancebackfill.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import com.sun.management.ThreadMXBean;
import io.lancebackfill.datasource.store.StateTable;
import io.lancebackfill.datasource.table.DataFileInfo;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.DeletedRows;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.datasource.write.StagedColumnFile;
import io.lancebackfill.state.ColumnOrigin.Part;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.apache.arrow.vector.types.Types.MinorType;
import org.apache.arrow.vector.types.pojo.Field;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.roaringbitmap.RoaringBitmap;

/** Which of a column's records a call reads, and which are ever forgotten. */
class TestDecidingOrigins {
  private static final Instant OLD = Instant.parse("2026-01-02T03:04:05.000006Z");
  private static final Instant NEW = OLD.plus(Duration.ofDays(8));
  private static final Instant WEEK = OLD.plus(Duration.ofDays(7));
  private static final int N = 5;
  private static final int M = 6;

  @TempDir private Path folder;

  private TableState state() {
    return new TableState(DatasetRef.of(folder.resolve("t.lance").toString()));
  }

  private static ComputedColumn column(int... ids) {
    List<TableColumn> columns =
        Arrays.stream(ids)
            .mapToObj(
                id -> {
                  Field field = Field.nullable("c" + id, MinorType.INT.getType());
                  return new TableColumn(id, "c" + id, field, List.of(id));
                })
            .toList();
    DeclaredInputs inputs = new DeclaredInputs(List.of(), Map.of());
    return new ComputedColumn(columns, "1", "sql", "", List.of(), inputs, "f", Map.of(), Map.of());
  }

  private TableSnapshot table(FragmentSnapshot... fragments) {
    return new TableSnapshot(
        state().table(), 1, "2.1", false, List.of(), List.of(fragments), Map.of());
  }

  private static FragmentSnapshot fragment(int id, DataFileInfo... files) {
    return new FragmentSnapshot(id, 10, 0, List.of(files), "");
  }

  private static DataFileInfo holding(String path, int... fields) {
    List<Integer> ids = Arrays.stream(fields).boxed().toList();
    List<Integer> indices = IntStream.range(0, fields.length).boxed().toList();
    return new DataFileInfo(path, ids, indices, 2, 1, 100, null);
  }

  private static ColumnOrigin record(
      String columnIds, int fragment, String path, String replaces, String inputs, Instant at) {
    Part part = new Part("f", inputs, "", RoaringBitmap.bitmapOf(1), new RoaringBitmap());
    return new ColumnOrigin(
        columnIds,
        fragment,
        10,
        new StagedColumnFile(path, List.of(N), List.of(0), 2, 1, 100, 10),
        replaces,
        List.of(part),
        DeletedRows.NONE,
        "job",
        7,
        at);
  }

  private static ColumnOrigin record(int fragment, String path, String replaces) {
    return record("5", fragment, path, replaces, "", OLD);
  }

  @Test
  void areOfTheFilesInTheTableAndOfThoseMadeToTakeTheirPlaces() {
    ColumnOrigins origins = new ColumnOrigins(state());
    origins.append(
        List.of(
            record(0, "former.lance", ""),
            record(0, "it's.lance", "former.lance:[0]"),
            record(0, "staged.lance", "it's.lance:[0]"),
            record(1, "first.lance", ""),
            record(2, "gone.lance", ""),
            record("6", 1, "other.lance", "", "", OLD)));
    TableSnapshot table = table(fragment(0, holding("it's.lance", N)), fragment(1));
    assertThat(origins.deciding(column(N), table))
        .containsOnlyKeys("it's.lance", "staged.lance", "first.lance");
    assertThat(origins.deciding(column(N), table())).isEmpty();
    assertThat(origins.deciding(column(M), table(fragment(1)))).containsOnlyKeys("other.lance");
  }

  @Test
  void ofAGroupAreThoseOfAllItsFiles() {
    ColumnOrigins origins = new ColumnOrigins(state());
    origins.append(
        List.of(
            record("5-6", 0, "both.lance", "", "", OLD),
            record("5-6", 1, "a.lance|b.lance", "", "", OLD),
            record("5-6", 1, "next.lance", "a.lance|b.lance:[0, 0]", "", OLD)));
    TableSnapshot table =
        table(
            fragment(0, holding("both.lance", N, M)),
            fragment(1, holding("a.lance", N), holding("b.lance", M)));
    assertThat(origins.deciding(column(N, M), table))
        .containsOnlyKeys("both.lance", "a.lance|b.lance", "next.lance");
    assertThat(origins.trim(WEEK, Set.of(), () -> Set.of("both.lance", "a.lance", "b.lance")))
        .isOne();
    assertThat(origins.byPath("5-6")).containsOnlyKeys("both.lance", "a.lance|b.lance");
  }

  @Test
  void doNotCostMoreForAllTheFilesThatWere() {
    ColumnOrigins few = new ColumnOrigins(state());
    few.append(List.of(record(0, "now.lance", "former.lance:[0]")));
    TableSnapshot table = table(fragment(0, holding("now.lance", N)), fragment(1));
    long allocatedForFew = allocated(few, table);

    TableState full = new TableState(DatasetRef.of(folder.resolve("full.lance").toString()));
    ColumnOrigins many = new ColumnOrigins(full);
    for (int i = 0; i < 10; i++) {
      int from = i * 10_000;
      many.append(
          IntStream.range(from, from + 10_000)
              .mapToObj(n -> record(0, "file-" + n + ".lance", "file-" + (n - 1) + ".lance:[0]"))
              .toList());
    }
    many.append(List.of(record(0, "now.lance", "file-99999.lance:[0]")));

    assertThat(allocated(many, table)).isLessThan(2 * allocatedForFew);
  }

  private static long allocated(ColumnOrigins origins, TableSnapshot table) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    List<Long> bytes = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      assertThat(origins.deciding(column(N), table)).containsOnlyKeys("now.lance");
      bytes.add(threads.getCurrentThreadAllocatedBytes() - before);
    }
    return bytes.stream().mapToLong(Long::longValue).min().orElseThrow();
  }

  @Test
  void aTrimForgetsFilesThatNoVersionNamesAndThatNoOtherRecordRefersTo() {
    ColumnOrigins origins = new ColumnOrigins(state());
    String madeFrom = "{\"6\":\"input.lance:[0]\"}";
    origins.append(
        List.of(
            record(0, "former.lance", ""),
            record(0, "fresh.lance", "now.lance:[0]"),
            record("5", 0, "now.lance", "former.lance:[0]", madeFrom, OLD),
            record("6", 0, "input.lance", "", "", OLD),
            record("6", 0, "unused.lance", "", "", OLD),
            record("7", 0, "busy.lance", "", "", OLD)));
    origins.append(List.of(record("5", 0, "fresh.lance", "now.lance:[0]", "", NEW)));

    assertThat(origins.trim(WEEK, Set.of("7"), () -> Set.of("now.lance", "base.lance")))
        .isEqualTo(2);

    assertThat(origins.byPath("5")).containsOnlyKeys("now.lance", "fresh.lance");
    assertThat(origins.byPath("6")).containsOnlyKeys("input.lance");
    assertThat(origins.byPath("7")).containsOnlyKeys("busy.lance");
    assertThat(origins.recordedSince(WEEK, Set.of("7"))).containsOnly("fresh.lance", "busy.lance");
  }

  @Test
  void aTrimForgetsRecordsThatANewerOneOfTheSameFileReplaces() {
    ColumnOrigins origins = new ColumnOrigins(state());
    for (int i = 0; i < 3; i++) {
      ColumnOrigin next = record("5", 0, "now.lance", "", "{\"6\":\"\"}", OLD.plusSeconds(i));
      origins.append(List.of(next));
    }
    ColumnOrigin last = record("5", 0, "now.lance", "", "", NEW);
    origins.append(List.of(last));

    assertThat(origins.trim(WEEK, Set.of(), () -> Set.of("now.lance"))).isZero();

    assertThat(origins.byPath("5")).containsExactly(Map.entry("now.lance", last));
    assertThat(new StateTable(state().columns(), List.of()).read(null, List.of())).hasSize(1);
  }

  @Test
  void aTrimOfNothingIsNothing() {
    ColumnOrigins origins = new ColumnOrigins(state());
    assertThat(origins.trim(WEEK, Set.of(), () -> fail("versions were read for nothing"))).isZero();
    assertThat(folder).isEmptyDirectory();
  }

  /** The other way round, a record of a file that was just committed would be forgotten. */
  @Test
  void aTrimAsksForNamedFilesOnceItKnowsTheRecords() {
    ColumnOrigins origins = new ColumnOrigins(state());
    origins.append(List.of(record(0, "unnamed.lance", "")));
    int gone =
        origins.trim(
            WEEK,
            Set.of(),
            () -> {
              origins.append(List.of(record(1, "meanwhile.lance", "")));
              return Set.of();
            });
    assertThat(gone).isOne();
    assertThat(origins.byPath("5")).containsOnlyKeys("meanwhile.lance");
  }
}
