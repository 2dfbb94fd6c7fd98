package io.lancebackfill.coverage;

import io.lancebackfill.datasource.table.TableSnapshot;
import java.util.Map;
import org.apache.spark.sql.Column;
import org.roaringbitmap.RoaringBitmap;

/** Finds the rows for which a condition holds. */
public interface RowFinder {
  /**
   * Physical offsets of the live rows of {@code among} for which {@code condition} is true; a
   * fragment without any may be missing.
   *
   * @param table the version at which the condition is evaluated
   * @param among for each fragment the rows that are asked for
   * @param description what for, to be shown to users
   */
  Map<Integer, RoaringBitmap> matching(
      TableSnapshot table, Map<Integer, RoaringBitmap> among, Column condition, String description);
}
