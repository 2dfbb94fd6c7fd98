package io.lancebackfill.job;

import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.plan.BackfillPlan;
import io.lancebackfill.plan.FragmentPlan;
import io.lancebackfill.state.JobEvent;
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
 * takes a second process with it is set aside, and the job goes on without it.
 *
 * <p>In local mode the process is the driver. There, once a job has died, the fragments that the
 * next one is about to begin are recorded with the number of their rows that are left, and the next
 * job counts the deaths: those of jobs without an end, on the same function, after which no more
 * rows of the fragment were kept than before. A driver that is killed from outside while a fragment
 * gets on thus leaves no loss.
 */
final class FragmentLosses {
  private static final int MOST = 2;

  /** So many set aside, with nothing to show for it, are not the fragments' fault. */
  private static final int HOPELESS = 3;

  /** The job, as far as losses concern it. */
  interface Job {
    /** Records what is about to be begun. */
    void attempt(String fragments);

    /** Records a loss. */
    void lost(String message);

    /** Whether no fragment of the table is finished. */
    boolean nothingIsDone();
  }

  private final String key;
  private final Job job;

  /** By fragment the rows that were left when each dead job began it, by the job's epoch. */
  private final Map<Integer, TreeMap<Long, Long>> attempts = new HashMap<>();

  private final Set<Integer> suspects = new TreeSet<>();
  private final Set<Integer> setAside = new TreeSet<>();
  private final Set<Integer> lost = new HashSet<>();
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
    if (isolating) {
      return plan.only(f -> suspects.contains(f.fragmentId()));
    }
    for (FragmentPlan fragment : plan.fragments()) {
      int deaths = deaths(fragment);
      if (deaths > 0) {
        loss(fragment.fragmentId(), deaths, "The driver that computed it in local mode died.");
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
  void lost(int fragment, String message) {
    // All ranges of a fragment that one process took with it are one loss.
    if (lost.add(fragment)) {
      loss(fragment, suspects.contains(fragment) ? MOST : 1, message);
      lastMessage = message;
      if (setAside.size() >= HOPELESS) {
        failIfNothingIsDone();
      }
    }
  }

  private void loss(int fragment, int losses, String message) {
    if (losses < MOST) {
      suspects.add(fragment);
      job.lost(
          "A process that computed fragment %d was lost; the fragment is computed again by itself, after the others. %s"
              .formatted(fragment, message));
      return;
    }
    suspects.remove(fragment);
    setAside.add(fragment);
    job.lost(
        "[%s] Fragment %d is set aside: %d processes that computed it were lost. %s Its values stay as they are, and the next call tries it again. Look for the cause in the process's log: too little memory, or a function that crashes on one of its rows."
            .formatted(BackfillErrorCode.PROCESS_LOST, fragment, MOST, message));
  }

  private void failIfNothingIsDone() {
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
      suspects.clear();
    } else if (again) {
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
}
