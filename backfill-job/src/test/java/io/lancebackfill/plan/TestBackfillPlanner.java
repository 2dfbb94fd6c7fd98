package io.lancebackfill.plan;

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
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.FakeFinder;
import io.lancebackfill.coverage.ComputedInputs;
import io.lancebackfill.datasource.table.DeletedRows;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.state.CheckpointStore.Checkpoint;
import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.ColumnOrigin.Part;
import io.lancebackfill.state.InputPlaces;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.spark.SparkThrowable;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.functions;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.roaringbitmap.RoaringBitmap;

class TestBackfillPlanner {
  /** A fragment of ten rows that has a file for the column. */
  private static final FragmentSnapshot F0 = fragment(0, 10, file("base0", 0), file("v0", 1));

  private static final String INPUTS = InputPlaces.of(F0, List.of(A));
  private static final String OTHER_INPUTS = "{\"0\":\"earlier:[0]\"}";

  private final FakeFinder finder = new FakeFinder();

  /** What a test asks for beside the table. */
  private static final class Asked {
    private Map<String, ColumnOrigin> origins = Map.of();
    private List<Checkpoint> checkpoints = List.of();
    private @Nullable Column where;
    private boolean recompute;
    private boolean recomputeUnknown;
    private @Nullable Map<Integer, RoaringBitmap> failedRows;
    private String generation = "";
    private int maxFragments;

    static Asked with(ColumnOrigin... origins) {
      Asked asked = new Asked();
      asked.origins = byPath(origins);
      return asked;
    }
  }

  private BackfillPlan plan(TableSnapshot inputs, TableSnapshot current, Asked asked) {
    return new BackfillPlanner(finder)
        .plan(
            new PlanRequest(
                inputs,
                current,
                COMPUTED,
                List.of(A),
                asked.origins,
                ComputedInputs.NONE,
                asked.checkpoints,
                asked.where,
                asked.failedRows,
                asked.recompute,
                asked.recomputeUnknown,
                asked.generation,
                asked.maxFragments));
  }

  private BackfillPlan plan(TableSnapshot table, Asked asked) {
    return plan(table, table, asked);
  }

  private static RoaringBitmap need(BackfillPlan plan) {
    assertThat(plan.fragments()).hasSizeLessThanOrEqualTo(1);
    return plan.fragments().isEmpty() ? rows() : plan.fragments().get(0).need();
  }

  @Test
  void anEmptyTableNeedsNothing() {
    BackfillPlan plan = plan(table(1), new Asked());
    assertThat(plan.fragments()).isEmpty();
    assertThat(plan.fragmentsSkipped()).isZero();
    assertThat(plan.rowsToCompute()).isZero();
  }

  @Test
  void aFragmentWithoutTheColumnIsComputedWhole() {
    BackfillPlan plan = plan(table(1, fragment(0, 1, file("base0", 0))), new Asked());
    assertThat(need(plan)).isEqualTo(rows(0));
    assertThat(plan.fragments().get(0).compute()).isEqualTo(rows(0));
    assertThat(plan.fragments().get(0).keepsCurrent()).isFalse();
    assertThat(finder.asked).as("no row needs to be read").isEmpty();
  }

  /** Parts of the record, rows that hold a value, and rows that are needed: as asked; all anew. */
  static Stream<Arguments> records() {
    RoaringBitmap all = range(0, 10);
    return Stream.of(
        Arguments.of("all fresh", List.of(fresh(F0, all)), all, rows(), 0),
        Arguments.of("all but the first", List.of(fresh(F0, range(1, 10))), rows(), rows(0), 0),
        Arguments.of("all but the last", List.of(fresh(F0, range(0, 9))), rows(), rows(9), 0),
        Arguments.of("none", List.of(), rows(), all, 0),
        Arguments.of(
            "unknown ones stay", List.of(fresh(F0, range(0, 5))), rows(7, 9), rows(5, 6, 8), 2),
        Arguments.of("another function", List.of(part("E", INPUTS, all)), all, all, 0),
        Arguments.of("earlier inputs", List.of(part("F", OTHER_INPUTS, all)), all, all, 0),
        Arguments.of(
            "failed ones",
            List.of(new Part("F", INPUTS, "", all, rows(0, 9))),
            range(1, 9),
            rows(0, 9),
            0),
        Arguments.of("written by others", List.of(Part.writtenBy(4, all)), all, all, 0),
        Arguments.of(
            "of all kinds",
            List.of(fresh(F0, range(0, 3)), part("E", INPUTS, rows(3, 4))),
            range(0, 6),
            rows(3, 4, 6, 7, 8, 9),
            1));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("records")
  void needsWhatTheRecordDoesNotCallFresh(
      String what, List<Part> parts, RoaringBitmap filled, RoaringBitmap need, long unknown) {
    finder.filled.put(0, filled);
    Asked asked =
        parts.isEmpty() ? new Asked() : Asked.with(origin(F0, parts.toArray(Part[]::new)));
    BackfillPlan plan = plan(table(1, F0), asked);
    assertThat(need(plan)).isEqualTo(need);
    assertThat(plan.unknownRows()).isEqualTo(unknown);
    assertThat(plan.fragmentsSkipped()).isEqualTo(need.isEmpty() ? 1 : 0);
    assertThat(plan.rowsToCompute()).isEqualTo(need.getLongCardinality());

    asked.recomputeUnknown = true;
    RoaringBitmap fresh = parts.isEmpty() ? rows() : freshOf(parts);
    assertThat(need(plan(table(1, F0), asked)))
        .isEqualTo(RoaringBitmap.andNot(range(0, 10), fresh));

    asked.recompute = true;
    asked.generation = "now";
    assertThat(need(plan(table(1, F0), asked))).isEqualTo(range(0, 10));
  }

  private static RoaringBitmap freshOf(List<Part> parts) {
    RoaringBitmap fresh = new RoaringBitmap();
    for (Part part : parts) {
      if (part.fingerprint().equals("F") && part.inputs().equals(INPUTS)) {
        fresh.or(RoaringBitmap.andNot(part.computed(), part.failed()));
      }
    }
    return fresh;
  }

  @Test
  void aRecomputeGoesOnWhereItEnded() {
    Asked asked =
        Asked.with(
            origin(
                F0,
                new Part("F", INPUTS, "now", rows(0, 1, 2), rows(2)),
                new Part("F", INPUTS, "before", rows(3), rows()),
                fresh(F0, range(4, 10))));
    asked.recompute = true;
    asked.generation = "now";
    assertThat(need(plan(table(1, F0), asked))).isEqualTo(range(2, 10));
  }

  @Test
  void ofARowOfUnknownOriginARecomputeOfTheKnownLeavesTheValue() {
    finder.filled.put(0, rows(9));
    Asked asked = Asked.with(origin(F0, fresh(F0, range(0, 9))));
    asked.recompute = true;
    asked.generation = "now";
    BackfillPlan plan = plan(table(1, F0), asked);
    assertThat(need(plan)).isEqualTo(range(0, 9));
    assertThat(plan.unknownRows()).isEqualTo(1);
    assertThat(plan.fragments().get(0).keepsCurrent()).isTrue();
  }

  @Test
  void deletedRowsAreNotComputed() {
    FragmentSnapshot some = deleting(3, "d1", F0);
    FragmentSnapshot gone = deleting(10, "d2", fragment(1, 10, file("base1", 0)));
    FragmentSnapshot butOne = deleting(9, "d3", fragment(2, 10, file("base2", 0)));
    finder.alive.put(1L, Map.of(0, range(0, 7), 2, rows(9)));
    BackfillPlan plan = plan(table(1, some, gone, butOne), new Asked());
    assertThat(plan.fragments()).extracting(FragmentPlan::fragmentId).containsExactly(0, 2);
    assertThat(plan.fragments())
        .extracting(FragmentPlan::need)
        .containsExactly(range(0, 7), rows(9));
    assertThat(plan.fragments().get(0).deleted()).isEqualTo(new DeletedRows("d1", range(7, 10)));
    assertThat(plan.fragments().get(1).deleted()).isEqualTo(new DeletedRows("d3", range(0, 9)));
    assertThat(plan.fragmentsSkipped()).isEqualTo(1);
  }

  @Test
  void rowsThatWereDeletedWhenTheFileWasMadeAreNotLookedForAgain() {
    FragmentSnapshot some = deleting(3, "d1", F0);
    DeletedRows then = new DeletedRows("d1", range(7, 10));
    Asked asked = Asked.with(origin(COMPUTED, some, then, fresh(some, range(0, 7))));
    BackfillPlan plan = plan(table(1, some), asked);
    assertThat(plan.fragments()).isEmpty();
    assertThat(plan.observed()).isEmpty();
    assertThat(finder.asked).isEmpty();
  }

  /** Another deletion file may mean that some came back: one look, which is recorded. */
  @Test
  void rowsThatAreStillDeletedAreRecordedAsSuch() {
    FragmentSnapshot more = deleting(4, "d2", F0);
    DeletedRows then = new DeletedRows("d1", range(7, 10));
    ColumnOrigin before = origin(COMPUTED, more, then, fresh(more, range(0, 7)));
    finder.alive.put(1L, Map.of(0, range(1, 7)));
    BackfillPlan plan = plan(table(1, more), Asked.with(before));
    assertThat(plan.fragments()).isEmpty();
    assertThat(plan.observed())
        .singleElement()
        .satisfies(
            newer -> {
              assertThat(newer.deleted()).isEqualTo(new DeletedRows("d2", range(7, 10)));
              assertThat(newer.parts()).isEqualTo(before.parts());
            });
  }

  @Test
  void aRowThatCameBackToLifeIsComputed() {
    FragmentSnapshot fewer = deleting(2, "d0", F0);
    DeletedRows then = new DeletedRows("d1", range(7, 10));
    finder.alive.put(1L, Map.of(0, range(0, 8)));
    BackfillPlan plan =
        plan(table(1, fewer), Asked.with(origin(COMPUTED, fewer, then, fresh(fewer, range(0, 7)))));
    assertThat(need(plan)).isEqualTo(rows(7));
    assertThat(plan.observed()).isEmpty();
  }

  /** Inputs are read at version 1, at which those rows cannot be read. */
  @Test
  void aFragmentWithRowsThatCameBackSinceInputsAreReadIsLeft() {
    FragmentSnapshot read = deleting(3, "d1", F0);
    FragmentSnapshot now = deleting(2, "d0", F0);
    finder.alive.put(1L, Map.of(0, range(0, 7)));
    finder.alive.put(2L, Map.of(0, range(0, 8)));
    BackfillPlan plan = plan(table(1, read), table(2, now), new Asked());
    assertThat(plan.fragments()).isEmpty();
    assertThat(plan.restored()).containsExactly(0);
    assertThat(plan.fragmentsSkipped()).isZero();
  }

  @Test
  void ofAPinnedVersionRowsDeletedSinceAreNotComputed() {
    FragmentSnapshot now = deleting(1, "d1", F0);
    finder.alive.put(2L, Map.of(0, range(1, 10)));
    BackfillPlan plan = plan(table(1, F0), table(2, now), new Asked());
    assertThat(need(plan)).isEqualTo(range(1, 10));
  }

  @Test
  void fragmentsThatThePinnedVersionDoesNotHaveAreCounted() {
    FragmentSnapshot other = fragment(1, 6, file("base1b", 0));
    FragmentSnapshot appended = fragment(2, 5, file("base2", 0));
    BackfillPlan plan =
        plan(
            table(1, F0, fragment(1, 5, file("base1", 0))),
            table(2, F0, other, appended),
            Asked.with(origin(F0, fresh(F0, range(0, 10)))));
    assertThat(plan.fragments()).isEmpty();
    assertThat(plan.fragmentsAppended()).isEqualTo(2);
    assertThat(plan.fragmentsSkipped()).isEqualTo(1);
  }

  @Test
  void whereIsAskedOfTheRowsThatAreNeeded() {
    finder.selected.put(0, rows(1, 5, 6));
    Asked asked = Asked.with(origin(F0, fresh(F0, range(0, 5))));
    asked.where = functions.col("w");
    BackfillPlan plan = plan(table(1, F0), asked);
    assertThat(need(plan)).isEqualTo(rows(5, 6));
    assertThat(finder.asked).endsWith("1 w 0{5,6,7,8,9}");
    finder.selected.clear();
    assertThat(plan(table(1, F0), asked).fragmentsSkipped()).isEqualTo(1);
  }

  private static final class Unfit extends RuntimeException implements SparkThrowable {
    private static final long serialVersionUID = 1L;

    Unfit() {
      super("division by zero");
    }

    @Override
    public String getErrorClass() {
      return "DIVIDE_BY_ZERO";
    }
  }

  @Test
  void aConditionThatFailsIsTheCallersFault() {
    Asked asked = new Asked();
    asked.where = functions.col("w");
    TableSnapshot table = table(1, fragment(0, 10, file("base0", 0)));
    finder.fails = new Unfit();
    assertThatThrownBy(() -> plan(table, asked))
        .isInstanceOfSatisfying(
            BackfillException.class,
            e -> assertThat(e.code()).isEqualTo(BackfillErrorCode.INVALID_WHERE))
        .hasMessageContaining("nothing was computed")
        .hasMessageContaining("division by zero");
    finder.fails = new IllegalStateException("something else");
    assertThatThrownBy(() -> plan(table, asked)).isSameAs(finder.fails);
  }

  @Test
  void noMoreFragmentsThanAskedForInTheTablesOrder() {
    List<FragmentSnapshot> fragments = new ArrayList<>();
    for (int id : new int[] {7, 3, 9, 1}) {
      fragments.add(fragment(id, 10, file("base" + id, 0)));
    }
    fragments.add(1, F0);
    Asked asked = Asked.with(origin(F0, fresh(F0, range(0, 10))));
    TableSnapshot table = table(1, fragments.toArray(FragmentSnapshot[]::new));
    for (int most : new int[] {0, 1, 3, 4, 5}) {
      asked.maxFragments = most;
      BackfillPlan plan = plan(table, asked);
      int taken = most == 0 ? 4 : Math.min(4, most);
      assertThat(plan.fragments())
          .extracting(FragmentPlan::fragmentId)
          .isEqualTo(List.of(7, 3, 9, 1).subList(0, taken));
      assertThat(plan.fragmentsLeft()).isEqualTo(4 - taken);
      assertThat(plan.fragmentsSkipped()).isEqualTo(1);
    }
  }

  private static Checkpoint checkpoint(String name, String inputs, String generation, int... of) {
    return new Checkpoint(name, 0, inputs, generation, rows(of), "earlier");
  }

  @Test
  void finishedRowsAreTakenFromCheckpointsOnce() {
    Asked asked = Asked.with(origin(F0, fresh(F0, range(8, 10))));
    asked.checkpoints =
        List.of(
            checkpoint("c1", INPUTS, "", 0, 1, 2, 9),
            checkpoint("other inputs", OTHER_INPUTS, "", 5),
            checkpoint("c2", INPUTS, "g", 2, 3),
            checkpoint("nothing new", INPUTS, "", 1, 3, 8),
            new Checkpoint("other fragment", 4, INPUTS, "", rows(6), "earlier"));
    BackfillPlan plan = plan(table(1, F0), asked);
    assertThat(need(plan)).isEqualTo(range(0, 8));
    assertThat(plan.fragments().get(0).compute()).isEqualTo(range(4, 8));
    assertThat(plan.rowsToCompute()).isEqualTo(4);
    assertThat(plan.fragments().get(0).checkpoints())
        .containsExactly(
            asked.checkpoints.get(0).only(rows(0, 1, 2)), asked.checkpoints.get(2).only(rows(3)));
  }

  @Test
  void aRecomputeTakesOnlyItsOwnCheckpoints() {
    Asked asked = new Asked();
    asked.recompute = true;
    asked.generation = "g";
    asked.checkpoints =
        List.of(checkpoint("theirs", INPUTS, "", 0, 1), checkpoint("ours", INPUTS, "g", 1, 2));
    BackfillPlan plan = plan(table(1, fragment(0, 10, file("base0", 0))), asked);
    assertThat(plan.fragments().get(0).compute())
        .isEqualTo(RoaringBitmap.andNot(range(0, 10), rows(1, 2)));
  }

  @Test
  void aPlanForSomeFragmentsIsTheSameOtherwise() {
    BackfillPlan all =
        plan(
            table(1, fragment(0, 10, file("base0", 0)), fragment(1, 5, file("base1", 0))),
            new Asked());
    BackfillPlan some = all.only(fragment -> fragment.fragmentId() == 1);
    assertThat(some.fragments()).containsExactly(all.fragments().get(1));
    assertThat(some.rowsToCompute()).isEqualTo(5);
    assertThat(some.fragmentsSkipped()).isEqualTo(all.fragmentsSkipped());
  }

  @Test
  void refusesFragmentsWithMoreRowsThanAnIntCounts() {
    assertThatCode(
            () ->
                BackfillPlanner.requireAddressable(
                    table(1, fragment(0, 10), fragment(7, Integer.MAX_VALUE))))
        .doesNotThrowAnyException();
    assertThatThrownBy(() -> plan(table(1, fragment(0, 10), fragment(7, 1L << 31)), new Asked()))
        .isInstanceOf(BackfillException.class)
        .hasMessageStartingWith(
            "[INVALID_ARGUMENT] Fragment 7 of the table has 2147483648 rows, and a backfill reaches"
                + " 2147483647 in a fragment.");
  }
}
