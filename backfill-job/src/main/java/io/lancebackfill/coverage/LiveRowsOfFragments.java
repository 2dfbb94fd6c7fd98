package io.lancebackfill.coverage;

import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.state.RowOffsets;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Predicate;
import org.apache.spark.sql.functions;
import org.roaringbitmap.RoaringBitmap;

/** Finds which rows of fragments with deletions are alive. */
public final class LiveRowsOfFragments {
  private LiveRowsOfFragments() {}

  /** Physical offsets of the live rows of each fragment that has deleted ones. */
  public static Map<Integer, RoaringBitmap> find(RowFinder finder, TableSnapshot table) {
    return find(finder, table, fragment -> true);
  }

  /** The same for some of the fragments. */
  public static Map<Integer, RoaringBitmap> find(
      RowFinder finder, TableSnapshot table, Predicate<FragmentSnapshot> which) {
    Map<Integer, RoaringBitmap> among = new HashMap<>();
    for (FragmentSnapshot fragment : table.fragments()) {
      if (fragment.deletedRows() > 0 && which.test(fragment)) {
        among.put(fragment.id(), RowOffsets.first(fragment.physicalRows()));
      }
    }
    return finder.matching(
        table, among, functions.lit(true), "Find live rows of fragments with deletions");
  }
}
