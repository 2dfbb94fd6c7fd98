package io.lancebackfill.state;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.HandMade;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.state.JobRecords.Followed;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TestJobRecords {
  @TempDir private Path folder;
  private JobRecords records = new JobRecords(new TableState(DatasetRef.of("unset")));

  @BeforeEach
  void prepare() {
    records = new JobRecords(new TableState(DatasetRef.of(folder.resolve("t.lance").toString())));
  }

  @Test
  void hasNothingBeforeTheFirstJob() {
    assertThat(records.events(null)).isEmpty();
    assertThat(records.decidingOn("7")).isEmpty();
    assertThat(records.followed("7").to()).isZero();
    assertThat(JobRecords.last(List.of())).isEmpty();
    assertThat(records.trim("7", 100)).isZero();
    records.tidy("7", 1);
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void readsTheEventsThatDecideAndNotThoseBefore() {
    for (int epoch = 1; epoch <= 40; epoch++) {
      job("j" + epoch, "7", epoch, 100 + epoch);
    }
    job("other", "8", 41, 999);

    List<JobEvent> deciding = records.decidingOn("7");

    assertThat(deciding).hasSize(16 * 3).first().extracting(JobEvent::jobId).isEqualTo("j25");
    assertThat(records.followed("7").to()).isEqualTo(140);
    assertThat(JobRecords.last(deciding).orElseThrow().jobId()).isEqualTo("j40");
  }

  @Test
  void whoHoldsTheLeaseReadsTheSameEvents() {
    for (int epoch = 1; epoch <= 40; epoch++) {
      job("j" + epoch, "7", epoch, 100 + epoch);
    }
    assertThat(records.decidingOn("7", 40)).isEqualTo(records.decidingOn("7"));
    assertThat(records.decidingOn("7", 41)).hasSize(15 * 3).isSubsetOf(records.decidingOn("7"));
    // A lease that was made anew begins with low epochs.
    assertThat(records.decidingOn("7", 1)).hasSize(40 * 3);
    assertThat(records.decidingOn("7", 1000))
        .isNotEmpty()
        .endsWith(records.decidingOn("7").get(47));
    assertThat(records.decidingOn("8", 5)).isEmpty();
  }

  @Test
  void looksBackToTheLastEndAndTheLastPlan() {
    job("ended", "7", 1, 50);
    for (int epoch = 2; epoch <= 60; epoch++) {
      records.append(
          List.of(HandMade.event("killed" + epoch, "STARTED", "7", epoch, 0, Instant.EPOCH)));
    }

    assertThat(records.decidingOn("7")).hasSize(3 + 59);
    assertThat(records.followed("7").to()).isEqualTo(50);
  }

  @Test
  void theLastJobIsTheOneWithTheHighestEpochWhateverItsClockSaid() {
    Instant ahead = Instant.parse("2030-01-01T00:00:00Z");
    records.append(List.of(HandMade.event("a", "STARTED", "7", 1, 0, ahead)));
    records.append(List.of(HandMade.event("b", "STARTED", "7", 2, 0, Instant.EPOCH)));
    records.append(List.of(HandMade.event("b", "ENDED", "7", 2, 0, Instant.EPOCH.plusSeconds(1))));

    JobEvent last = JobRecords.last(records.decidingOn("7")).orElseThrow();

    assertThat(last.jobId()).isEqualTo("b");
    assertThat(last.event()).isEqualTo("ENDED");
  }

  @Test
  void forgetsTheOldestJobsOfAColumn() {
    IntStream.rangeClosed(1, 5).forEach(epoch -> job("j" + epoch, "7", epoch, epoch));
    job("other", "8", 1, 1);

    assertThat(records.trim("7", 3)).isEqualTo(9);

    assertThat(records.events(null))
        .extracting(JobEvent::jobId)
        .containsOnly("j4", "j5", "other")
        .hasSize(9);
  }

  /**
   * Records of these epochs; each job of the history followed the table up to ten times its epoch.
   */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "''    | 30", // no record at all: as far as any job
        "2     | 20",
        "3 1 2 | 10",
        "0     | 30", // another writer's rows
        "0 3   | 30",
        "3 9   | 0", // a job that is not remembered
      })
  void theFirstOfTheJobsSaysFromWhereHistoryCounts(String epochs, long version) {
    Followed followed = new Followed(30, Map.of(1L, 10L, 2L, 20L, 3L, 30L));
    List<ColumnOrigin> origins = new ArrayList<>();
    for (String epoch : epochs.isEmpty() ? new String[0] : epochs.split(" ")) {
      FragmentSnapshot fragment =
          HandMade.fragment(origins.size(), 5, HandMade.file("v" + origins.size(), 1));
      ColumnOrigin origin = HandMade.origin(fragment);
      origins.add(
          new ColumnOrigin(
              origin.columnIds(),
              origin.fragmentId(),
              origin.physicalRows(),
              origin.file(),
              "",
              List.of(),
              origin.deleted(),
              "j",
              Long.parseLong(epoch),
              origin.at()));
    }
    assertThat(followed.first(origins)).isEqualTo(version);
    assertThat(followed.upTo(40).first(List.of())).isEqualTo(40);
  }

  private void job(String id, String columnIds, long epoch, long version) {
    records.append(
        List.of(HandMade.event(id, "STARTED", columnIds, epoch, version, Instant.EPOCH)));
    records.append(
        List.of(HandMade.event(id, JobEvent.PLANNED, columnIds, epoch, version, Instant.EPOCH)));
    records.append(
        List.of(HandMade.event(id, JobEvent.ENDED, columnIds, epoch, version, Instant.EPOCH)));
  }
}
