package io.lancebackfill.run;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * How many tasks may be with Spark at once. Where a task's process is the driver's, fragments are
 * recorded before they are begun, so that a driver that dies of one leaves word of it; few at a
 * time then, since all that was begun is suspect.
 */
public final class Admission {
  /** Tasks as quick as that are recorded so many seconds ahead. */
  private static final double SECONDS_AHEAD = 1;

  private final int concurrency;
  private final int slots;
  private final @Nullable Consumer<List<Integer>> recorder;
  private final Runnable beforeTasks;
  private final Set<Integer> begun = new HashSet<>();
  private final LongSupplier nanoTime;
  private final long startedAt;
  private int finished;

  /**
   * @param concurrency tasks with Spark at once; 0 for as many as there are
   * @param slots tasks that can run at once
   * @param recorder is told of fragments before they are begun; null if that is not needed
   * @param beforeTasks returns once all is stored that must be before a task begins
   */
  public Admission(
      int concurrency,
      int slots,
      @Nullable Consumer<List<Integer>> recorder,
      Runnable beforeTasks) {
    this(concurrency, slots, recorder, beforeTasks, System::nanoTime);
  }

  Admission(
      int concurrency,
      int slots,
      @Nullable Consumer<List<Integer>> recorder,
      Runnable beforeTasks,
      LongSupplier nanoTime) {
    this.concurrency = concurrency;
    this.slots = slots;
    this.recorder = recorder;
    this.beforeTasks = beforeTasks;
    this.nanoTime = nanoTime;
    this.startedAt = nanoTime.getAsLong();
  }

  /** How many more may go. */
  int room(int inFlight) {
    int room = concurrency == 0 ? Integer.MAX_VALUE : concurrency - inFlight;
    if (recorder == null) {
      return room;
    }
    double seconds = Math.max(1, (nanoTime.getAsLong() - startedAt) / 1e9);
    int ahead = Math.max(2 * slots, (int) (finished / seconds * SECONDS_AHEAD));
    return inFlight > slots ? 0 : Math.min(room, ahead - inFlight);
  }

  /** Tasks of these fragments go now. */
  void begin(List<Integer> fragments) {
    beforeTasks.run();
    List<Integer> fresh = new ArrayList<>();
    for (Integer fragment : fragments) {
      if (begun.add(fragment)) {
        fresh.add(fragment);
      }
    }
    if (recorder != null && !fresh.isEmpty()) {
      recorder.accept(fresh);
    }
  }

  void finished(int tasks) {
    finished += tasks;
  }

  /** Tasks that can run at once. */
  int slots() {
    return concurrency == 0 ? slots : Math.min(concurrency, slots);
  }

  /** Whether fragments are recorded before they are begun. */
  boolean recording() {
    return recorder != null;
  }
}
