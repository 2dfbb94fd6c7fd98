package io.lancebackfill.job;

import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.plan.BackfillPlan;
import io.lancebackfill.plan.FragmentPlan;
import io.lancebackfill.state.JobEvent;
import io.lancebackfill.task.ProcessLoss;
import io.lancebackfill.task.ProcessLoss.Cause;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * Fragments whose computation takes its process down. A lost process may have worked on several
 * fragments, so each of them is computed again, after the others, alone in its process; one that
 * takes a second process with it is set aside, and the job goes on without it. Its second try has
 * smaller batches: most losses are for memory. A process that the cluster took, or whose node went,
 * counts for nothing: what it had in hand is planned again, from its last checkpoints.
 *
 * <p>In local mode the process is the driver. There, once a job has died, the fragments that the
 * next one is about to begin are recorded with the number of their rows that are left, and the next
 * job counts the deaths: those of jobs without an end, on the same function, after which no more
 * rows of the fragment were kept than before. A driver that is killed from outside while a fragment
 * gets on thus leaves no loss.
 */
final class FragmentLosses {
  private static final int MOST = 2;

  /** Kills without a cause, as of a node that shuts down. So many of one fragment have one. */
  private static final int KILLS = 4;

  /** So many set aside, with nothing to show for it, are not the fragments' fault. */
  private static final int HOPELESS = 3;

  static final String MORE_MEMORY =
      "Raise spark.executor.memory, or spark.executor.memoryOverhead for what Python functions and models take (memory and memory_overhead of a worker group); or give a smaller batch_size, or more num_cpus, with which fewer tasks share an executor.";

  /** The job, as far as losses concern it. */
  interface Job {
    /** Records what is about to be begun. */
    void attempt(String fragments);

    /** Records a loss. */
    void lost(String message);

    /** Tells what counts for nothing, and is no event of the job's. */
    void notice(String message);

    /** How much memory a process may use, in words. */
    String memory();

    /** Whether no fragment of the table is finished. */
    boolean nothingIsDone();
  }

  private final String key;
  private final Job job;

  /** By fragment the rows that were left when each dead job began it, by the job's epoch. */
  private final Map<Integer, TreeMap<Long, Long>> attempts = new HashMap<>();

  private final Set<Integer> suspects = new TreeSet<>();
  private final Set<Integer> setAside = new TreeSet<>();
  private final Set<Integer> outOfMemory = new TreeSet<>();

  /** Of this round: what was lost with a process, and that of which it counts for nothing. */
  private final Set<Integer> lost = new HashSet<>();

  private final Set<Integer> interrupted = new HashSet<>();
  private final Map<Integer, Integer> kills = new HashMap<>();
  private final Set<String> noticed = new HashSet<>();
  private String lastMessage = "";
  private boolean afterDeath;
  private boolean isolating;
  private boolean again;

  /**
   * @param events of earlier jobs on the column, oldest first
   * @param key of the column's checkpoints: attempts with another function say nothing
   */
  FragmentLosses(List<JobEvent> events, String key, Job job) {
    this.key = key;
    this.job = job;
    for (JobEvent event : events) {
      if (event.event().equals(JobEvent.STARTED)) {
        afterDeath = true;
      } else if (event.event().equals(JobEvent.ENDED)) {
        afterDeath = false;
        attempts.clear();
      } else if (event.event().equals(JobEvent.ATTEMPT)) {
        read(event);
      }
    }
  }

  private void read(JobEvent event) {
    String[] parts = event.message().split(" ", -1);
    if (!parts[0].equals(key)) {
      return;
    }
    for (int i = 1; i < parts.length; i++) {
      String[] pair = parts[i].split(":", 2);
      attempts
          .computeIfAbsent(Integer.valueOf(pair[0]), id -> new TreeMap<>())
          .put(event.epoch(), Long.valueOf(pair[1]));
    }
  }

  /**
   * Whether the last job on the column died without a word. Only then are attempts worth their
   * records: the first death tells of no fragment, and healthy jobs are the quicker.
   */
  boolean afterDeath() {
    return afterDeath;
  }

  /** Records fragments of the plan before they are begun. */
  Consumer<List<Integer>> recorder(BackfillPlan plan) {
    Map<Integer, Long> left =
        plan.fragments().stream()
            .collect(
                Collectors.toMap(FragmentPlan::fragmentId, f -> f.compute().getLongCardinality()));
    return fragments ->
        job.attempt(
            key
                + fragments.stream()
                    .map(id -> " " + id + ":" + left.getOrDefault(id, 0L))
                    .collect(Collectors.joining()));
  }

  /** What of the plan is to be computed now: all that is not suspect, or all that is. */
  BackfillPlan choose(BackfillPlan plan) {
    lost.clear();
    interrupted.clear();
    if (isolating) {
      return plan.only(f -> suspects.contains(f.fragmentId()));
    }
    for (FragmentPlan fragment : plan.fragments()) {
      int deaths = deaths(fragment);
      if (deaths > 0) {
        loss(
            fragment.fragmentId(),
            deaths,
            new ProcessLoss(Cause.CRASH, "The driver that computed it in local mode died."));
      }
    }
    attempts.clear();
    return plan.only(f -> !suspects.contains(f.fragmentId()) && !setAside.contains(f.fragmentId()));
  }

  private int deaths(FragmentPlan fragment) {
    int deaths = 0;
    long left = fragment.compute().getLongCardinality();
    for (long before :
        attempts.getOrDefault(fragment.fragmentId(), new TreeMap<>()).descendingMap().values()) {
      if (left < before) {
        break;
      }
      deaths++;
      left = before;
    }
    return deaths;
  }

  /** The process that computed a fragment, or a part of it, was lost. */
  void lost(int fragment, ProcessLoss loss) {
    // All ranges of a fragment that one process took with it are one loss.
    if (!lost.add(fragment)) {
      return;
    }
    if (loss.cause() == Cause.CLUSTER
        || (loss.cause() == Cause.KILLED && kills.merge(fragment, 1, Integer::sum) < KILLS)) {
      interrupted.add(fragment);
      if (noticed.add(loss.reason())) {
        job.notice(
            "An executor was lost, and nothing says that it was for what it computed; that is planned again from its last checkpoints. "
                + loss.reason());
      }
      return;
    }
    loss(fragment, suspects.contains(fragment) ? MOST : 1, loss);
    lastMessage = loss.reason();
    if (setAside.size() >= HOPELESS) {
      failIfNothingIsDone();
    }
  }

  private void loss(int fragment, int losses, ProcessLoss loss) {
    boolean memory = loss.cause() == Cause.MEMORY;
    if (losses < MOST) {
      suspects.add(fragment);
      job.lost(
          (memory
                  ? "A process that computed fragment %d ran out of memory; the fragment is computed again by itself and in smaller batches, after the others. %s"
                  : "A process that computed fragment %d was lost; the fragment is computed again by itself, after the others. %s")
              .formatted(fragment, loss.reason()));
      return;
    }
    suspects.remove(fragment);
    setAside.add(fragment);
    if (memory) {
      outOfMemory.add(fragment);
      job.lost(
          "[%s] Fragment %d is set aside: %d processes that computed it ran out of memory, the second with nothing beside it and in batches of a quarter of the size. %s %s Its values stay as they are, and the next call tries it again. %s"
              .formatted(
                  BackfillErrorCode.EXECUTOR_OUT_OF_MEMORY,
                  fragment,
                  MOST,
                  loss.reason(),
                  job.memory(),
                  MORE_MEMORY));
      return;
    }
    job.lost(
        "[%s] Fragment %d is set aside: %d processes that computed it were lost. %s Its values stay as they are, and the next call tries it again. Look for the cause in the process's log: too little memory, or a function that crashes on one of its rows."
            .formatted(BackfillErrorCode.PROCESS_LOST, fragment, MOST, loss.reason()));
  }

  private void failIfNothingIsDone() {
    if (job.nothingIsDone() && outOfMemory.equals(setAside)) {
      throw new BackfillException(
          BackfillErrorCode.EXECUTOR_OUT_OF_MEMORY,
          "Fragments %s each ran %d processes out of memory, and no fragment of the table was finished. %s %s %s"
              .formatted(setAside, MOST, lastMessage, job.memory(), MORE_MEMORY));
    }
    if (job.nothingIsDone()) {
      throw new BackfillException(
          BackfillErrorCode.PROCESS_LOST,
          "Fragments %s each took %d processes with them, and no fragment of the table was finished. %s Give the executors more memory, or look in their logs for the cause."
              .formatted(setAside, MOST, lastMessage));
    }
  }

  /** Spark gave a job up for a loss: what it left undone is to be planned again. */
  void planAgain() {
    again = true;
  }

  /** After a round of which nothing was refused: whether another one is needed. */
  boolean more() {
    if (isolating) {
      suspects.retainAll(interrupted);
    } else if (again || !interrupted.isEmpty()) {
      again = false;
      return true;
    }
    isolating = !suspects.isEmpty();
    if (!isolating && !lastMessage.isEmpty() && !setAside.isEmpty()) {
      failIfNothingIsDone();
    }
    return isolating;
  }

  /** Whether suspects are computed now, each alone in its process, all others being done with. */
  boolean isolating() {
    return isolating;
  }

  Set<Integer> setAside() {
    return setAside;
  }

  /** Those set aside for want of memory. */
  Set<Integer> outOfMemory() {
    return outOfMemory;
  }
}
