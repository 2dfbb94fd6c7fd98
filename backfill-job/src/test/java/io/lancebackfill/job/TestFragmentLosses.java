package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.HandMade;
import io.lancebackfill.plan.BackfillPlan;
import io.lancebackfill.plan.FragmentPlan;
import io.lancebackfill.state.JobCounts;
import io.lancebackfill.state.JobEvent;
import io.lancebackfill.state.JobStatus;
import io.lancebackfill.state.RowOffsets;
import io.lancebackfill.task.ProcessLoss;
import io.lancebackfill.task.ProcessLoss.Cause;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TestFragmentLosses {
  private final Job job = new Job();

  /** Keeps what it is told. */
  private static final class Job implements FragmentLosses.Job {
    private final List<String> attempts = new ArrayList<>();
    private final List<String> lost = new ArrayList<>();
    private final List<String> notices = new ArrayList<>();
    private boolean nothingIsDone;

    @Override
    public void attempt(String fragments) {
      attempts.add(fragments);
    }

    @Override
    public void lost(String message) {
      lost.add(message);
    }

    @Override
    public void notice(String message) {
      notices.add(message);
    }

    @Override
    public String memory() {
      return "An executor has 700 MiB.";
    }

    @Override
    public boolean nothingIsDone() {
      return nothingIsDone;
    }
  }

  private FragmentLosses losses(JobEvent... events) {
    return new FragmentLosses(List.of(events), "k", job);
  }

  private static ProcessLoss crash(String reason) {
    return new ProcessLoss(Cause.CRASH, reason);
  }

  private static FragmentPlan fragment(int id, int left) {
    return HandMade.toCompute(id, 1000, RowOffsets.range(0, left));
  }

  private static BackfillPlan plan(List<FragmentPlan> fragments) {
    return new BackfillPlan(fragments, 0, 0, 0, Set.of(), List.of(), 0, List.of());
  }

  /** Fragments of a hundred rows each. */
  private static BackfillPlan plan(int... ids) {
    return plan(IntStream.of(ids).mapToObj(id -> fragment(id, 100)).toList());
  }

  private static List<Integer> ids(BackfillPlan plan) {
    return plan.fragments().stream().map(FragmentPlan::fragmentId).toList();
  }

  private static JobEvent event(long epoch, String event, String message) {
    return new JobEvent(
        "job" + epoch,
        Instant.EPOCH,
        event,
        JobStatus.RUNNING,
        "n",
        "2",
        "driver",
        epoch,
        "",
        1,
        JobCounts.NONE,
        0,
        0,
        "{}",
        "",
        message);
  }

  /** "1 k 5:100" is an attempt in epoch 1; "2 end" the end of a job. */
  private static JobEvent event(String text) {
    String[] parts = text.strip().split(" ", 2);
    long epoch = Long.parseLong(parts[0]);
    return parts[1].equals("end")
        ? event(epoch, JobEvent.ENDED, "")
        : event(epoch, JobEvent.ATTEMPT, parts[1]);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        // what earlier drivers recorded | fragments and rows left | chosen | suspects | set aside
        "'' | 4:100 5:100 | 4 5 | '' | ''",
        "1 k 5:100 | 4:100 5:100 | 4 | 5 | ''",
        "1 k 4:100 5:100 | 4:100 5:100 | '' | 4 5 | ''",
        "1 k 5:100, 2 k 5:100 | 4:100 5:100 | 4 | '' | 5",
        "1 k 5:100, 1 k 4:100, 2 k 5:100 | 4:100 5:100 | '' | 4 | 5",
        // It got on before, or after, the death before the last one.
        "1 k 5:100, 2 k 5:60 | 5:60 | '' | 5 | ''",
        "1 k 5:100, 2 k 5:100 | 5:60 | 5 | '' | ''",
        "1 k 5:100, 2 k 5:60, 3 k 5:60 | 5:60 | '' | '' | 5",
        "1 k 5:100, 2 k 5:100, 3 k 5:60 | 5:60 | '' | 5 | ''",
        // A driver that records a fragment twice died once.
        "1 k 5:100, 1 k 5:100 | 5:100 | '' | 5 | ''",
        // Jobs that ended, and other functions.
        "1 k 5:100, 1 end | 5:100 | 5 | '' | ''",
        "1 k 5:100, 1 end, 2 k 5:100 | 5:100 | '' | 5 | ''",
        "1 other 5:100, 2 k 5:100 | 5:100 | '' | 5 | ''",
        // Fragments that are not planned any more.
        "1 k 5:100, 2 k 5:100 | 4:100 | 4 | '' | ''",
      })
  void driversThatDiedCount(
      String events, String planned, String chosen, String suspects, String setAside) {
    FragmentLosses losses =
        losses(
            events.isEmpty()
                ? new JobEvent[0]
                : Arrays.stream(events.split(","))
                    .map(TestFragmentLosses::event)
                    .toArray(JobEvent[]::new));
    BackfillPlan plan =
        plan(
            Arrays.stream(planned.split(" "))
                .map(pair -> pair.split(":"))
                .map(pair -> fragment(Integer.parseInt(pair[0]), Integer.parseInt(pair[1])))
                .toList());
    assertThat(joined(ids(losses.choose(plan)))).isEqualTo(chosen);
    assertThat(losses.more()).isEqualTo(!suspects.isEmpty());
    if (losses.isolating()) {
      assertThat(joined(ids(losses.choose(plan)))).isEqualTo(suspects);
    }
    assertThat(joined(List.copyOf(losses.setAside()))).isEqualTo(setAside);
  }

  private static String joined(List<Integer> ids) {
    return ids.stream().map(String::valueOf).collect(Collectors.joining(" "));
  }

  @Test
  void allSuspectsAreComputedInOneRoundAfterTheOthers() {
    FragmentLosses losses = losses();
    BackfillPlan plan = plan(IntStream.range(0, 20).toArray());
    assertThat(ids(losses.choose(plan))).hasSize(20);
    assertThat(losses.isolating()).isFalse();
    for (int id = 0; id < 16; id++) {
      losses.lost(id, crash("executor 3 exited"));
    }
    assertThat(job.lost)
        .hasSize(16)
        .first()
        .asString()
        .startsWith("A process that computed fragment 0 was lost; the fragment is computed again")
        .endsWith("executor 3 exited");
    assertThat(losses.more()).isTrue();
    assertThat(losses.isolating()).isTrue();
    assertThat(ids(losses.choose(plan(IntStream.range(0, 16).toArray())))).hasSize(16);
    losses.lost(7, crash("executor 4 exited"));
    assertThat(job.lost.get(16)).startsWith("[PROCESS_LOST] Fragment 7 is set aside");
    assertThat(losses.more()).isFalse();
    assertThat(losses.setAside()).containsExactly(7);
  }

  @Test
  void rangesOfAFragmentThatAreLostInARoundAreOneLoss() {
    FragmentLosses losses = losses();
    losses.choose(plan(5, 6));
    losses.lost(5, crash("gone"));
    losses.lost(5, crash("gone"));
    assertThat(job.lost).hasSize(1);
    assertThat(losses.setAside()).isEmpty();
    assertThat(losses.more()).isTrue();
    losses.choose(plan(5));
    losses.lost(5, crash("gone"));
    losses.lost(5, crash("gone"));
    assertThat(job.lost).hasSize(2);
    assertThat(losses.setAside()).containsExactly(5);
  }

  @Test
  void whatSparkLeftIsPlannedAgainBeforeTheSuspects() {
    FragmentLosses losses = losses();
    losses.choose(plan(4, 5, 6));
    losses.lost(5, crash("gone"));
    losses.planAgain();
    assertThat(losses.more()).isTrue();
    assertThat(losses.isolating()).isFalse();
    assertThat(ids(losses.choose(plan(5, 6)))).containsExactly(6);
    assertThat(losses.more()).isTrue();
    assertThat(losses.isolating()).isTrue();
    assertThat(ids(losses.choose(plan(5)))).containsExactly(5);
    losses.lost(5, crash("gone"));
    losses.planAgain();
    assertThat(losses.more()).isFalse();
    assertThat(losses.setAside()).containsExactly(5);
  }

  @Test
  void suspectsThatOthersChangedAreComputedAloneAgain() {
    FragmentLosses losses = losses();
    losses.choose(plan(4, 5, 6));
    losses.lost(5, crash("gone"));
    losses.lost(6, crash("gone"));
    losses.more();
    assertThat(ids(losses.choose(plan(5, 6)))).containsExactly(5, 6);
    // 6 was refused: the job plans again without asking for more.
    assertThat(ids(losses.choose(plan(6)))).containsExactly(6);
    assertThat(losses.isolating()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void threeWithNothingToShowForItEndTheJob(boolean nothingIsDone) {
    job.nothingIsDone = nothingIsDone;
    FragmentLosses losses = losses();
    losses.choose(plan(1, 2, 3, 4));
    IntStream.range(1, 5).forEach(id -> losses.lost(id, crash("first")));
    losses.more();
    losses.choose(plan(1, 2, 3, 4));
    losses.lost(1, crash("second"));
    losses.lost(2, crash("second"));
    if (nothingIsDone) {
      assertThatThrownBy(() -> losses.lost(3, crash("second")))
          .hasMessageContaining("[PROCESS_LOST] Fragments [1, 2, 3] each took 2 processes with")
          .hasMessageContaining("second");
    } else {
      losses.lost(3, crash("second"));
      assertThat(losses.more()).isFalse();
      assertThat(losses.setAside()).containsExactly(1, 2, 3);
    }
  }

  @Test
  void aTableWithNothingButALostFragmentEndsTheJob() {
    job.nothingIsDone = true;
    FragmentLosses losses = losses();
    losses.choose(plan(0));
    losses.lost(0, crash("gone"));
    assertThat(losses.more()).isTrue();
    losses.choose(plan(0));
    losses.lost(0, crash("gone"));
    assertThatThrownBy(losses::more).hasMessageContaining("[PROCESS_LOST] Fragments [0] each");
  }

  @Test
  void aFragmentThatRunsOutOfMemoryTwiceIsSetAsideWithTheLimitAndTheRemedy() {
    FragmentLosses losses = losses();
    losses.choose(plan(4, 5));
    losses.lost(5, new ProcessLoss(Cause.MEMORY, "exit code 137"));
    assertThat(job.lost)
        .containsExactly(
            "A process that computed fragment 5 ran out of memory; the fragment is computed again by itself and in smaller batches, after the others. exit code 137");
    losses.more();
    losses.choose(plan(5));
    losses.lost(5, new ProcessLoss(Cause.MEMORY, "exit code 137"));
    assertThat(job.lost.get(1))
        .startsWith("[EXECUTOR_OUT_OF_MEMORY] Fragment 5 is set aside: 2 processes")
        .contains("exit code 137 An executor has 700 MiB.", "spark.executor.memoryOverhead");
    assertThat(losses.more()).isFalse();
    assertThat(losses.outOfMemory()).containsExactly(5);
    assertThat(losses.setAside()).containsExactly(5);
  }

  @Test
  void aTableOfWhichNothingFitsIntoMemoryEndsTheJobWithThatCode() {
    job.nothingIsDone = true;
    FragmentLosses losses = losses();
    for (int round = 0; round < 2; round++) {
      losses.choose(plan(0));
      losses.lost(0, new ProcessLoss(Cause.MEMORY, "exit code 52"));
      if (round == 0) {
        assertThat(losses.more()).isTrue();
      }
    }
    assertThatThrownBy(losses::more)
        .hasMessageStartingWith("[EXECUTOR_OUT_OF_MEMORY] Fragments [0] each ran 2 processes")
        .hasMessageContaining("An executor has 700 MiB. Raise spark.executor.memory");
  }

  @Test
  void whatTheClusterTakesNeverCounts() {
    FragmentLosses losses = losses();
    for (int round = 0; round < 20; round++) {
      assertThat(ids(losses.choose(plan(4, 5)))).containsExactly(4, 5);
      losses.lost(4, new ProcessLoss(Cause.CLUSTER, "[NODE_LOST] the node went"));
      losses.lost(5, new ProcessLoss(Cause.CLUSTER, "[NODE_LOST] the node went"));
      assertThat(losses.more()).as("planned again").isTrue();
      assertThat(losses.isolating()).isFalse();
    }
    losses.choose(plan(4, 5));
    assertThat(losses.more()).isFalse();
    assertThat(job.lost).isEmpty();
    assertThat(job.notices)
        .containsExactly(
            "An executor was lost, and nothing says that it was for what it computed; that is planned again from its last checkpoints. [NODE_LOST] the node went");
  }

  @Test
  void aSuspectWhoseNodeWentIsComputedAloneOnceMore() {
    FragmentLosses losses = losses();
    losses.choose(plan(4, 5));
    losses.lost(4, crash("first"));
    losses.lost(5, crash("first"));
    losses.more();
    losses.choose(plan(4, 5));
    losses.lost(5, new ProcessLoss(Cause.CLUSTER, "node"));
    assertThat(losses.more()).isTrue();
    assertThat(losses.isolating()).isTrue();
    assertThat(ids(losses.choose(plan(5)))).containsExactly(5);
    assertThat(losses.more()).isFalse();
    assertThat(losses.setAside()).isEmpty();
  }

  @Test
  void aFragmentThatIsKilledAgainAndAgainCountsInTheEnd() {
    FragmentLosses losses = losses();
    for (int kill = 1; kill < 4; kill++) {
      losses.choose(plan(4, 5));
      losses.lost(5, new ProcessLoss(Cause.KILLED, "exit code 137"));
      assertThat(job.lost).isEmpty();
      assertThat(losses.more()).isTrue();
    }
    losses.choose(plan(4, 5));
    losses.lost(5, new ProcessLoss(Cause.KILLED, "exit code 137"));
    assertThat(job.lost).hasSize(1);
    losses.more();
    losses.choose(plan(5));
    losses.lost(5, new ProcessLoss(Cause.KILLED, "exit code 137"));
    assertThat(job.lost.get(1)).startsWith("[PROCESS_LOST] Fragment 5 is set aside");
  }

  @Test
  void recordsTheRowsThatAreLeft() {
    losses().recorder(plan(List.of(fragment(4, 7), fragment(5, 9)))).accept(List.of(4, 5, 6));
    assertThat(job.attempts).containsExactly("k 4:7 5:9 6:0");
  }

  @Test
  void attemptsAreRecordedOnceTheLastJobDiedWithoutAWord() {
    JobEvent began = event(1, JobEvent.STARTED, "");
    JobEvent ended = event(1, JobEvent.ENDED, "");
    JobEvent tidied = event(1, JobEvent.TIDIED, "");
    JobEvent again = event(2, JobEvent.STARTED, "");
    assertThat(losses().afterDeath()).isFalse();
    assertThat(losses(began, ended, tidied).afterDeath()).isFalse();
    assertThat(losses(began).afterDeath()).isTrue();
    assertThat(losses(began, ended, again).afterDeath()).isTrue();
  }
}
