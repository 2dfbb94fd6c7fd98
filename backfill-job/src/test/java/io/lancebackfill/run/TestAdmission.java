package io.lancebackfill.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TestAdmission {
  private static final int SLOTS = 4;

  private final List<List<Integer>> recorded = new ArrayList<>();
  private long now = -5;

  private void seconds(long seconds) {
    now += TimeUnit.SECONDS.toNanos(seconds);
  }

  @ParameterizedTest
  @CsvSource({"0, 0, 2147483647", "0, 900, 2147483647", "3, 0, 3", "3, 2, 1", "3, 3, 0"})
  void withoutRecordsOnlyTheConcurrencyCounts(int concurrency, int inFlight, int room) {
    assertThat(new Admission(concurrency, SLOTS, null, () -> {}, () -> now).room(inFlight))
        .isEqualTo(room);
  }

  /** Two per slot, or as many as are done in a second; and none while more than the slots run. */
  @ParameterizedTest
  @CsvSource({
    // concurrency, seconds, finished, in flight, room
    "0, 0, 0, 0, 8",
    "0, 0, 0, 4, 4",
    "0, 0, 0, 5, 0",
    "0, 0, 300, 0, 300", // The first second counts as a whole one.
    "0, 1, 300, 4, 296",
    "0, 10, 300, 0, 30",
    "0, 100, 300, 0, 8",
    "3, 0, 0, 0, 3",
    "3, 0, 0, 3, 0",
    "1, 1, 300, 0, 1",
    "1, 1, 300, 1, 0",
  })
  void recordsLittleMoreThanRuns(
      int concurrency, int seconds, int finished, int inFlight, int room) {
    Admission admission = new Admission(concurrency, SLOTS, recorded::add, () -> {}, () -> now);
    seconds(seconds);
    admission.finished(finished);
    assertThat(admission.room(inFlight)).isEqualTo(room);
  }

  @Test
  void recordsAFragmentOnceBeforeItsFirstTask() {
    Admission admission = new Admission(0, SLOTS, recorded::add, () -> {}, () -> now);
    admission.begin(List.of(3, 3, 4));
    admission.begin(List.of(3, 4));
    admission.begin(List.of(4, 5));
    assertThat(recorded).containsExactly(List.of(3, 4), List.of(5));
  }

  @Test
  void recordsNothingWhereItNeedNot() {
    new Admission(0, SLOTS, null, () -> {}, () -> now).begin(List.of(3));
    assertThat(recorded).isEmpty();
  }
}
