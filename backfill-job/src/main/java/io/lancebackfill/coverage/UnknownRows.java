package io.lancebackfill.coverage;

import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.state.ComputedColumn;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.functions;
import org.roaringbitmap.RoaringBitmap;

/** Finds the rows that hold a value which no record explains. */
public final class UnknownRows {
  private UnknownRows() {}

  /** For each fragment with such rows their physical offsets; reads only the column itself. */
  public static Map<Integer, RoaringBitmap> find(
      RowFinder finder,
      TableSnapshot table,
      ComputedColumn column,
      List<FragmentCoverage> coverage) {
    Map<Integer, RoaringBitmap> among = new HashMap<>();
    for (FragmentCoverage fragment : coverage) {
      if (fragment.place().isPresent()) {
        RoaringBitmap rows = fragment.unexplained();
        if (!rows.isEmpty()) {
          among.put(fragment.fragment().id(), rows);
        }
      }
    }
    return filled(finder, table, column, among);
  }

  /** Those of the rows in which a column, or some column of a group, holds a value. */
  public static Map<Integer, RoaringBitmap> filled(
      RowFinder finder,
      TableSnapshot table,
      ComputedColumn column,
      Map<Integer, RoaringBitmap> among) {
    Column filled = functions.lit(false);
    for (String name : column.names()) {
      filled = filled.or(functions.col("`" + name.replace("`", "``") + "`").isNotNull());
    }
    return finder.matching(
        table, among, filled, "Find values of unknown origin in " + column.name());
  }
}
