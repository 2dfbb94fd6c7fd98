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
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.datasource.history.TableChange;
import io.lancebackfill.datasource.history.TableChange.ColumnsRewritten;
import io.lancebackfill.datasource.history.TableChange.FragmentsRewritten;
import io.lancebackfill.datasource.history.TableChange.Gap;
import io.lancebackfill.datasource.history.TableChange.Group;
import io.lancebackfill.datasource.history.TableChange.Restored;
import io.lancebackfill.datasource.history.TableChange.RowsWritten;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.ColumnOrigin.Part;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.InputPlaces;
import io.lancebackfill.state.JobRecords.Followed;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.roaringbitmap.RoaringBitmap;

class TestHistoryWalk {
  private static final Followed FOLLOWED = new Followed(2, Map.of(1L, 2L));

  private static final FragmentSnapshot F0 = fragment(0, 10, file("base0", 0), file("v0", 1));
  private static final FragmentSnapshot F1 = fragment(1, 10, file("base1", 0), file("v1", 1));

  /** Where a compaction put the rows of both; 3 of F1 were deleted. */
  private static final FragmentSnapshot BOTH = fragment(2, 17, file("both", 0, 1));

  private static final FragmentSnapshot F1_DELETED = deleting(3, "1-5", F1);
  private static final RoaringBitmap ALIVE = rows(0, 1, 3, 4, 6, 7, 8);

  private final FakePast past = new FakePast();

  /** A past that is made by hand; versions that nobody gave are gone. */
  private static final class FakePast implements Past {
    private final List<TableChange> changes = new ArrayList<>();
    private final Map<Long, TableSnapshot> versions = new HashMap<>();
    private final Map<Long, Map<Integer, RoaringBitmap>> alive = new HashMap<>();
    private final Map<Integer, RoaringBitmap> updated = new HashMap<>();
    private Followed ever = FOLLOWED;
    private Map<String, ColumnOrigin> records = Map.of();
    private DatasetException.Kind missing = DatasetException.Kind.NOT_FOUND;
    private final List<String> read = new ArrayList<>();

    @Override
    public List<TableChange> changes(long after, long through) {
      read.add(after + " to " + through);
      return changes.stream()
          .filter(change -> change.version() > after && change.version() <= through)
          .toList();
    }

    @Override
    public TableSnapshot at(long version) {
      return Optional.ofNullable(versions.get(version)).orElseThrow(() -> gone(version));
    }

    private DatasetException gone(long version) {
      return new DatasetException(missing, DatasetRef.of("/t"), "version " + version, null);
    }

    @Override
    public Map<Integer, RoaringBitmap> alive(long version, Map<Integer, RoaringBitmap> among) {
      Map<Integer, RoaringBitmap> then =
          Optional.ofNullable(alive.get(version)).orElseThrow(() -> gone(version));
      assertThat(then).containsOnlyKeys(among.keySet());
      return then;
    }

    @Override
    public RoaringBitmap updatedBy(long version, int fragmentId) {
      return updated.getOrDefault(fragmentId, new RoaringBitmap());
    }

    @Override
    public Followed everFollowed() {
      return ever;
    }

    @Override
    public Map<String, ColumnOrigin> deciding(ComputedColumn column, TableSnapshot table) {
      return records;
    }

    @Override
    public Map<String, ColumnOrigin> records() {
      return records;
    }
  }

  private HistoryWalk.Result follow(TableSnapshot table, Map<String, ColumnOrigin> origins) {
    past.records = origins;
    return HistoryWalk.follow(past, table, COMPUTED, List.of(A), ComputedInputs.NONE, FOLLOWED);
  }

  private static Map<String, ColumnOrigin> recorded(Part of0, Part of1) {
    return byPath(origin(F0, of0), origin(F1, of1));
  }

  private static String inputs(FragmentSnapshot fragment) {
    return InputPlaces.of(fragment, List.of(A));
  }

  @Test
  void readsNoHistoryWhereItCouldLearnNothing() {
    FragmentSnapshot appended = fragment(7, 5, file("new", 0));
    Followed never = new Followed(0, Map.of());
    assertThat(
            HistoryWalk.follow(past, table(9, F0), COMPUTED, List.of(A), ComputedInputs.NONE, never)
                .origins())
        .isEmpty();
    assertThat(follow(table(2, F0), Map.of()).origins()).isEmpty();
    Map<String, ColumnOrigin> origins = byPath(origin(F0, fresh(F0, range(0, 10))));
    HistoryWalk.Result result = follow(table(9, F0, appended), origins);
    assertThat(result.origins()).isEqualTo(origins);
    assertThat(result.carried()).isEmpty();
    assertThat(past.read).isEmpty();
  }

  @Test
  void readsWhatWasNotFollowedYet() {
    past.changes.add(new RowsWritten(2, List.of(BOTH)));
    follow(table(9, F0, BOTH), byPath(origin(F0, fresh(F0, range(0, 10)))));
    assertThat(past.read).containsExactly("2 to 9");
    assertThat(past.changes).hasSize(1);
  }

  @Test
  void aCompactionTakesRecordsAlong() {
    past.changes.add(
        new FragmentsRewritten(5, List.of(new Group(List.of(F0, F1_DELETED), List.of(BOTH)))));
    past.alive.put(4L, Map.of(1, ALIVE));
    Map<String, ColumnOrigin> origins =
        recorded(new Part("F", inputs(F0), "", range(0, 10), rows(9)), fresh(F1, rows(0, 2, 8, 9)));
    HistoryWalk.Result result = follow(table(5, BOTH), origins);
    assertThat(result.carried()).hasSize(1);
    ColumnOrigin carried = result.carried().get(0);
    assertThat(carried.parts())
        .containsExactly(
            new Part("F", inputs(BOTH), "", RoaringBitmap.or(range(0, 10), rows(10, 16)), rows(9)));
    assertThat(carried.fragmentId()).isEqualTo(2);
    assertThat(result.origins()).containsOnlyKeys("v0", "v1", "both").containsValue(carried);
    assertThat(result.gaps()).isEmpty();

    HistoryWalk.Result again = follow(table(5, BOTH), result.origins());
    assertThat(again.carried()).isEmpty();
    assertThat(again.origins()).isEqualTo(result.origins());
  }

  @Test
  void whatWasStaleBeforeACompactionIsSoAfterIt() {
    past.changes.add(
        new FragmentsRewritten(5, List.of(new Group(List.of(F0, F1_DELETED), List.of(BOTH)))));
    past.alive.put(4L, Map.of(1, ALIVE));
    Part stale = part("F", "{\"0\":\"other:[0]\"}", rows(3));
    Part byAnother = part("E", inputs(F1), rows(4));
    assertThat(follow(table(5, BOTH), recorded(stale, byAnother)).carried().get(0).parts())
        .containsExactly(
            part("F", "{\"0\":\"other:[0]\"}", rows(3)), part("E", inputs(BOTH), rows(13)));
  }

  @Test
  void aCompactionOfFragmentsWithoutRecordsLeavesNone() {
    FragmentSnapshot unknown = fragment(5, 10, file("base5", 0), file("v5", 1));
    FragmentSnapshot after = fragment(6, 10, file("c", 0, 1));
    past.changes.add(
        new FragmentsRewritten(5, List.of(new Group(List.of(unknown), List.of(after)))));
    HistoryWalk.Result result =
        follow(table(5, F0, after), byPath(origin(F0, fresh(F0, range(0, 10)))));
    assertThat(result.carried()).isEmpty();
  }

  /** Rows that do not add up are not guessed at. */
  @Test
  void aCompactionWhoseRowsDoNotAddUpHasNoRecord() {
    FragmentSnapshot longer = fragment(2, 18, file("both", 0, 1));
    past.changes.add(
        new FragmentsRewritten(5, List.of(new Group(List.of(F0, F1_DELETED), List.of(longer)))));
    past.alive.put(4L, Map.of(1, ALIVE));
    Map<String, ColumnOrigin> origins = recorded(fresh(F0, range(0, 10)), fresh(F1, range(0, 10)));
    assertThat(follow(table(5, longer), origins).carried()).isEmpty();
  }

  @Test
  void aCompactionOfDeletedRowsWhoseVersionBeforeIsGoneIsAGap() {
    FragmentSnapshot alone = fragment(3, 10, file("alone", 0, 1));
    past.changes.add(
        new FragmentsRewritten(
            5,
            List.of(
                new Group(List.of(F1_DELETED), List.of(fragment(2, 7, file("seven", 0, 1)))),
                new Group(List.of(F0), List.of(alone)))));
    HistoryWalk.Result result =
        follow(table(5, BOTH, alone), recorded(fresh(F0, range(0, 10)), fresh(F1, range(0, 10))));
    assertThat(result.gaps()).containsExactly(new Gap(4, 4));
    assertThat(result.carried()).extracting(o -> o.file().path()).containsExactly("alone");
  }

  @ParameterizedTest
  @EnumSource(names = {"UNAVAILABLE", "CORRUPT"})
  void aVersionThatCannotBeReadNowIsNoGap(DatasetException.Kind kind) {
    past.missing = kind;
    Map<String, ColumnOrigin> origins = recorded(fresh(F0, range(0, 10)), fresh(F1, range(0, 10)));
    past.changes.add(
        new FragmentsRewritten(5, List.of(new Group(List.of(F0, F1_DELETED), List.of(BOTH)))));
    assertThatThrownBy(() -> follow(table(5, BOTH), origins)).hasMessageContaining("version 4");
    past.changes.clear();
    FragmentSnapshot moved = fragment(0, 10, file("base0b", 0), file("v0", 1));
    past.changes.add(new ColumnsRewritten(7, List.of(moved)));
    assertThatThrownBy(() -> follow(table(7, moved), origins)).hasMessageContaining("version 6");
  }

  @Test
  void anUpdateLeavesARecordOfTheRowsThatItWrote() {
    FragmentSnapshot written = fragment(4, 3, file("u", 0, 1));
    FragmentSnapshot without = fragment(5, 3, file("w", 0));
    past.changes.add(new RowsWritten(6, List.of(written, without)));
    HistoryWalk.Result result =
        follow(table(6, F0, written, without), byPath(origin(F0, fresh(F0, range(0, 10)))));
    assertThat(result.carried()).hasSize(1);
    assertThat(result.carried().get(0).parts()).containsExactly(Part.writtenBy(6, range(0, 3)));
    assertThat(result.carried().get(0).parts().get(0).writtenBy()).hasValue(6);
  }

  @Test
  void rowsThatAnUpdateWroteAreCompactedAsSuch() {
    FragmentSnapshot written = fragment(4, 3, file("u", 0, 1));
    FragmentSnapshot after = fragment(5, 13, file("c", 0, 1));
    past.changes.add(new RowsWritten(6, List.of(written)));
    past.changes.add(
        new FragmentsRewritten(7, List.of(new Group(List.of(written, F0), List.of(after)))));
    HistoryWalk.Result result =
        follow(table(7, after), byPath(origin(F0, fresh(F0, range(0, 10)))));
    assertThat(result.origins().get("c").parts())
        .containsExactly(Part.writtenBy(6, range(0, 3)), part("F", inputs(after), range(3, 13)));
  }

  /** The record of what the column's own job made of such a fragment since is the newer one. */
  @Test
  void whatIsRecordedAlreadyIsNotWrittenOver() {
    FragmentSnapshot written = fragment(4, 3, file("u", 0, 1));
    FragmentSnapshot open = fragment(5, 3, file("x", 0, 1));
    past.changes.add(new RowsWritten(6, List.of(written)));
    Map<String, ColumnOrigin> origins = byPath(origin(written, fresh(written, range(0, 3))));
    HistoryWalk.Result result = follow(table(6, written, open), origins);
    assertThat(past.read).hasSize(1);
    assertThat(result.origins()).isEqualTo(origins);
    assertThat(result.carried()).isEmpty();
  }

  @Test
  void versionsThatWereCleanedUpAreGaps() {
    past.changes.add(new Gap(3, 5));
    HistoryWalk.Result result =
        follow(table(6, BOTH), recorded(fresh(F0, range(0, 10)), fresh(F1, range(0, 10))));
    assertThat(result.gaps()).containsExactly(new Gap(3, 5));
    assertThat(result.origins()).containsOnlyKeys("v0", "v1");
  }

  /** A restore brings back what a job that followed the versions in between never looked at. */
  @Test
  void aRestoreIsFollowedFromWhereTheRecordsBegin() {
    Followed followed = new Followed(8, Map.of(9L, 8L));
    past.ever = new Followed(8, Map.of(1L, 3L, 9L, 8L));
    past.changes.add(
        new FragmentsRewritten(5, List.of(new Group(List.of(F0, F1_DELETED), List.of(BOTH)))));
    past.alive.put(4L, Map.of(1, ALIVE));
    past.changes.add(new Restored(9));
    past.records = recorded(fresh(F0, range(0, 10)), fresh(F1, rows(0)));
    HistoryWalk.Result result =
        HistoryWalk.follow(
            past, table(9, BOTH), COMPUTED, List.of(A), ComputedInputs.NONE, followed);
    assertThat(past.read).containsExactly("8 to 9", "3 to 9");
    assertThat(result.carried().get(0).parts())
        .containsExactly(part("F", inputs(BOTH), range(0, 11)));
  }

  /** F0 after version 7 gave its input a new file. */
  private static final FragmentSnapshot REWRITTEN =
      fragment(0, 10, file("base0b", 0), file("v0", 1));

  @Test
  void anInputThatWasRewrittenInPlaceMakesOnlyTheRowsStaleThatItTouched() {
    past.changes.add(new ColumnsRewritten(7, List.of(REWRITTEN)));
    past.versions.put(6L, table(6, F0));
    past.updated.put(0, rows(0, 4, 9));
    Part before = part("F", inputs(F0), range(0, 10));
    HistoryWalk.Result result = follow(table(7, REWRITTEN), byPath(origin(F0, before)));
    assertThat(result.carried().get(0).parts())
        .containsExactly(
            part("F", inputs(REWRITTEN), rows(1, 2, 3, 5, 6, 7, 8)),
            part("F", inputs(F0), rows(0, 4, 9)));
    assertThat(follow(table(7, REWRITTEN), result.origins()).carried()).isEmpty();
  }

  @Test
  void withoutRowVersionsAllRowsStayStale() {
    past.changes.add(new ColumnsRewritten(7, List.of(REWRITTEN)));
    past.versions.put(6L, table(6, F0));
    Map<String, ColumnOrigin> origins = byPath(origin(F0, fresh(F0, range(0, 10))));
    assertThat(follow(table(7, REWRITTEN), origins).carried()).isEmpty();
    past.updated.put(0, rows(1));
    TableSnapshot unstable =
        new TableSnapshot(
            DatasetRef.of("/t"), 7, "2.1", false, List.of(A), List.of(REWRITTEN), Map.of());
    assertThat(follow(unstable, origins).carried()).isEmpty();
  }

  @Test
  void aRewriteOfAnotherColumnChangesNothing() {
    FragmentSnapshot other = fragment(0, 10, file("base0", 0), file("v0", 1), file("z", 5));
    past.changes.add(new ColumnsRewritten(6, List.of(other)));
    past.versions.put(5L, table(5, F0));
    past.updated.put(0, range(0, 10));
    past.changes.add(new ColumnsRewritten(7, List.of(REWRITTEN)));
    past.versions.put(6L, table(6, other));
    Map<String, ColumnOrigin> origins = byPath(origin(F0, fresh(F0, range(0, 10))));
    // The second one touched all rows: then the record says so already.
    assertThat(follow(table(7, REWRITTEN), origins).carried()).isEmpty();
  }

  @Test
  void aRewriteWhoseVersionBeforeIsGoneIsAGap() {
    past.changes.add(new ColumnsRewritten(7, List.of(REWRITTEN)));
    past.updated.put(0, rows(1));
    HistoryWalk.Result result =
        follow(table(7, REWRITTEN), byPath(origin(F0, fresh(F0, range(0, 10)))));
    assertThat(result.gaps()).containsExactly(new Gap(6, 7));
    assertThat(result.carried()).isEmpty();
  }
}
