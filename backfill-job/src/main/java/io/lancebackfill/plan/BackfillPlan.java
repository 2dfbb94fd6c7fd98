package io.lancebackfill.plan;

import java.util.List;

/**
 * What a backfill has to do.
 *
 * @param fragments those with rows to compute or to take over, in the order of work
 * @param fragmentsSkipped fragments of the table that need nothing, or nothing yet
 * @param fragmentsLeft fragments that need work but stay behind {@code max_fragments}
 * @param fragmentsAppended fragments newer than the version at which inputs are read
 * @param unknownRows rows of unknown origin that are kept as they are
 * @param heldBack live rows that need a value and cannot have one before an input has
 */
public record BackfillPlan(
    List<FragmentPlan> fragments,
    int fragmentsSkipped,
    int fragmentsLeft,
    int fragmentsAppended,
    long unknownRows,
    List<HeldBack> heldBack) {

  /** Rows on which the function must run. */
  public long rowsToCompute() {
    return fragments.stream().mapToLong(f -> f.compute().getLongCardinality()).sum();
  }
}
