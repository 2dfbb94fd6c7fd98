package io.lancebackfill.report;

import io.lancebackfill.coverage.FragmentCoverage;
import io.lancebackfill.coverage.InputCoverage;
import io.lancebackfill.datasource.history.TableChange.Gap;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.plan.HeldBack;
import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.ColumnOrigin.Part;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.InputPlaces;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.roaringbitmap.RoaringBitmap;

/** Says in words why the rows of a fragment are fresh, stale, failed, never computed or unknown. */
final class CoverageReasons {
  private final ComputedColumn column;
  private final List<TableColumn> inputs;
  private final List<Gap> gaps;
  private final List<HeldBack> heldBack;

  /**
   * @param heldBack those of the rows never computed that wait for an input
   */
  CoverageReasons(
      ComputedColumn column, List<TableColumn> inputs, List<Gap> gaps, List<HeldBack> heldBack) {
    this.column = column;
    this.inputs = inputs;
    this.gaps = gaps;
    this.heldBack = heldBack;
  }

  /** A sentence for each state, with the number of its live rows; empty for no rows. */
  String of(
      FragmentCoverage fragment, RoaringBitmap alive, RoaringBitmap never, RoaringBitmap unknown) {
    Map<String, Long> rows = new LinkedHashMap<>();
    count(
        rows,
        fragment.fresh(),
        alive,
        "fresh: made by the present function from the present inputs");
    for (Part part : fragment.origin().map(ColumnOrigin::parts).orElse(List.of())) {
      stale(rows, part, fragment, alive);
    }
    count(rows, fragment.failed(), alive, "failed: the present function failed on them");
    count(
        rows,
        waiting(rows, fragment, never, alive),
        alive,
        fragment.origin().isPresent()
            ? "never computed: no job has selected them yet"
            : "never computed: no job has been here since the fragment was written");
    count(rows, unknown, alive, "unknown: " + unknown());
    return rows.entrySet().stream()
        .map(e -> e.getValue() + " " + e.getKey())
        .collect(Collectors.joining("; "));
  }

  private static void count(
      Map<String, Long> rows, RoaringBitmap of, RoaringBitmap alive, String reason) {
    long live = RoaringBitmap.andCardinality(of, alive);
    if (live > 0) {
      rows.merge(reason, live, Long::sum);
    }
  }

  private void stale(
      Map<String, Long> rows, Part part, FragmentCoverage fragment, RoaringBitmap alive) {
    RoaringBitmap stale = RoaringBitmap.andNot(part.computed(), fragment.current(part, column));
    if (part.fingerprint().equals(column.fingerprint())) {
      for (InputCoverage input : fragment.computedInputs()) {
        RoaringBitmap old = RoaringBitmap.and(stale, input.coverage().stale());
        count(rows, old, alive, "stale: its input column " + input.name() + " is stale");
        RoaringBitmap gone = RoaringBitmap.and(stale, input.unavailable());
        gone.andNot(old);
        count(rows, gone, alive, "stale: its input column " + input.name() + " has no value");
        stale.andNot(input.unavailable());
      }
    }
    if (!stale.isEmpty()) {
      count(rows, stale, alive, "stale: " + stale(part, fragment));
    }
  }

  /** Counts rows that wait for an input; returns the others. */
  private RoaringBitmap waiting(
      Map<String, Long> rows, FragmentCoverage fragment, RoaringBitmap never, RoaringBitmap alive) {
    RoaringBitmap others = never.clone();
    for (HeldBack held : heldBack) {
      RoaringBitmap here = held.rows().get(fragment.fragment().id());
      if (here != null) {
        RoaringBitmap waiting = RoaringBitmap.and(others, here);
        RoaringBitmap old = new RoaringBitmap();
        fragment.computedInputs().stream()
            .filter(input -> input.name().equals(held.input()))
            .forEach(input -> old.or(RoaringBitmap.and(waiting, input.coverage().stale())));
        String column = "never computed: its input column " + held.input();
        count(rows, old, alive, column + " is stale");
        count(rows, RoaringBitmap.andNot(waiting, old), alive, column + " is not computed there");
        others.andNot(waiting);
      }
    }
    return others;
  }

  private String stale(Part part, FragmentCoverage fragment) {
    if (part.writtenBy().isPresent()) {
      return "written by an update or merge in version " + part.writtenBy().getAsLong();
    }
    if (!part.fingerprint().equals(column.fingerprint())) {
      return "made by another function (" + part.fingerprint() + ")";
    }
    List<String> changed = InputPlaces.changed(part.inputs(), fragment.inputs(), inputs);
    return "made from other values of "
        + (changed.isEmpty() ? "an input that is gone" : String.join(", ", changed));
  }

  private String unknown() {
    String gone =
        gaps.stream()
            .map(
                gap ->
                    gap.from() == gap.version()
                        ? "version " + gap.from()
                        : "versions " + gap.from() + " to " + gap.version())
            .collect(Collectors.joining(", "));
    return "no job recorded these values: filled by another tool"
        + (gone.isEmpty() ? "" : ", or moved in " + gone + ", whose history was cleaned away");
  }
}
