package io.lancebackfill.run;

import io.lancebackfill.task.TaskSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Packs tasks on small fragments together, as many as are done in a quarter of a second by what the
 * job's tasks took so far. Large ones are a pack of their own each.
 */
final class TaskPacker {
  private static final int MOST_TASKS = 64;
  private static final long MOST_ROWS = 16_384;
  private static final Duration AT_MOST = Duration.ofMillis(250);

  /** So many packs for each slot, that all slots end at about the same time. */
  private static final int PACKS_PER_SLOT = 3;

  private final int slots;
  private final int untried;
  private long tasks;
  private long nanos;

  /**
   * @param slots packs that can run at once
   * @param tryFirst whether nothing is packed before it is known how long a task takes: a Python
   *     worker computes rows of a whole pack before the first of them come back
   */
  TaskPacker(int slots, boolean tryFirst) {
    this.slots = slots;
    this.untried = tryFirst ? 1 : MOST_TASKS;
  }

  /** How long tasks took. */
  void took(int count, long inNanos) {
    tasks += count;
    nanos += inNanos;
  }

  /** Whether tasks are to run by themselves first, and few of them. */
  boolean trying() {
    return tasks == 0 && untried == 1;
  }

  /** Whether a task is worth to be packed with others. */
  boolean isSmall(TaskSpec task) {
    return rows(task) <= MOST_ROWS / 2;
  }

  private static long rows(TaskSpec task) {
    return task.kind() == TaskSpec.Kind.WHOLE ? task.physicalRows() : MOST_ROWS;
  }

  /** The tasks in their order. */
  List<List<TaskSpec>> pack(List<TaskSpec> all) {
    long share = Math.max(1, all.size() / ((long) slots * PACKS_PER_SLOT));
    long most = Math.min(share, tasks == 0 ? untried : inTime());
    List<List<TaskSpec>> packs = new ArrayList<>();
    List<TaskSpec> pack = new ArrayList<>();
    long rows = 0;
    for (TaskSpec task : all) {
      boolean fits = pack.size() < most && rows + rows(task) <= MOST_ROWS;
      if (!pack.isEmpty() && !fits) {
        packs.add(List.copyOf(pack));
        pack.clear();
        rows = 0;
      }
      pack.add(task);
      rows += rows(task);
    }
    if (!pack.isEmpty()) {
      packs.add(List.copyOf(pack));
    }
    return packs;
  }

  private long inTime() {
    return Math.max(1, Math.min(MOST_TASKS, AT_MOST.toNanos() * tasks / Math.max(1, nanos)));
  }
}
