package io.lancebackfill;

import io.lancebackfill.coverage.RowFinder;
import io.lancebackfill.datasource.table.TableSnapshot;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Column;
import org.jspecify.annotations.Nullable;
import org.roaringbitmap.RoaringBitmap;

/** Knows which rows are alive, hold a value or are selected, since a test has told it. */
public final class FakeFinder implements RowFinder {
  /** Live rows by version and fragment; of others all are alive. */
  public final Map<Long, Map<Integer, RoaringBitmap>> alive = new HashMap<>();

  /** Rows in which the computed column, or some input, holds a value. */
  public final Map<Integer, RoaringBitmap> filled = new HashMap<>();

  /** Rows that any other condition selects. */
  public final Map<Integer, RoaringBitmap> selected = new HashMap<>();

  /** What was asked for: version, condition and rows. */
  public final List<String> asked = new ArrayList<>();

  public @Nullable RuntimeException fails;

  @Override
  public Map<Integer, RoaringBitmap> matching(
      TableSnapshot table,
      Map<Integer, RoaringBitmap> among,
      Column condition,
      String description) {
    if (fails != null && !among.isEmpty()) {
      throw fails;
    }
    String text = condition.toString();
    Map<Integer, RoaringBitmap> found = new HashMap<>();
    among.forEach(
        (id, rows) -> {
          asked.add("%d %s %d%s".formatted(table.version(), text, id, rows));
          RoaringBitmap these = rows.clone();
          RoaringBitmap live = alive.getOrDefault(table.version(), Map.of()).get(id);
          if (live != null) {
            these.and(live);
          }
          if (!text.equals("true")) {
            these.and(
                (text.contains("IS NOT NULL") ? filled : selected)
                    .getOrDefault(id, new RoaringBitmap()));
          }
          if (!these.isEmpty()) {
            found.put(id, these);
          }
        });
    return found;
  }
}
