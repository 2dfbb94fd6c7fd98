package io.lancebackfill.coverage;

import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.state.ColumnOrigin.Part;
import io.lancebackfill.state.RowOffsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.roaringbitmap.IntIterator;
import org.roaringbitmap.RoaringBitmap;

/** Maps rows of compacted fragments to where they are now: the live rows in order, end to end. */
final class MovedRows {
  private final List<FragmentSnapshot> to;
  private final Map<Integer, Map<Source, Part>> parts = new HashMap<>();

  /** Live rows of the fragments that were taken already. */
  private long before;

  MovedRows(List<FragmentSnapshot> to) {
    this.to = to;
  }

  /** What parts must have in common to be one. */
  private record Source(String fingerprint, String inputs, String generation, boolean current) {}

  /**
   * Takes a part of the present fragment.
   *
   * @param current whether the part was made from the inputs as they were when the rows moved
   * @param live the fragment's live rows; null if none is deleted
   */
  void add(Part part, boolean current, @Nullable RoaringBitmap live) {
    Source source =
        new Source(part.fingerprint(), current ? "" : part.inputs(), part.generation(), current);
    RoaringBitmap computed = compacted(part.computed(), live);
    RoaringBitmap failed = compacted(part.failed(), live);
    long start = 0;
    for (FragmentSnapshot target : to) {
      long shift = before - start;
      RoaringBitmap rows = within(computed, shift, target.physicalRows());
      if (!rows.isEmpty()) {
        Part moved =
            new Part(
                source.fingerprint(),
                source.inputs(),
                source.generation(),
                rows,
                within(failed, shift, target.physicalRows()));
        parts
            .computeIfAbsent(target.id(), id -> new LinkedHashMap<>())
            .merge(source, moved, MovedRows::both);
      }
      start += target.physicalRows();
    }
  }

  /** The present fragment is done; the next one's rows follow after these. */
  void next(long liveRows) {
    before += liveRows;
  }

  /** The parts of one of the fragments that hold the rows now. */
  List<Part> parts(FragmentSnapshot target, String inputsNow) {
    List<Part> found = new ArrayList<>();
    parts
        .getOrDefault(target.id(), Map.of())
        .forEach(
            (source, part) ->
                found.add(
                    source.current()
                        ? new Part(
                            part.fingerprint(),
                            inputsNow,
                            part.generation(),
                            part.computed(),
                            part.failed())
                        : part));
    return found;
  }

  private static Part both(Part a, Part b) {
    return new Part(
        a.fingerprint(),
        a.inputs(),
        a.generation(),
        RoaringBitmap.or(a.computed(), b.computed()),
        RoaringBitmap.or(a.failed(), b.failed()));
  }

  /** Offsets as they are once the deleted rows are gone. */
  private static RoaringBitmap compacted(RoaringBitmap rows, @Nullable RoaringBitmap live) {
    if (live == null) {
      return rows;
    }
    RoaringBitmap compacted = new RoaringBitmap();
    int offset = 0;
    for (IntIterator alive = live.getIntIterator(); alive.hasNext(); offset++) {
      if (rows.contains(alive.next())) {
        compacted.add(offset);
      }
    }
    return compacted;
  }

  /** The rows shifted, as far as they fall into [0, size). */
  private static RoaringBitmap within(RoaringBitmap rows, long shift, long size) {
    long from = Math.max(0, -shift);
    long to = size - shift;
    if (to <= from || rows.isEmpty()) {
      return new RoaringBitmap();
    }
    return RoaringBitmap.addOffset(
        RoaringBitmap.and(rows, RowOffsets.range(from, Math.min(to, 1L << 32))), shift);
  }
}
