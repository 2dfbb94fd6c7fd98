package io.lancebackfill.coverage;

import static io.lancebackfill.HandMade.rows;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.FakeFinder;
import io.lancebackfill.HandMade;
import io.lancebackfill.datasource.history.TableChange.Gap;
import io.lancebackfill.datasource.store.StateTable;
import io.lancebackfill.datasource.store.StateTable.Column;
import io.lancebackfill.datasource.store.StateTable.Type;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.state.JobEvent;
import io.lancebackfill.state.JobRecords;
import io.lancebackfill.state.TableState;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TestStoredPast {
  @TempDir private Path folder;
  private final FakeFinder finder = new FakeFinder();
  private DatasetRef table = DatasetRef.of("unset");
  private StoredPast past = new StoredPast(finder, table, "7");

  /** Some Lance dataset: two appends of a row. */
  @BeforeEach
  void prepare() {
    table = DatasetRef.of(folder.resolve("t.lance").toString());
    past = new StoredPast(finder, table, "7");
    StateTable rows = new StateTable(table, List.of(new Column("n", Type.LONG)));
    rows.append(List.of(List.of(1L)));
    rows.append(List.of(List.of(2L)));
  }

  @Test
  void looksForLiveRowsInTheVersionThatIsAskedFor() {
    long newest = LanceTables.latest(table).version();
    finder.alive.put(newest - 1, Map.of(0, rows(2)));
    assertThat(past.at(newest - 1).fragments()).hasSize(1);
    assertThat(past.alive(newest - 1, Map.of(0, rows(1, 2)))).isEqualTo(Map.of(0, rows(2)));
    assertThat(finder.asked).containsExactly((newest - 1) + " true 0{1,2}");
  }

  @Test
  void aVersionThatIsGoneIsNotFoundAndAGap() {
    long newest = LanceTables.latest(table).version();
    assertThat(past.changes(newest - 1, newest)).as("an append is no change").isEmpty();
    assertThat(past.changes(newest, newest)).isEmpty();
    assertThat(past.changes(newest, newest + 2)).containsExactly(new Gap(newest + 1, newest + 2));
    assertThatThrownBy(() -> past.alive(newest + 1, Map.of(0, rows(1))))
        .isInstanceOfSatisfying(
            DatasetException.class,
            e -> assertThat(e.kind()).isEqualTo(DatasetException.Kind.NOT_FOUND))
        .hasMessageStartingWith("Version " + (newest + 1));
    assertThat(finder.asked).isEmpty();
  }

  @Test
  void remembersAllJobsOnTheColumn() {
    JobRecords records = new JobRecords(new TableState(table));
    for (long epoch = 1; epoch <= 3; epoch++) {
      records.append(List.of(planned("7", epoch, 10 * epoch), planned("8", epoch, 99)));
    }
    assertThat(past.everFollowed().byEpoch()).isEqualTo(Map.of(1L, 10L, 2L, 20L, 3L, 30L));
    assertThat(past.everFollowed().to()).isEqualTo(30);
  }

  private static JobEvent planned(String columnIds, long epoch, long version) {
    return HandMade.event("j", JobEvent.PLANNED, columnIds, epoch, version, Instant.EPOCH);
  }
}
