package io.lancebackfill.coverage;

import static io.lancebackfill.HandMade.A;
import static io.lancebackfill.HandMade.byPath;
import static io.lancebackfill.HandMade.column;
import static io.lancebackfill.HandMade.computed;
import static io.lancebackfill.HandMade.file;
import static io.lancebackfill.HandMade.fragment;
import static io.lancebackfill.HandMade.origin;
import static io.lancebackfill.HandMade.part;
import static io.lancebackfill.HandMade.range;
import static io.lancebackfill.HandMade.rows;
import static io.lancebackfill.HandMade.table;
import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.FakeFinder;
import io.lancebackfill.HandMade;
import io.lancebackfill.datasource.table.DeletedRows;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.plan.HeldBack;
import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.ColumnOrigin.Part;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.InputPlaces;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.roaringbitmap.RoaringBitmap;

/**
 * {@code x} reads {@code w}, which is computed from {@code v}, which is computed from {@code a}.
 */
class TestComputedInputs {
  private static final TableColumn V = HandMade.V;
  private static final TableColumn W = column(2, "w", Map.of());
  private static final TableColumn X = column(3, "x", Map.of());
  private static final ComputedColumn OF_V = computed("FV", V, A);
  private static final ComputedColumn OF_W = computed("FW", W, V);
  private static final ComputedColumn OF_X = computed("FX", X, W);

  private static final FragmentSnapshot ALL =
      fragment(0, 10, file("a0", 0), file("v0", 1), file("w0", 2), file("x0", 3));

  private static ComputedInputs onV(ColumnOrigin... origins) {
    return new ComputedInputs(
        List.of(
            new ComputedInputs.Input(
                "v",
                Set.of("1"),
                OF_V,
                List.of(A),
                byPath(origins),
                path -> Optional.empty(),
                ComputedInputs.NONE)));
  }

  private static ComputedInputs onW(ComputedInputs inputs, ColumnOrigin... origins) {
    return new ComputedInputs(
        List.of(
            new ComputedInputs.Input(
                "w",
                Set.of("2"),
                OF_W,
                List.of(V),
                byPath(origins),
                path -> Optional.empty(),
                inputs)));
  }

  private static ColumnOrigin record(String path, int fragment, long physicalRows, Part... parts) {
    return new ColumnOrigin(
        "2",
        fragment,
        physicalRows,
        HandMade.staged(path, physicalRows),
        "",
        List.of(parts),
        DeletedRows.NONE,
        "job",
        1,
        Instant.EPOCH);
  }

  private static final String BEFORE = "{\"2\":\"w0:[0]\"}";
  private static final String NOW = "{\"2\":\"w1:[0]\"}";

  /** The records of the input's file before and of its file now; rows with the same values. */
  static Stream<Arguments> files() {
    Part all = part("F", "i", range(0, 10));
    return Stream.of(
        Arguments.of("the same", List.of(all), List.of(all), range(0, 10)),
        Arguments.of(
            "some computed anew",
            List.of(all),
            List.of(part("F", "i", range(0, 4)), part("F", "later", range(4, 10))),
            range(0, 4)),
        Arguments.of(
            "another function", List.of(all), List.of(part("E", "i", range(0, 10))), rows()),
        Arguments.of(
            "a recompute",
            List.of(all),
            List.of(new Part("F", "i", "g", range(0, 10), rows())),
            rows()),
        // A row that failed is NULL: the same if it is so in both, else another value.
        Arguments.of(
            "failures",
            List.of(new Part("F", "i", "", range(0, 10), rows(0, 1))),
            List.of(new Part("F", "i", "", range(0, 10), rows(1, 2))),
            RoaringBitmap.or(rows(1), range(3, 10))),
        Arguments.of(
            "no rows in common",
            List.of(part("F", "i", rows(0))),
            List.of(part("F", "i", rows(9))),
            rows()),
        Arguments.of("no record then", List.of(), List.of(all), rows()),
        Arguments.of("no record now", List.of(all), List.of(), rows()));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("files")
  void aNewFileHoldsTheValuesOfTheOldOneWhereTheirSourcesAgree(
      String what, List<Part> before, List<Part> now, RoaringBitmap same) {
    Part[] then = before.toArray(Part[]::new);
    Part[] present = now.toArray(Part[]::new);
    ComputedInputs inputs =
        onW(ComputedInputs.NONE, record("w0", 0, 10, then), record("w1", 0, 10, present));
    assertThat(inputs.unchanged(ALL, BEFORE, NOW)).isEqualTo(same);
    assertThat(inputs.unchanged(ALL, NOW, BEFORE)).isEqualTo(same);
  }

  @Test
  void onlyWhatIsSureCounts() {
    Part all = part("F", "i", range(0, 10));
    ComputedInputs inputs =
        onW(ComputedInputs.NONE, record("w0", 0, 10, all), record("w1", 0, 10, all));
    assertThat(inputs.unchanged(ALL, BEFORE, BEFORE)).isEqualTo(range(0, 10));
    assertThat(inputs.unchanged(ALL, "", NOW)).as("of rows that others wrote").isEqualTo(rows());
    assertThat(inputs.unchanged(ALL, BEFORE, "{\"2\":\"\"}")).as("no file").isEqualTo(rows());
    assertThat(inputs.unchanged(ALL, BEFORE, "{\"2\":\"w9:[0]\"}"))
        .as("any file")
        .isEqualTo(rows());
    assertThat(inputs.unchanged(ALL, BEFORE, "{\"2\":\"w1:[0]\",\"7\":\"b:[0]\"}"))
        .as("another set of inputs")
        .isEqualTo(rows());
    assertThat(
            inputs.unchanged(
                ALL, "{\"0\":\"a:[0]\",\"2\":\"w0:[0]\"}", "{\"0\":\"b:[0]\",\"2\":\"w1:[0]\"}"))
        .as("base data beside it changed")
        .isEqualTo(rows());
    assertThat(
            inputs.unchanged(
                ALL, "{\"0\":\"a:[0]\",\"2\":\"w0:[0]\"}", "{\"0\":\"a:[0]\",\"2\":\"w1:[0]\"}"))
        .as("base data beside it did not change")
        .isEqualTo(range(0, 10));
    assertThat(ComputedInputs.NONE.unchanged(ALL, BEFORE, NOW)).isEqualTo(rows());
    for (ColumnOrigin other :
        List.of(record("w1", 5, 10, all), record("w1", 0, 11, part("F", "i", range(0, 11))))) {
      assertThat(
              onW(ComputedInputs.NONE, record("w0", 0, 10, all), other).unchanged(ALL, BEFORE, NOW))
          .as("the record is of another fragment")
          .isEqualTo(rows());
    }
  }

  private static Part madeOf(ComputedColumn column, TableColumn input, RoaringBitmap rows) {
    return part(column.fingerprint(), InputPlaces.of(ALL, List.of(input)), rows);
  }

  private static FragmentCoverage ofX(
      FragmentSnapshot fragment, ComputedInputs inputs, ColumnOrigin... origins) {
    return FragmentCoverage.of(fragment, fragment, OF_X, List.of(W), byPath(origins), inputs);
  }

  private static ColumnOrigin originOf(ComputedColumn column, Part... parts) {
    return origin(column, ALL, DeletedRows.NONE, parts);
  }

  @Test
  void aValueIsFreshOnlyIfAllThatItWasMadeOfIs() {
    ComputedInputs v = onV(originOf(OF_V, madeOf(OF_V, A, range(2, 10))));
    ComputedInputs w =
        onW(v, originOf(OF_W, madeOf(OF_W, V, range(0, 8)), part("E", "", rows(8, 9))));
    FragmentCoverage coverage = ofX(ALL, w, originOf(OF_X, madeOf(OF_X, W, range(0, 10))));
    // Of v nothing is known in rows 0 and 1: it may be a value that somebody wrote.
    assertThat(coverage.fresh()).isEqualTo(range(0, 8));
    assertThat(coverage.stale()).isEqualTo(rows(8, 9));
    assertThat(coverage.computedInputs())
        .singleElement()
        .satisfies(
            input -> {
              assertThat(input.name()).isEqualTo("w");
              assertThat(input.unavailable()).isEqualTo(rows(8, 9));
              assertThat(input.undecided()).isEqualTo(rows());
            });
  }

  @Test
  void withoutAFileOfAnInputNoRowIsAvailable() {
    FragmentSnapshot without = fragment(0, 10, file("a0", 0), file("v0", 1));
    InputCoverage input = ofX(without, onW(onV())).computedInputs().get(0);
    assertThat(input.unavailable()).isEqualTo(range(0, 10));
    assertThat(input.undecided()).isEqualTo(rows());
  }

  @Test
  void rowsWaitForWhatHasNoValueOrAnOldOne() {
    FakeFinder finder = new FakeFinder();
    finder.filled.put(0, rows(8));
    // w: fresh below 4, old in 4 and 5, without a record from 6, where row 8 holds a value.
    ComputedInputs w =
        onW(
            ComputedInputs.NONE,
            originOf(OF_W, madeOf(OF_W, V, range(0, 4)), part("E", "", rows(4, 5))));
    FragmentCoverage coverage = ofX(ALL, w);
    List<HeldBack> held =
        HeldBack.find(finder, table(1, ALL), List.of(coverage), Map.of(0, range(1, 10)));
    assertThat(held).containsExactly(new HeldBack("w", List.of(), Map.of(0, rows(4, 5, 6, 7, 9))));
    assertThat(held.get(0).count()).isEqualTo(5);
    assertThat(HeldBack.find(finder, table(1, ALL), List.of(coverage), Map.of(0, rows(0, 3, 8))))
        .isEmpty();
    assertThat(HeldBack.find(finder, table(1, ALL), List.of(coverage), Map.of())).isEmpty();
  }

  @Test
  void theOnesToBeFilledFirstComeInFront() {
    FragmentSnapshot without = fragment(0, 10, file("a0", 0));
    List<HeldBack> held =
        HeldBack.find(
            new FakeFinder(),
            table(1, without),
            List.of(ofX(without, onW(onV()))),
            Map.of(0, range(0, 10)));
    assertThat(held).containsExactly(new HeldBack("w", List.of("v"), Map.of(0, range(0, 10))));
  }

  @Test
  void ofSeveralInputsEachSaysWhatItHolds() {
    assertThat(
            HeldBack.union(
                List.of(
                    new HeldBack("v", List.of(), Map.of(0, rows(1), 1, rows(5))),
                    new HeldBack("w", List.of(), Map.of(0, rows(1, 2))))))
        .isEqualTo(Map.of(0, rows(1, 2), 1, rows(5)));
    assertThat(HeldBack.union(List.of())).isEmpty();
  }
}
