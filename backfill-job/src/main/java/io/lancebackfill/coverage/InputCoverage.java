package io.lancebackfill.coverage;

import io.lancebackfill.state.ComputedColumn;
import org.roaringbitmap.RoaringBitmap;

/**
 * What the records say of one computed input of a column in a fragment.
 *
 * @param name of the input
 * @param column the declaration, or group, that it belongs to
 */
public record InputCoverage(String name, ComputedColumn column, FragmentCoverage coverage) {

  /** Rows that have no value or an old one, as far as records alone can tell. */
  public RoaringBitmap unavailable() {
    return coverage.place().isPresent()
        ? RoaringBitmap.or(coverage.stale(), coverage.absent(), coverage.failed())
        : RoaringBitmap.or(coverage.stale(), coverage.unexplained());
  }

  /** Rows that no record explains: without a value where they are NULL, else of unknown origin. */
  public RoaringBitmap undecided() {
    return coverage.place().isPresent() ? coverage.unexplained() : new RoaringBitmap();
  }
}
