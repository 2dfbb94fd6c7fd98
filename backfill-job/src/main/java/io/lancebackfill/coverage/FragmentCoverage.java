package io.lancebackfill.coverage;

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
 * What the records say of a column's rows in one fragment. The sets hold physical offsets, rows
 * that were deleted since included, and are disjoint; what is in none of them has no record.
 *
 * @param place where the column stands; empty if the fragment has no file for it
 * @param origin the record of the file at that place
 * @param inputs where the inputs stand now
 * @param fresh rows made by the column's present function from the present inputs, which are none
 *     of them waiting to be computed themselves
 * @param stale rows made by another function or from other inputs
 * @param failed rows on which the present function failed on the present inputs
 * @param absent rows without a value: they were deleted when the file was made
 * @param recorded the records of those inputs that are computed columns
 * @param computedInputs what these records say of them here
 */
public record FragmentCoverage(
    FragmentSnapshot fragment,
    Optional<ColumnPlace> place,
    Optional<ColumnOrigin> origin,
    String inputs,
    RoaringBitmap fresh,
    RoaringBitmap stale,
    RoaringBitmap failed,
    RoaringBitmap absent,
    ComputedInputs recorded,
    List<InputCoverage> computedInputs) {

  /**
   * Reads one fragment's coverage from the records.
   *
   * @param fragment as it is in the version whose column values count
   * @param inputFragment the same fragment in the version at which inputs are read
   * @param origins records of the column's files by path
   * @param recorded the records of computed inputs; with none of them, only values at the very
   *     place where they were read count as the present ones
   */
  public static FragmentCoverage of(
      FragmentSnapshot fragment,
      FragmentSnapshot inputFragment,
      ComputedColumn column,
      List<TableColumn> inputColumns,
      Map<String, ColumnOrigin> origins,
      ComputedInputs recorded) {
    String inputs = InputPlaces.of(inputFragment, inputColumns);
    Optional<ColumnPlace> place = ColumnFileCommitter.place(fragment, column.columns());
    Optional<ColumnOrigin> origin = origin(fragment, column, origins);
    List<InputCoverage> computedInputs = recorded.in(inputFragment);
    RoaringBitmap fresh = new RoaringBitmap();
    RoaringBitmap stale = new RoaringBitmap();
    RoaringBitmap failed = new RoaringBitmap();
    for (ColumnOrigin.Part part : origin.map(ColumnOrigin::parts).orElse(List.of())) {
      RoaringBitmap current = current(part, column, fragment, inputs, recorded, computedInputs);
      fresh.or(RoaringBitmap.andNot(current, part.failed()));
      failed.or(RoaringBitmap.and(current, part.failed()));
      stale.or(RoaringBitmap.andNot(part.computed(), current));
    }
    RoaringBitmap absent =
        origin
            .map(o -> RoaringBitmap.andNot(o.deletedRows(), o.explained()))
            .orElseGet(RoaringBitmap::new);
    return new FragmentCoverage(
        fragment, place, origin, inputs, fresh, stale, failed, absent, recorded, computedInputs);
  }

  /** The record of the file that holds the column in a fragment. */
  public static Optional<ColumnOrigin> origin(
      FragmentSnapshot fragment, ComputedColumn column, Map<String, ColumnOrigin> origins) {
    return ColumnFileCommitter.place(fragment, column.columns())
        .map(place -> origins.get(ColumnOrigin.pathOf(place)))
        .filter(origin -> origin.columnIds().equals(column.idKey()))
        .filter(origin -> origin.physicalRows() == fragment.physicalRows());
  }

  /** Rows of a part that the column's present function made, or failed on, from present inputs. */
  public RoaringBitmap current(ColumnOrigin.Part part, ComputedColumn column) {
    return current(part, column, fragment, inputs, recorded, computedInputs);
  }

  private static RoaringBitmap current(
      ColumnOrigin.Part part,
      ComputedColumn column,
      FragmentSnapshot fragment,
      String inputs,
      ComputedInputs recorded,
      List<InputCoverage> computedInputs) {
    if (!part.fingerprint().equals(column.fingerprint())) {
      return new RoaringBitmap();
    }
    RoaringBitmap rows = recorded.unchanged(fragment, part.inputs(), inputs);
    rows.and(part.computed());
    computedInputs.forEach(input -> rows.andNot(input.unavailable()));
    return rows;
  }

  /** Rows that no record explains: never computed where they are NULL, else of unknown origin. */
  public RoaringBitmap unexplained() {
    return RowOffsets.complement(
        RoaringBitmap.or(fresh, stale, failed, absent), fragment.physicalRows());
  }

  /** Rows that are NULL since a function failed on them: the present one, or one before it. */
  public RoaringBitmap everFailed() {
    return origin.map(ColumnOrigin::failedRows).orElseGet(RoaringBitmap::new);
  }

  /** Whether the rows without a value are known to be deleted still: no reader can tell. */
  public boolean absentAreDeleted() {
    return origin
        .map(ColumnOrigin::deleted)
        .map(deleted -> deleted.surelyDeletedIn(fragment))
        .orElse(true);
  }

  /** Rows that a recompute of {@code generation} made already. */
  public RoaringBitmap freshOf(String generation, ComputedColumn column) {
    RoaringBitmap rows = new RoaringBitmap();
    for (ColumnOrigin.Part part : origin.map(ColumnOrigin::parts).orElse(List.of())) {
      if (part.generation().equals(generation)) {
        rows.or(RoaringBitmap.andNot(current(part, column), part.failed()));
      }
    }
    return rows;
  }
}
