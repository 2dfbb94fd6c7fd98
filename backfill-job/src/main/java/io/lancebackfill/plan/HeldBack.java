package io.lancebackfill.plan;

import io.lancebackfill.coverage.FragmentCoverage;
import io.lancebackfill.coverage.InputCoverage;
import io.lancebackfill.coverage.RowFinder;
import io.lancebackfill.coverage.UnknownRows;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.state.ComputedColumn;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.roaringbitmap.RoaringBitmap;

/**
 * Rows that cannot be computed before one of their inputs is: a computed column that has no value
 * there, or an old one.
 *
 * @param input name of that column
 * @param before names of the columns for which it waits itself, those to be filled first in front
 * @param rows physical offsets by fragment
 */
public record HeldBack(String input, List<String> before, Map<Integer, RoaringBitmap> rows) {

  /**
   * Those among the rows that are to be computed; one element for each input that rows wait for.
   *
   * @param read the version at which inputs are read
   * @param need rows that are to be computed, by fragment
   */
  public static List<HeldBack> find(
      RowFinder finder,
      TableSnapshot read,
      List<FragmentCoverage> coverage,
      Map<Integer, RoaringBitmap> need) {
    Map<String, Finding> found = new LinkedHashMap<>();
    for (FragmentCoverage fragment : coverage) {
      RoaringBitmap rows = need.get(fragment.fragment().id());
      if (rows != null) {
        for (InputCoverage input : fragment.computedInputs()) {
          found.computeIfAbsent(input.name(), n -> new Finding(input)).look(fragment, input, rows);
        }
      }
    }
    List<HeldBack> held = new ArrayList<>();
    found.forEach(
        (name, finding) -> {
          finding.readUndecided(finder, read);
          if (!finding.waiting.isEmpty()) {
            held.add(new HeldBack(name, List.copyOf(finding.before), finding.waiting));
          }
        });
    return held;
  }

  /** Rows that some input keeps waiting. */
  public static Map<Integer, RoaringBitmap> union(List<HeldBack> all) {
    Map<Integer, RoaringBitmap> union = new HashMap<>();
    for (HeldBack held : all) {
      held.rows.forEach((id, rows) -> union.merge(id, rows, (a, b) -> RoaringBitmap.or(a, b)));
    }
    return union;
  }

  /** How many rows there are. */
  public long count() {
    return rows.values().stream().mapToLong(RoaringBitmap::getLongCardinality).sum();
  }

  private static final class Finding {
    private final ComputedColumn column;
    private final Map<Integer, RoaringBitmap> waiting = new HashMap<>();
    private final Map<Integer, RoaringBitmap> undecided = new HashMap<>();
    private final Set<String> before = new LinkedHashSet<>();

    Finding(InputCoverage input) {
      this.column = input.column();
    }

    void look(FragmentCoverage fragment, InputCoverage input, RoaringBitmap rows) {
      int id = fragment.fragment().id();
      add(waiting, id, RoaringBitmap.and(rows, input.unavailable()));
      add(undecided, id, RoaringBitmap.and(rows, input.undecided()));
      if (waiting.containsKey(id)) {
        deeper(input, rows);
      }
    }

    private void deeper(InputCoverage input, RoaringBitmap rows) {
      for (InputCoverage next : input.coverage().computedInputs()) {
        RoaringBitmap there = RoaringBitmap.and(rows, next.unavailable());
        if (!there.isEmpty()) {
          deeper(next, there);
          before.add(next.name());
        }
      }
    }

    /** Where the input is NULL without a record it was never computed. */
    void readUndecided(RowFinder finder, TableSnapshot read) {
      Map<Integer, RoaringBitmap> filled = UnknownRows.filled(finder, read, column, undecided);
      undecided.forEach(
          (id, rows) ->
              add(
                  waiting,
                  id,
                  RoaringBitmap.andNot(rows, filled.getOrDefault(id, new RoaringBitmap()))));
    }

    private static void add(Map<Integer, RoaringBitmap> to, int id, RoaringBitmap rows) {
      if (!rows.isEmpty()) {
        to.merge(id, rows, (a, b) -> RoaringBitmap.or(a, b));
      }
    }
  }
}
