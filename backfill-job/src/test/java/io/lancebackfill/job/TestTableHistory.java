package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What other writers do to a table between two backfills, and what the second one makes of it. */
class TestTableHistory {

  @RegisterExtension private static final BackfillSession session = new BackfillSession();
  private static int tables;

  private String name;
  private String table;

  @BeforeAll
  static void start() {
    CountingFunction.register(session.spark());
  }

  @BeforeEach
  void resetFunction() {
    CountingFunction.reset();
  }

  static Stream<Arguments> kinds() {
    return Stream.of("2.0", "2.1", "2.2")
        .flatMap(format -> Stream.of(Arguments.of(format, true), Arguments.of(format, false)));
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void compactionAloneCausesNoComputation(String format, boolean stableRowIds) {
    filled(format, stableRowIds);
    session.sql("DELETE FROM %s WHERE id %% 10 = 3", table);
    compact();
    assertThat(fragments()).isEqualTo(1);
    assertThat(session.coverage(table, "n")).containsExactly(180L, 0L, 0L, 0L, 0L);
    assertThat(backfill().<Long>getAs("rows_computed")).isZero();
    compact();
    assertThat(session.coverage(table, "n")).containsExactly(180L, 0L, 0L, 0L, 0L);
    assertThat(CountingFunction.CALLS.sum()).isZero();
    assertThat(wrong()).isZero();
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void aCompactionMovesEachStateWithItsRows(String format, boolean stableRowIds) {
    declared(format, stableRowIds);
    session.call("backfill(table => '%s', column => 'n', where => 'id %% 3 = 0')", table);
    session.call(
        "alter_column(table => '%s', column => 'n', expression => 'counting(id, text) + 1')",
        table);
    session.call("backfill(table => '%s', column => 'n', where => 'id %% 3 = 1')", table);
    session.sql("DELETE FROM %s WHERE id %% 10 = 3", table);
    assertThat(session.coverage(table, "n")).containsExactly(60L, 60L, 0L, 60L, 0L);
    Map<String, String> before = states();
    compact();
    assertThat(session.coverage(table, "n")).containsExactly(60L, 60L, 0L, 60L, 0L);
    assertThat(states()).isEqualTo(before);
    CountingFunction.reset();
    assertThat(backfill().<Long>getAs("rows_computed")).isEqualTo(120);
    assertThat(CountingFunction.CALLS.sum()).isEqualTo(120);
    assertThat(session.number("SELECT count(*) FROM %s WHERE n <> counting(id, text) + 1", table))
        .isZero();
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void whatPylanceUpdatesAndMergesIsComputedAgain(String format, boolean stableRowIds) {
    filled(format, stableRowIds);
    Pylance.run(
        session.folder(name),
        """
        ds = lance.dataset(uri)
        ds.update({'text': "'updated'"}, where='id % 50 = 7')
        rows = pa.table({'id': pa.array([195, 205], pa.int64()), 'text': ['merged', 'new']})
        ds = lance.dataset(uri)
        full = rows.append_column('n', pa.array([None, None], pa.int32()))
        ds.merge_insert('id').when_matched_update_all().when_not_matched_insert_all().execute(full)
        """);
    assertThat(session.coverage(table, "n")).containsExactly(195L, 6L, 0L, 0L, 0L);
    compact();
    assertThat(session.coverage(table, "n")).containsExactly(195L, 6L, 0L, 0L, 0L);
    computes(6);
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void whatSparkUpdatesAndMergesIsComputedAgain(String format, boolean stableRowIds) {
    filled(format, stableRowIds);
    session.sql("UPDATE %s SET text = 'updated' WHERE id %% 50 = 7", table);
    assertThat(session.coverage(table, "n")).containsExactly(196L, 4L, 0L, 0L, 0L);
    session.sql(
        "MERGE INTO %s t USING (SELECT explode(array(195L, 205L)) AS id, 'merged' AS text) s"
            + " ON t.id = s.id WHEN MATCHED THEN UPDATE SET text = s.text"
            + " WHEN NOT MATCHED THEN INSERT (id, text, n) VALUES (s.id, s.text, NULL)",
        table);
    assertThat(session.coverage(table, "n")).containsExactly(195L, 6L, 0L, 0L, 0L);
    compact();
    computes(6);
  }

  /** Where rows have no identity, all rows of a fragment with a rewritten input may be changed. */
  @ParameterizedTest
  @MethodSource("kinds")
  void anInputRewrittenInPlaceIsComputedAgainWhereItChanged(String format, boolean stableRowIds) {
    filled(format, stableRowIds);
    String rewrite =
        """
        rows = pa.table({'id': pa.array([5, 6, 107], pa.int64()), 'text': ['one', None, 'two']})
        for number in (0, 2):
            ds = lance.dataset(uri)
            fragment, fields, offsets = ds.get_fragment(number).update_columns(
                rows, left_on='id', right_on='id', with_offsets=True)
            lance.LanceDataset.commit(ds, lance.LanceOperation.Update(
                updated_fragments=[fragment], fields_modified=fields,
                update_mode='rewrite_columns', updated_fragment_offsets={number: offsets}),
                read_version=ds.version)
        print([len(f.data_files()) for f in lance.dataset(uri).get_fragments()])
        """;
    assertThat(Pylance.run(session.folder(name), rewrite)).isEqualTo("[3, 2, 3, 2]");
    long stale = stableRowIds ? 3 : 100;
    assertThat(session.coverage(table, "n")).containsExactly(200 - stale, stale, 0L, 0L, 0L);
    computes(stale);
  }

  @Test
  void aCompactionThatIsTheOldestVersionLeftIsFollowed() {
    filled("2.1", false);
    compact();
    cleanUpAfter("ds.delete('id = 1')", /* before= */ false);
    assertThat(session.coverage(table, "n")).containsExactly(199L, 0L, 0L, 0L, 0L);
  }

  @Test
  void whereTheHistoryIsCleanedAwayValuesAreUnknownAndKept() {
    filled("2.1", false);
    compact();
    cleanUpAfter("ds.delete('id = 1')", /* before= */ true);
    assertThat(session.coverage(table, "n")).containsExactly(0L, 0L, 0L, 0L, 199L);
    assertThat(backfill().<Long>getAs("rows_computed")).isZero();
    assertThat(wrong()).isZero();
    Row asked =
        session.call("backfill(table => '%s', column => 'n', recompute_unknown => true)", table);
    assertThat(asked.<Long>getAs("rows_computed")).isEqualTo(199);
    assertThat(session.coverage(table, "n")).containsExactly(199L, 0L, 0L, 0L, 0L);
  }

  @Test
  void coverageSaysWhyEachRowIsWhatItIs() {
    declared("2.1", false);
    assertThat(reasons())
        .containsOnly("50 never computed: no job has been here since the fragment was written");
    session.call("backfill(table => '%s', column => 'n', where => 'id < 60')", table);
    session.sql("UPDATE %s SET text = 'updated' WHERE id < 10", table);
    String updated = Pylance.run(session.folder(name), "print(lance.dataset(uri).version)");
    assertThat(reasons())
        .containsExactly(
            "40 fresh: made by the present function from the present inputs",
            "10 fresh: made by the present function from the present inputs;"
                + " 40 never computed: no job has selected them yet",
            "50 never computed: no job has been here since the fragment was written",
            "50 never computed: no job has been here since the fragment was written",
            "10 stale: written by an update or merge in version " + updated);
    session.call(
        "alter_column(table => '%s', column => 'n', expression => 'counting(id, text) + 1')",
        table);
    assertThat(reasons().get(0)).startsWith("40 stale: made by another function (");
    compact();
    cleanUpAfter("ds.delete('id = 50')", /* before= */ true);
    assertThat(reasons())
        .singleElement(InstanceOfAssertFactories.STRING)
        .contains("140 never computed")
        .containsPattern(
            "59 unknown: no job recorded these values: filled by another tool, or moved in"
                + " versions \\d+ to \\d+, whose history was cleaned away");
  }

  private List<String> reasons() {
    return session.sql("CALL lance.system.coverage('%s', 'n')", table).collectAsList().stream()
        .map(row -> row.<String>getAs("reason"))
        .toList();
  }

  /** Deletes all versions but the newest. */
  private void cleanUpAfter(String change, boolean before) {
    String cleanUp =
        "import datetime\n"
            + "lance.dataset(uri).cleanup_old_versions(older_than=datetime.timedelta(0))\n";
    String changed = "ds = lance.dataset(uri)\n" + change + "\n";
    Pylance.run(session.folder(name), before ? changed + cleanUp : cleanUp + changed);
  }

  private void computes(long rows) {
    Row result = backfill();
    assertThat(result.<Long>getAs("rows_computed")).isEqualTo(rows);
    assertThat(CountingFunction.CALLS.sum()).isEqualTo(rows);
    assertThat(wrong()).isZero();
    assertThat(session.coverage(table, "n").subList(1, 5)).containsExactly(0L, 0L, 0L, 0L);
  }

  private Row backfill() {
    return session.call("backfill('%s', 'n')", table);
  }

  /** Fresh, stale and never computed rows, known by their values and ids. */
  private Map<String, String> states() {
    return Map.of(
        "values",
        session.sql("SELECT id, n FROM %s ORDER BY id", table).collectAsList().toString());
  }

  private void compact() {
    Pylance.run(session.folder(name), "lance.dataset(uri).optimize.compact_files()");
  }

  private long fragments() {
    return Long.parseLong(
        Pylance.run(session.folder(name), "print(len(lance.dataset(uri).get_fragments()))"));
  }

  private long wrong() {
    return session.number(
        "SELECT count(*) FROM %s WHERE NOT n <=> IF(text IS NULL, NULL, length(text) + id %% 10)",
        table);
  }

  private void filled(String format, boolean stableRowIds) {
    declared(format, stableRowIds);
    session.call("backfill('%s', 'n')", table);
    CountingFunction.reset();
  }

  private void declared(String format, boolean stableRowIds) {
    name = "history" + tables++;
    session.table(name, 200, 4, format, stableRowIds);
    table = "lance.default." + name;
    session.call(
        "add_column(table => '%s', column => 'n', expression => 'counting(id, text)',"
            + " options => map('version', '1'))",
        table);
  }
}
