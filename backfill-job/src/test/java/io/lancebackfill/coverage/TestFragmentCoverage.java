package io.lancebackfill.coverage;

import static io.lancebackfill.HandMade.A;
import static io.lancebackfill.HandMade.COMPUTED;
import static io.lancebackfill.HandMade.byPath;
import static io.lancebackfill.HandMade.deleting;
import static io.lancebackfill.HandMade.file;
import static io.lancebackfill.HandMade.fragment;
import static io.lancebackfill.HandMade.fresh;
import static io.lancebackfill.HandMade.origin;
import static io.lancebackfill.HandMade.part;
import static io.lancebackfill.HandMade.range;
import static io.lancebackfill.HandMade.rows;
import static io.lancebackfill.HandMade.table;
import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.FakeFinder;
import io.lancebackfill.datasource.table.DeletedRows;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.plan.FragmentPlan;
import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.ColumnOrigin.Part;
import io.lancebackfill.state.InputPlaces;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.roaringbitmap.RoaringBitmap;

class TestFragmentCoverage {
  private static final FragmentSnapshot F0 = fragment(0, 10, file("base0", 0), file("v0", 1));
  private static final String INPUTS = InputPlaces.of(F0, List.of(A));

  private static FragmentCoverage coverage(
      FragmentSnapshot fragment, Map<String, ColumnOrigin> origins) {
    return FragmentCoverage.of(
        fragment, fragment, COMPUTED, List.of(A), origins, ComputedInputs.NONE);
  }

  @Test
  void sortsRowsByTheirRecord() {
    FragmentCoverage coverage =
        coverage(
            F0,
            byPath(
                origin(
                    COMPUTED,
                    F0,
                    new DeletedRows("d", rows(2, 9)),
                    new Part("F", INPUTS, "", rows(0, 1, 2), rows(1)),
                    part("F", "{\"0\":\"earlier:[0]\"}", rows(3)),
                    part("E", INPUTS, rows(4)),
                    Part.writtenBy(3, rows(5)))));
    assertThat(coverage.fresh()).isEqualTo(rows(0, 2));
    assertThat(coverage.failed()).isEqualTo(rows(1));
    assertThat(coverage.stale()).isEqualTo(rows(3, 4, 5));
    // Row 2 is in the file: it came back to life and was computed since.
    assertThat(coverage.absent()).isEqualTo(rows(9));
    assertThat(coverage.unexplained()).isEqualTo(rows(6, 7, 8));
  }

  @Test
  void withoutAFileNothingIsExplained() {
    FragmentCoverage coverage = coverage(fragment(0, 1, file("base0", 0)), Map.of());
    assertThat(coverage.place()).isEmpty();
    assertThat(coverage.unexplained()).isEqualTo(rows(0));
    assertThat(coverage.absentAreDeleted()).isTrue();
  }

  @Test
  void aRecordOfOtherRowsOrColumnsIsNone() {
    ColumnOrigin own = origin(F0, fresh(F0, range(0, 10)));
    assertThat(coverage(F0, byPath(own)).fresh()).isEqualTo(range(0, 10));
    assertThat(coverage(F0, Map.of("other", own)).origin()).isEmpty();
    FragmentSnapshot longer = fragment(0, 11, file("base0", 0), file("v0", 1));
    assertThat(coverage(longer, byPath(own)).unexplained()).isEqualTo(range(0, 11));
    ColumnOrigin ofOther =
        new ColumnOrigin(
            "2", 0, 10, own.file(), "", own.parts(), DeletedRows.NONE, "job", 1, own.at());
    assertThat(coverage(F0, byPath(ofOther)).origin()).isEmpty();
  }

  @Test
  void ofARecomputeOnlyItsOwnFreshRowsCount() {
    FragmentCoverage coverage =
        coverage(
            F0,
            byPath(
                origin(
                    F0,
                    new Part("F", INPUTS, "g", rows(0, 1), rows(1)),
                    new Part("E", INPUTS, "g", rows(2), rows()),
                    fresh(F0, rows(3)))));
    assertThat(coverage.freshOf("g", COMPUTED)).isEqualTo(rows(0));
    assertThat(coverage.freshOf("other", COMPUTED)).isEqualTo(rows());
    assertThat(coverage.freshOf("", COMPUTED)).isEqualTo(rows(3));
  }

  @ParameterizedTest
  @CsvSource({
    // deletion file of the record, of the fragment, deleted rows in the record, sure?
    "d1, d1, 2, true",
    "d1, d2, 2, false",
    "d1, '', 2, false",
    "'', d2, 0, true",
  })
  void deletedRowsAreSurelySoUnderTheSameDeletionFileOnly(
      String recorded, String present, int deleted, boolean sure) {
    FragmentSnapshot now = deleting(present.isEmpty() ? 0 : 2, present, F0);
    DeletedRows then = new DeletedRows(recorded, range(0, deleted));
    assertThat(
            coverage(now, byPath(origin(COMPUTED, now, then, fresh(now, range(2, 10)))))
                .absentAreDeleted())
        .isEqualTo(sure);
  }

  static Stream<Arguments> keeping() {
    FragmentSnapshot without = fragment(0, 10, file("base0", 0));
    return Stream.of(
        Arguments.of(F0, range(0, 10), rows(), false),
        Arguments.of(F0, range(0, 9), rows(), true),
        Arguments.of(F0, range(1, 10), rows(), true),
        Arguments.of(F0, range(0, 9), rows(9), false),
        Arguments.of(F0, rows(), range(0, 10), false),
        Arguments.of(without, rows(3), rows(), false));
  }

  @ParameterizedTest
  @MethodSource("keeping")
  void whatIsNeitherComputedNorDeletedIsTakenOver(
      FragmentSnapshot fragment, RoaringBitmap need, RoaringBitmap deleted, boolean keeps) {
    FragmentPlan plan =
        new FragmentPlan(
            coverage(fragment, Map.of()), need, need, new DeletedRows("d", deleted), List.of());
    assertThat(plan.keepsCurrent()).isEqualTo(keeps);
    assertThat(plan.fragmentId()).isZero();
  }

  @Test
  void rowsOfUnknownOriginAreThoseWithAValueThatNoRecordExplains() {
    FakeFinder finder = new FakeFinder();
    FragmentSnapshot without = fragment(1, 10, file("base1", 0));
    FragmentSnapshot all = fragment(2, 10, file("base2", 0), file("v2", 1));
    Map<String, ColumnOrigin> origins =
        byPath(origin(F0, fresh(F0, range(0, 8))), origin(all, fresh(all, range(0, 10))));
    finder.filled.put(0, rows(3, 9));
    finder.filled.put(1, rows(1));
    assertThat(
            UnknownRows.find(
                finder,
                table(1, F0, without, all),
                COMPUTED,
                List.of(coverage(F0, origins), coverage(without, origins), coverage(all, origins))))
        .isEqualTo(Map.of(0, rows(9)));
    // Only these rows, of that fragment, are read; NULLs in all columns of a group are none.
    assertThat(finder.asked).containsExactly("1 (false OR (v IS NOT NULL)) 0{8,9}");
  }

  @Test
  void onlyOfFragmentsWithDeletedRowsItIsReadWhichAreAlive() {
    FakeFinder finder = new FakeFinder();
    FragmentSnapshot some = deleting(1, "d", fragment(1, 3));
    FragmentSnapshot gone = deleting(2, "e", fragment(2, 2));
    finder.alive.put(1L, Map.of(1, rows(0, 2), 2, rows()));
    assertThat(LiveRowsOfFragments.find(finder, table(1, F0, some, gone)))
        .isEqualTo(Map.of(1, rows(0, 2)));
    assertThat(finder.asked).containsExactlyInAnyOrder("1 true 1{0,1,2}", "1 true 2{0,1}");
    finder.asked.clear();
    assertThat(LiveRowsOfFragments.find(finder, table(1, some, gone), f -> f.id() == 2)).isEmpty();
    assertThat(finder.asked).containsExactly("1 true 2{0,1}");
  }
}
