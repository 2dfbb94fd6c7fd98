package io.lancebackfill.plan;

import io.lancebackfill.datasource.commit.ColumnFileCommitter;
import io.lancebackfill.datasource.table.ColumnPlace;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.InputPlaces;
import io.lancebackfill.state.RowOffsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.roaringbitmap.RoaringBitmap;

/**
 * What the records say of a column's rows in one fragment. The sets hold physical offsets, deleted
 * rows included, and are disjoint; what is in none of them has no record.
 *
 * @param place where the column stands; empty if the fragment has no file for it
 * @param origin the record of the file at that place
 * @param inputs where the inputs stand now
 * @param fresh rows made by the column's present function from the present inputs
 * @param stale rows made by another function or from other inputs
 * @param failed rows on which the present function failed on the present inputs
 */
public record FragmentCoverage(
    FragmentSnapshot fragment,
    Optional<ColumnPlace> place,
    Optional<ColumnOrigin> origin,
    String inputs,
    RoaringBitmap fresh,
    RoaringBitmap stale,
    RoaringBitmap failed) {

  /**
   * Reads one fragment's coverage from the records.
   *
   * @param fragment as it is in the version whose column values count
   * @param inputFragment the same fragment in the version at which inputs are read
   * @param origins records of the column's files by path
   */
  public static FragmentCoverage of(
      FragmentSnapshot fragment,
      FragmentSnapshot inputFragment,
      ComputedColumn column,
      List<TableColumn> inputColumns,
      Map<String, ColumnOrigin> origins) {
    String inputs = InputPlaces.of(inputFragment, inputColumns);
    Optional<ColumnPlace> place = ColumnFileCommitter.place(fragment, column.columns());
    Optional<ColumnOrigin> origin = origin(fragment, column, origins);
    RoaringBitmap fresh = new RoaringBitmap();
    RoaringBitmap stale = new RoaringBitmap();
    RoaringBitmap failed = new RoaringBitmap();
    for (ColumnOrigin.Part part : origin.map(ColumnOrigin::parts).orElse(List.of())) {
      if (isCurrent(part, column, inputs)) {
        fresh.or(RoaringBitmap.andNot(part.computed(), part.failed()));
        failed.or(part.failed());
      } else {
        stale.or(part.computed());
      }
    }
    return new FragmentCoverage(fragment, place, origin, inputs, fresh, stale, failed);
  }

  /** The record of the file that holds the column in a fragment. */
  static Optional<ColumnOrigin> origin(
      FragmentSnapshot fragment, ComputedColumn column, Map<String, ColumnOrigin> origins) {
    return ColumnFileCommitter.place(fragment, column.columns())
        .map(place -> origins.get(ColumnOrigin.pathOf(place)))
        .filter(origin -> origin.columnIds().equals(column.idKey()))
        .filter(origin -> origin.physicalRows() == fragment.physicalRows());
  }

  /** Whether a part was made by the column's present function from the present inputs. */
  public boolean isCurrent(ColumnOrigin.Part part, ComputedColumn column) {
    return isCurrent(part, column, inputs);
  }

  private static boolean isCurrent(ColumnOrigin.Part part, ComputedColumn column, String inputs) {
    return part.fingerprint().equals(column.fingerprint()) && part.inputs().equals(inputs);
  }

  /** Rows that no record explains: never computed where they are NULL, else of unknown origin. */
  public RoaringBitmap unexplained() {
    return RowOffsets.complement(RoaringBitmap.or(fresh, stale, failed), fragment.physicalRows());
  }

  /** Rows that a recompute of {@code generation} made already. */
  public RoaringBitmap freshOf(String generation, ComputedColumn column) {
    RoaringBitmap rows = new RoaringBitmap();
    for (ColumnOrigin.Part part : origin.map(ColumnOrigin::parts).orElse(List.of())) {
      if (part.generation().equals(generation)
          && part.fingerprint().equals(column.fingerprint())
          && part.inputs().equals(inputs)) {
        rows.or(RoaringBitmap.andNot(part.computed(), part.failed()));
      }
    }
    return rows;
  }
}
