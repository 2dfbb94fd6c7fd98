package io.lancebackfill.coverage;

import io.lancebackfill.datasource.history.TableChange;
import io.lancebackfill.datasource.history.TableChange.FragmentsRewritten;
import io.lancebackfill.datasource.history.TableChange.Gap;
import io.lancebackfill.datasource.history.TableChange.Group;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.state.ColumnOrigin.Part;
import io.lancebackfill.state.RowOffsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.roaringbitmap.RoaringBitmap;

/**
 * Rows by the places that they had in the past.
 *
 * @param since no later than the first version in which one of them stood there
 * @param rows physical offsets by fragment
 */
public record PastRows(long since, Map<Integer, RoaringBitmap> rows) {
  /**
   * Where rows are.
   *
   * @param rows physical offsets by fragment; of fragments that the table has no more, too
   * @param gaps versions that are gone, so that what moved there is not found
   */
  public record Present(Map<Integer, RoaringBitmap> rows, List<Gap> gaps) {}

  /** Where they are in a version of the table: compactions moved them, and deletes ended them. */
  public Present in(SparkSession spark, TableSnapshot table) {
    return in(new StoredPast(new RowSelection(spark), table.ref(), ""), table);
  }

  Present in(Past past, TableSnapshot table) {
    if (table.fragmentsById().keySet().containsAll(rows.keySet())) {
      return new Present(rows, List.of());
    }
    Map<Integer, RoaringBitmap> found = new HashMap<>(rows);
    List<Gap> gaps = new ArrayList<>();
    for (TableChange change : past.changes(since, table.version())) {
      if (change instanceof FragmentsRewritten rewritten) {
        for (Group group : rewritten.groups()) {
          move(past, rewritten.version(), group, found, gaps);
        }
      } else if (change instanceof Gap gap) {
        gaps.add(gap);
      }
    }
    return new Present(Map.copyOf(found), List.copyOf(gaps));
  }

  private static void move(
      Past past, long version, Group group, Map<Integer, RoaringBitmap> found, List<Gap> gaps) {
    Map<Integer, RoaringBitmap> withDeleted = new HashMap<>();
    boolean any = false;
    for (FragmentSnapshot fragment : group.before()) {
      if (found.containsKey(fragment.id())) {
        any = true;
        if (fragment.deletedRows() > 0) {
          withDeleted.put(fragment.id(), RowOffsets.first(fragment.physicalRows()));
        }
      }
    }
    if (!any) {
      return;
    }
    Map<Integer, RoaringBitmap> alive;
    try {
      alive = withDeleted.isEmpty() ? Map.of() : past.alive(version - 1, withDeleted);
    } catch (DatasetException e) {
      if (e.kind() != DatasetException.Kind.NOT_FOUND) {
        throw e;
      }
      gaps.add(new Gap(version - 1, version - 1));
      return;
    }
    MovedRows moved = new MovedRows(group.after());
    for (FragmentSnapshot fragment : group.before()) {
      RoaringBitmap here = found.get(fragment.id());
      if (here != null) {
        RoaringBitmap live =
            fragment.deletedRows() == 0
                ? null
                : alive.getOrDefault(fragment.id(), new RoaringBitmap());
        moved.add(new Part("", "", "", here, new RoaringBitmap()), true, live);
      }
      moved.next(fragment.liveRows());
    }
    for (FragmentSnapshot fragment : group.after()) {
      for (Part part : moved.parts(fragment, "")) {
        found.merge(fragment.id(), part.computed(), (a, b) -> RoaringBitmap.or(a, b));
      }
    }
  }
}
