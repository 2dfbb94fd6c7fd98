package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Rows that other writers append to a table with a computed column. */
class TestBackfillAppends {
  private static final String APPEND =
      """
      for first in (1000, 2000):
          rows = pa.table({
              'id': pa.array(range(first, first + 40), pa.int64()),
              'text': [None if i % 9 == 0 else f'pylance {i}' for i in range(40)]})
          lance.write_dataset(rows, uri, mode='append')
      """;

  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  @BeforeAll
  static void start() {
    CountingFunction.register(session.spark());
  }

  @BeforeEach
  void resetFunction() {
    CountingFunction.reset();
  }

  @ParameterizedTest
  @ValueSource(strings = {"2.0", "2.1"})
  void whatPylanceAppendsWithoutTheColumnIsComputedAlone(String format) {
    String name = "pylance_" + format.replace('.', '_');
    String table = filled(name, format);
    Pylance.run(session.folder(name), APPEND);
    assertThat(session.coverage(table, "n")).containsExactly(200L, 0L, 0L, 80L, 0L);
    computesJust(name, table, 80, 2);
  }

  @ParameterizedTest
  @ValueSource(strings = {"2.0", "2.1"})
  void whatAnInsertAppendsWithNullIsComputedAlone(String format) {
    String name = "inserted_" + format.replace('.', '_');
    String table = filled(name, format);
    session.sql(
        "INSERT INTO %s SELECT id + 1000, IF(id %% 9 = 0, NULL, text), CAST(NULL AS INT) FROM %s"
            + " WHERE id < 50",
        BackfillSession.plain(table), table);
    assertThat(session.coverage(table, "n")).containsExactly(200L, 0L, 0L, 50L, 0L);
    // The column lies in one data file with the others there; that file stays, as part of the
    // table.
    computesJust(name, table, 50, -1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"2.0", "2.1"})
  void onlySelectedRowsOfASharedFileAreComputed(String format) {
    String name = "shared_" + format.replace('.', '_');
    String table = filled(name, format);
    session.sql(
        "INSERT INTO %s SELECT id + 1000, text, CAST(NULL AS INT) FROM %s WHERE id < 50",
        BackfillSession.plain(table), table);
    Row some =
        session.call("backfill(table => '%s', column => 'n', where => 'id %% 2 = 0')", table);
    assertThat(some.<Long>getAs("rows_computed")).isEqualTo(25);
    assertThat(session.coverage(table, "n")).containsExactly(225L, 0L, 0L, 25L, 0L);
    computesJust(name, table, 25, -1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"2.0", "2.1"})
  void valuesThatAnotherToolWroteAreKeptUntilAskedFor(String format) {
    String name = "foreign_" + format.replace('.', '_');
    String table = filled(name, format);
    session.sql(
        "INSERT INTO %s SELECT id + 1000, text, IF(id %% 2 = 0, -1, NULL) FROM %s WHERE id < 50",
        BackfillSession.plain(table), table);
    assertThat(session.coverage(table, "n")).containsExactly(200L, 0L, 0L, 25L, 25L);
    Row missing = session.call("backfill(table => '%s', column => 'n')", table);
    assertThat(missing.<Long>getAs("rows_computed")).isEqualTo(25);
    assertThat(session.number("SELECT count(*) FROM %s WHERE n = -1", table)).isEqualTo(25);
    assertThat(session.coverage(table, "n")).containsExactly(225L, 0L, 0L, 0L, 25L);
    Row unknown =
        session.call("backfill(table => '%s', column => 'n', recompute_unknown => true)", table);
    assertThat(unknown.<Long>getAs("rows_computed")).isEqualTo(25);
    assertThat(CountingFunction.CALLS.sum()).isEqualTo(50);
    assertThat(wrong(table)).isZero();
    assertThat(session.coverage(table, "n")).containsExactly(250L, 0L, 0L, 0L, 0L);
  }

  private static String filled(String name, String format) {
    String table = session.table(name, 200, 2, format);
    session.call(
        "add_column(table => '%s', column => 'n', expression => 'counting(id, text)',"
            + " options => map('version', '1'))",
        table);
    assertThat(session.coverage(table, "n")).containsExactly(0L, 0L, 0L, 200L, 0L);
    session.call("backfill('%s', 'n')", table);
    assertThat(session.coverage(table, "n")).containsExactly(200L, 0L, 0L, 0L, 0L);
    CountingFunction.reset();
    return table;
  }

  /**
   * @param fragments how many are to be committed, or -1 for one or more
   */
  private static void computesJust(String name, String table, long rows, long fragments) {
    long before = CountingFunction.CALLS.sum();
    Map<String, String> base = session.dataFiles(name);
    Row result = session.call("backfill('%s', 'n')", table);
    assertThat(result.<String>getAs("status")).isEqualTo("DONE");
    assertThat(result.<Long>getAs("rows_computed")).isEqualTo(rows);
    assertThat(CountingFunction.CALLS.sum()).isEqualTo(before + rows);
    if (fragments >= 0) {
      assertThat(result.<Long>getAs("fragments_committed")).isEqualTo(fragments);
    } else {
      assertThat(result.<Long>getAs("fragments_committed")).isPositive();
    }
    assertThat(result.<Long>getAs("fragments_skipped")).isEqualTo(2);
    assertThat(wrong(table)).isZero();
    assertThat(session.dataFiles(name)).containsAllEntriesOf(base);
    long all = session.number("SELECT count(*) FROM %s", table);
    assertThat(session.coverage(table, "n")).containsExactly(all, 0L, 0L, 0L, 0L);

    Row again = session.call("backfill('%s', 'n')", table);
    assertThat(again.<Long>getAs("rows_computed")).isZero();
    assertThat(again.<Long>getAs("commits")).isZero();
    assertThat(CountingFunction.CALLS.sum()).isEqualTo(before + rows);
  }

  private static long wrong(String table) {
    return session.number(
        "SELECT count(*) FROM %s WHERE n IS DISTINCT FROM length(text) + CAST(id %% 10 AS INT)",
        table);
  }
}
