package io.lancebackfill.run;

import io.lancebackfill.plan.BackfillPlan;
import io.lancebackfill.plan.FragmentPlan;
import io.lancebackfill.state.RowOffsets;
import io.lancebackfill.task.TaskSpec;
import io.lancebackfill.task.TaskSpec.CheckpointUse;
import java.util.ArrayList;
import java.util.List;
import org.roaringbitmap.RoaringBitmap;

/**
 * Cuts a plan into tasks: one for each fragment, or ranges of those that would keep one slot busy
 * while others have nothing left to do.
 */
public final class TaskCutter {
  /** Below this a range is not worth a task and a file of its own. */
  private static final int MIN_RANGE_ROWS = 64;

  private final int slots;

  /**
   * @param slots how many tasks can run at once
   */
  public TaskCutter(int slots) {
    this.slots = slots;
  }

  public List<TaskSpec> cut(BackfillPlan plan) {
    long rows = plan.rowsToCompute();
    long computing = plan.fragments().stream().filter(f -> !f.compute().isEmpty()).count();
    // What each slot has to do if all end at once.
    long share = Math.max(1, (rows + slots - 1) / slots);
    // Ranges cost an assembly, which a fragment that is little more than a share does not repay
    // unless a slot is idle.
    long uncut = computing < slots ? share : 2 * share;
    List<TaskSpec> ranges = new ArrayList<>();
    List<TaskSpec> whole = new ArrayList<>();
    for (FragmentPlan fragment : plan.fragments()) {
      long own = fragment.compute().getLongCardinality();
      if (own == 0) {
        whole.add(assemble(fragment, List.of()));
      } else {
        List<TaskSpec> pieces = cut(fragment, own > uncut ? (int) ((own + share - 1) / share) : 1);
        (pieces.size() > 1 ? ranges : whole).addAll(pieces);
      }
    }
    // The ranges of a large fragment first: all else fills the gaps.
    ranges.addAll(whole);
    return ranges;
  }

  private static List<TaskSpec> cut(FragmentPlan fragment, int pieces) {
    RoaringBitmap compute = fragment.compute();
    int rows = compute.getCardinality();
    int ranges = Math.max(1, Math.min(pieces, rows / MIN_RANGE_ROWS));
    if (ranges == 1) {
      return List.of(whole(fragment));
    }
    List<TaskSpec> tasks = new ArrayList<>();
    long physicalRows = fragment.coverage().fragment().physicalRows();
    long start = 0;
    for (int i = 1; i <= ranges; i++) {
      long end =
          i == ranges
              ? physicalRows
              : Integer.toUnsignedLong(compute.select((int) ((long) rows * i / ranges)));
      RoaringBitmap share = RoaringBitmap.and(compute, RowOffsets.range(start, end));
      tasks.add(task(TaskSpec.Kind.RANGE, fragment, start, end, share, List.of()));
      start = end;
    }
    return tasks;
  }

  private static TaskSpec whole(FragmentPlan fragment) {
    return task(
        TaskSpec.Kind.WHOLE,
        fragment,
        0,
        fragment.coverage().fragment().physicalRows(),
        fragment.compute(),
        earlier(fragment));
  }

  /** The task that writes the column file when the ranges of a fragment are computed. */
  static TaskSpec assemble(FragmentPlan fragment, List<CheckpointUse> ranges) {
    List<CheckpointUse> all = earlier(fragment);
    all.addAll(ranges);
    return task(
        TaskSpec.Kind.ASSEMBLE,
        fragment,
        0,
        fragment.coverage().fragment().physicalRows(),
        new RoaringBitmap(),
        all);
  }

  private static List<CheckpointUse> earlier(FragmentPlan fragment) {
    List<CheckpointUse> uses = new ArrayList<>();
    fragment
        .checkpoints()
        .forEach(c -> uses.add(new CheckpointUse(c.name(), RowOffsets.toBytes(c.rows()))));
    return uses;
  }

  private static TaskSpec task(
      TaskSpec.Kind kind,
      FragmentPlan fragment,
      long start,
      long end,
      RoaringBitmap compute,
      List<CheckpointUse> checkpoints) {
    return new TaskSpec(
        kind,
        fragment.fragmentId(),
        fragment.coverage().fragment().physicalRows(),
        start,
        end,
        RowOffsets.toBytes(fragment.need()),
        RowOffsets.toBytes(compute),
        fragment.keepsCurrent(),
        new ArrayList<>(checkpoints),
        fragment.coverage().inputs());
  }
}
