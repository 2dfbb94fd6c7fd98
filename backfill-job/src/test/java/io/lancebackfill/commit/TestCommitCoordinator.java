package io.lancebackfill.commit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.HandMade;
import io.lancebackfill.datasource.commit.ColumnFileAttachment;
import io.lancebackfill.datasource.commit.ColumnGoneException;
import io.lancebackfill.datasource.commit.CommitFailedException;
import io.lancebackfill.datasource.commit.CommitOutcome;
import io.lancebackfill.datasource.commit.CommitStateUnknownException;
import io.lancebackfill.datasource.commit.GroupCommitter;
import io.lancebackfill.datasource.commit.LostOwnershipException;
import io.lancebackfill.datasource.commit.Refusal;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.DeletedRows;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.failure.ErrorRecord;
import io.lancebackfill.state.OriginLog;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class TestCommitCoordinator {
  private static final Duration MINUTE = Duration.ofMinutes(1);
  private static final long MS = 1_000_000;
  private static final long SECOND = 1000 * MS;

  /** What was recorded and committed, in order. */
  private final List<String> done = new ArrayList<>();

  private final List<CommitOutcome> told = new ArrayList<>();
  private final FakeTable table = new FakeTable();
  private long now = 5 * SECOND;
  private @Nullable RuntimeException recordFails;

  /**
   * Takes every file, but those that it is told to refuse; a commit lasts as long as it is told.
   */
  private final class FakeTable implements GroupCommitter {
    private final Map<Integer, Refusal> refuses = new HashMap<>();
    private @Nullable RuntimeException fails;
    private long lasts;
    private long version = 10;
    private Map<String, String> properties = Map.of();
    private boolean asked;

    @Override
    public CommitOutcome commit(
        List<ColumnFileAttachment> group,
        Map<String, String> transactionProperties,
        BooleanSupplier stillOwner) {
      List<Integer> ids = group.stream().map(ColumnFileAttachment::fragmentId).toList();
      now += lasts;
      properties = transactionProperties;
      asked = stillOwner.getAsBoolean();
      if (fails != null) {
        RuntimeException failure = fails;
        fails = null;
        throw failure;
      }
      done.add("commit " + ids);
      Map<Integer, Refusal> refused = new HashMap<>(refuses);
      refused.keySet().retainAll(ids);
      return new CommitOutcome(
          ++version,
          1,
          ids.stream().filter(id -> !refused.containsKey(id)).toList(),
          refused,
          Map.of(),
          Set.of());
    }
  }

  private CommitCoordinator coordinator(@Nullable Integer granularity, Duration interval) {
    OriginLog log =
        origins -> {
          if (recordFails != null) {
            RuntimeException failure = recordFails;
            recordFails = null;
            throw failure;
          }
          done.add("record " + origins.stream().map(o -> o.fragmentId()).toList());
        };
    return new CommitCoordinator(
        table,
        log,
        errors -> done.add("errors " + errors.stream().map(ErrorRecord::fragmentId).toList()),
        new CommitSchedule(new CommitGranularity(granularity, 0), interval, () -> now),
        Map.of("job", "j"),
        () -> true,
        told::add);
  }

  private static StagedFragment staged(int id) {
    FragmentSnapshot fragment = HandMade.fragment(id, 10, HandMade.file("v" + id, 1));
    return new StagedFragment(
        new ColumnFileAttachment(
            id, 10, HandMade.staged("v" + id, 10), null, List.of(), DeletedRows.NONE),
        HandMade.origin(fragment),
        List.of());
  }

  private static void add(CommitCoordinator to, int first, int count) {
    for (int id = first; id < first + count; id++) {
      to.add(staged(id));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "1 | 0 | ''",
        "1 | 1 | record [0], commit [0]",
        "2 | 1 | ''",
        "2 | 2 | record [0, 1], commit [0, 1]",
        "2 | 3 | record [0, 1, 2], commit [0, 1]",
        "2 | 5 | record [0, 1, 2, 3, 4], commit [0, 1], commit [2, 3]",
        "3 | 2 | ''",
      })
  void commitsWholeGroupsThatAreRecordedBefore(int granularity, int added, String expected) {
    CommitCoordinator coordinator = coordinator(granularity, MINUTE);
    add(coordinator, 0, added);
    coordinator.tick();
    assertThat(String.join(", ", done)).isEqualTo(expected);
    coordinator.tick();
    assertThat(String.join(", ", done)).as("a second look changes nothing").isEqualTo(expected);
    assertThat(coordinator.commits()).isEqualTo(told.size());
  }

  @Test
  void recordsWhatWaitsForItsGroupWithinHalfASecond() {
    CommitCoordinator coordinator = coordinator(3, MINUTE);
    add(coordinator, 0, 1);
    now += 200 * MS;
    add(coordinator, 1, 1);
    now += 300 * MS - 1;
    coordinator.tick();
    assertThat(done).isEmpty();
    now++;
    coordinator.tick();
    assertThat(done).containsExactly("record [0, 1]");
    add(coordinator, 2, 1);
    coordinator.tick();
    assertThat(done).containsExactly("record [0, 1]", "record [2]", "commit [0, 1, 2]");
  }

  @Test
  void theIntervalEndsTheWaitOfWhatDoesNotFillAGroup() {
    CommitCoordinator coordinator = coordinator(2, MINUTE);
    add(coordinator, 0, 3);
    coordinator.tick();
    now += MINUTE.toNanos() - 1;
    coordinator.tick();
    assertThat(done).containsExactly("record [0, 1, 2]", "commit [0, 1]");
    now++;
    coordinator.tick();
    assertThat(done).endsWith("commit [2]").hasSize(3);
  }

  @Test
  void theIntervalCountsFromTheFirstOfThoseThatWait() {
    CommitCoordinator coordinator = coordinator(100, MINUTE);
    now += MINUTE.toNanos();
    coordinator.tick();
    coordinator.adopt(staged(0));
    now += MINUTE.toNanos() - 1;
    add(coordinator, 1, 1);
    coordinator.tick();
    assertThat(done).isEmpty();
    now++;
    coordinator.tick();
    assertThat(done).containsExactly("record [1]", "commit [0, 1]");
  }

  @Test
  void doesNotRecordAgainWhatItAdopts() {
    CommitCoordinator coordinator = coordinator(2, MINUTE);
    coordinator.adopt(staged(7));
    coordinator.adopt(staged(8));
    coordinator.tick();
    assertThat(done).containsExactly("commit [7, 8]");
  }

  @Test
  void commitsOfTheAdaptiveSizeTakeATenthOfTheTimeAtMost() {
    table.lasts = SECOND;
    CommitCoordinator coordinator = coordinator(null, MINUTE);
    add(coordinator, 0, 1);
    coordinator.tick();
    add(coordinator, 1, 1);
    now += 9 * SECOND - 1;
    coordinator.tick();
    assertThat(done).containsExactly("record [0]", "commit [0]", "record [1]");
    now++;
    coordinator.tick();
    assertThat(done).endsWith("commit [1]");
  }

  @Test
  void theIntervalEndsTheRest() {
    table.lasts = SECOND;
    CommitCoordinator coordinator = coordinator(null, Duration.ofSeconds(5));
    add(coordinator, 0, 1);
    coordinator.tick();
    add(coordinator, 1, 1);
    now += 5 * SECOND;
    coordinator.tick();
    assertThat(done).endsWith("commit [1]");
  }

  @Test
  void aGivenGranularityKnowsNoRest() {
    table.lasts = SECOND;
    CommitCoordinator coordinator = coordinator(1, MINUTE);
    add(coordinator, 0, 1);
    coordinator.tick();
    add(coordinator, 1, 1);
    coordinator.tick();
    assertThat(done).endsWith("commit [1]");
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "adaptive",
      delimiter = '|',
      value = {
        "2 | 0 | ''",
        "2 | 1 | 1",
        "2 | 5 | 2 2 1",
        "100 | 5 | 5",
        // Readers see the first ones together: there is no manifest worth a word beside them.
        "adaptive | 5 | 5",
        "adaptive | 130 | 64 64 2",
      })
  void flushLeavesNothing(@Nullable Integer granularity, int added, String groups) {
    CommitCoordinator coordinator = coordinator(granularity, MINUTE);
    add(coordinator, 0, added);
    coordinator.flush();
    List<String> commits = done.stream().filter(what -> what.startsWith("commit")).toList();
    assertThat(commits.stream().map(c -> "" + c.split(",").length).toList())
        .isEqualTo(groups.isEmpty() ? List.of() : List.of(groups.split(" ")));
    assertThat(done).hasSize(commits.size() + (added == 0 ? 0 : 1));
    assertThat(coordinator.committed()).hasSize(added);
  }

  @Test
  void keepsAccountOfWhatBecameOfEach() {
    table.refuses.put(1, Refusal.FRAGMENT_GONE);
    table.refuses.put(4, Refusal.INPUT_CHANGED);
    CommitCoordinator coordinator = coordinator(2, MINUTE);
    assertThat(coordinator.version()).isZero();
    add(coordinator, 0, 5);
    coordinator.flush();
    assertThat(coordinator.committed()).containsOnlyKeys(0, 2, 3);
    assertThat(coordinator.committed().get(3)).isEqualTo(staged(3).attachment());
    assertThat(coordinator.refused())
        .isEqualTo(Map.of(1, Refusal.FRAGMENT_GONE, 4, Refusal.INPUT_CHANGED));
    assertThat(coordinator.commits()).isEqualTo(3);
    assertThat(coordinator.version()).isEqualTo(13);
    assertThat(told).hasSize(3);
    assertThat(table.properties).isEqualTo(Map.of("job", "j"));
    assertThat(table.asked).as("the owner is asked").isTrue();
  }

  @Test
  void theVersionNeverGoesBack() {
    CommitCoordinator coordinator = coordinator(1, MINUTE);
    add(coordinator, 0, 1);
    coordinator.flush();
    table.version = 3;
    add(coordinator, 1, 1);
    coordinator.flush();
    assertThat(coordinator.version()).isEqualTo(11);
  }

  static Stream<Arguments> failures() {
    return Stream.of(
        Arguments.of(new ColumnGoneException("gone."), BackfillErrorCode.COLUMN_DROPPED, "gone."),
        Arguments.of(
            new LostOwnershipException("not ours"),
            BackfillErrorCode.LEASE_LOST,
            "Another driver has taken this column's job over"),
        Arguments.of(
            new CommitStateUnknownException("who knows", new RuntimeException()),
            BackfillErrorCode.COMMIT_STATE_UNKNOWN,
            "who knows"),
        Arguments.of(
            new CommitFailedException("busy", new RuntimeException(), true, true),
            BackfillErrorCode.COMMIT_FAILED,
            "busy"),
        Arguments.of(
            new CommitFailedException("refused", new RuntimeException(), false, false),
            BackfillErrorCode.COMMIT_FAILED,
            "refused"));
  }

  /** After any of them the files still wait, recorded once; the same call settles what became. */
  @ParameterizedTest
  @MethodSource("failures")
  void aFailedCommitLosesNothing(RuntimeException failure, BackfillErrorCode code, String message) {
    CommitCoordinator coordinator = coordinator(2, MINUTE);
    add(coordinator, 0, 2);
    table.fails = failure;
    assertThatThrownBy(coordinator::tick)
        .isInstanceOfSatisfying(BackfillException.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContaining(message)
        .hasCause(failure);
    assertThat(coordinator.committed()).isEmpty();
    assertThat(told).isEmpty();
    coordinator.flush();
    assertThat(done).containsExactly("record [0, 1]", "commit [0, 1]");
  }

  @Test
  void aTableThatCannotBeReadIsNoBackfillErrorYet() {
    CommitCoordinator coordinator = coordinator(1, MINUTE);
    add(coordinator, 0, 1);
    DatasetException unavailable =
        new DatasetException(
            DatasetException.Kind.UNAVAILABLE, DatasetRef.of("/t"), "no answer", null);
    table.fails = unavailable;
    assertThatThrownBy(coordinator::flush).isSameAs(unavailable);
    coordinator.flush();
    assertThat(coordinator.committed()).containsOnlyKeys(0);
  }

  @Test
  void nothingIsCommittedThatCouldNotBeRecorded() {
    CommitCoordinator coordinator = coordinator(1, MINUTE);
    add(coordinator, 0, 2);
    recordFails = new IllegalStateException("no room");
    assertThatThrownBy(coordinator::tick).hasMessage("no room");
    assertThat(done).isEmpty();
    coordinator.tick();
    assertThat(done).containsExactly("record [0, 1]", "commit [0]", "commit [1]");
  }
}
