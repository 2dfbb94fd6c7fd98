package io.lancebackfill.plan;

import io.lancebackfill.coverage.FragmentCoverage;
import io.lancebackfill.datasource.table.DeletedRows;
import io.lancebackfill.state.CheckpointStore.Checkpoint;
import io.lancebackfill.state.RowOffsets;
import java.util.List;
import org.roaringbitmap.RoaringBitmap;

/**
 * What is to be done in one fragment.
 *
 * @param need rows that take a new value; physical offsets of rows that are alive
 * @param compute those of them on which the function must run
 * @param deleted the rows that are deleted in the version whose column values count
 * @param checkpoints finished rows of earlier jobs, for the other rows of {@code need}
 */
public record FragmentPlan(
    FragmentCoverage coverage,
    RoaringBitmap need,
    RoaringBitmap compute,
    DeletedRows deleted,
    List<Checkpoint> checkpoints) {

  public int fragmentId() {
    return coverage.fragment().id();
  }

  /** Whether rows outside {@code need} may hold values, which the new file must take over. */
  public boolean keepsCurrent() {
    return coverage.place().isPresent()
        && !RowOffsets.complement(
                RoaringBitmap.or(need, deleted.rows()), coverage.fragment().physicalRows())
            .isEmpty();
  }
}
