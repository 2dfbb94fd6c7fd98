package io.lancebackfill.plan;

import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.JobCounts;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/**
 * What a backfill has to do.
 *
 * @param fragments those with rows to compute or to take over, in the order of work
 * @param fragmentsSkipped fragments of the table that need nothing, or nothing yet
 * @param fragmentsLeft fragments that need work but stay behind {@code max_fragments}
 * @param fragmentsAppended fragments newer than the version at which inputs are read
 * @param restored fragments that are left: some of their rows came alive after the version at which
 *     inputs are read
 * @param observed newer records of fragments in which there was nothing to do, so that the next
 *     plan need not look again
 * @param unknownRows rows of unknown origin that are kept as they are
 * @param heldBack live rows that need a value and cannot have one before an input has
 */
public record BackfillPlan(
    List<FragmentPlan> fragments,
    int fragmentsSkipped,
    int fragmentsLeft,
    int fragmentsAppended,
    Set<Integer> restored,
    List<ColumnOrigin> observed,
    long unknownRows,
    List<HeldBack> heldBack) {

  /** The same plan for some of its fragments. */
  public BackfillPlan only(Predicate<FragmentPlan> which) {
    return new BackfillPlan(
        fragments.stream().filter(which).toList(),
        fragmentsSkipped,
        fragmentsLeft,
        fragmentsAppended,
        restored,
        observed,
        unknownRows,
        heldBack);
  }

  /** Rows on which the function must run. */
  public long rowsToCompute() {
    return fragments.stream().mapToLong(f -> f.compute().getLongCardinality()).sum();
  }

  /** The counters of a job that has done nothing of it yet. */
  public JobCounts counts() {
    long takenOver =
        fragments.stream()
            .flatMap(f -> f.checkpoints().stream())
            .mapToLong(c -> c.rows().getLongCardinality())
            .sum();
    return new JobCounts(fragments.size(), 0, fragmentsSkipped, 0, takenOver, 0, 0, 0);
  }
}
