package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.LocalSpark;
import io.lancebackfill.sql.LanceBackfillExtensions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A table's life: Spark, pylance and lancedb append, update, merge, delete and compact, and a
 * backfill after each computes the rows that are new or changed and no other.
 */
class TestLifeWithWriters {

  @RegisterExtension
  private static final BackfillSession session =
      new BackfillSession(List.of(LocalSpark.lanceExtension(), new LanceBackfillExtensions()));

  private final List<String> done = new ArrayList<>();
  private String name = "";
  private String table = "";
  private long nextId;

  @BeforeAll
  static void start() {
    CountingFunction.register(session.spark());
  }

  static Stream<Arguments> kinds() {
    return Stream.of("2.0", "2.1", "2.2")
        .flatMap(format -> Stream.of(Arguments.of(format, true), Arguments.of(format, false)));
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void aBackfillAfterEachComputesWhatIsNewOrChanged(String format, boolean stableRowIds)
      throws NoSuchTableException {
    name = "life_" + format.replace('.', '_') + stableRowIds;
    table = session.table(name, 60, 3, format, stableRowIds);
    nextId = 60;
    session.call("add_column('%s', 'n', 'counting(id, text)')", table);
    backfillComputes(60, "declare");

    appends();
    changes();
    compactions();
    if (format.equals("2.1")) {
      // The same writers again, over what compactions made of it.
      appends();
      changes();
      compactions();
    }
  }

  private void appends() throws NoSuchTableException {
    spark(2, "INSERT INTO %s VALUES (%d, 'a'), (%d, NULL)", table, next(), next());
    spark(1, "INSERT INTO %s (text, id) VALUES ('bb', %d)", table, next());
    spark(1, "INSERT INTO %s BY NAME SELECT 'ccc' AS text, %dL AS id", table, next());
    newRows(3).writeTo(table).append();
    backfillComputes(3, "writeTo.append");
    newRows(3).write().mode("append").saveAsTable(table);
    backfillComputes(3, "saveAsTable");
    newRows(3).write().format("lance").mode("append").save(session.folder(name).toString());
    backfillComputes(3, "save");
    String rows = "pa.table({'id': pa.array([%d, %d], pa.int64()), 'text': ['p', None]})";
    pylance(2, "lance.write_dataset(" + rows.formatted(next(), next()) + ", uri, mode='append')");
    lancedb(2, "t.add(" + rows.formatted(next(), next()) + ")");
  }

  private void changes() {
    spark(rows("id % 20 = 3"), "UPDATE %s SET text = concat(text, 'u') WHERE id %% 20 = 3", table);
    pylance(
        rows("id % 20 = 4"),
        "lance.dataset(uri).update({'text': \"'by pylance'\"}, where='id % 20 = 4')");
    lancedb(rows("id % 20 = 5"), "t.update(where='id % 20 = 5', values={'text': 'by lancedb'})");
    spark(
        3,
        "MERGE INTO %s t USING (SELECT explode(array(10L, 31L, %dL)) AS id, 'merged' AS text) s"
            + " ON t.id = s.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
        table,
        next());
    String rows =
        "rows = pa.table({'id': pa.array([11, 32, %d], pa.int64()), 'text': ['x', 'y', 'z'],"
            + " 'n': pa.nulls(3, pa.int32())})\n";
    pylance(
        3,
        rows.formatted(next())
            + "lance.dataset(uri).merge_insert('id').when_matched_update_all()"
            + ".when_not_matched_insert_all().execute(rows)");
    // lancedb knows computed columns by their metadata, and takes no values of them.
    lancedb(
        3,
        rows.formatted(next()).replaceFirst(",\\s*'n': .*int32\\(\\)\\)", "")
            + "t.merge_insert('id').when_matched_update_all().when_not_matched_insert_all().execute(rows)");
    spark(0, "DELETE FROM %s WHERE id %% 20 = 6", table);
    pylance(0, "lance.dataset(uri).delete('id % 20 = 7')");
    lancedb(0, "t.delete('id % 20 = 8')");
  }

  private void compactions() {
    pylance(0, "lance.dataset(uri).optimize.compact_files(target_rows_per_fragment=40)");
    spark(0, "INSERT INTO %s SELECT id, text FROM %s WHERE false", table, table);
    spark(0, "OPTIMIZE %s", table);
    lancedb(0, "t.optimize()");
  }

  private long next() {
    return nextId++;
  }

  private Dataset<Row> newRows(int count) {
    nextId += count;
    return session.spark().range(nextId - count, nextId, 1, 1).selectExpr("id", "'row' AS text");
  }

  private long rows(String where) {
    return session.number("SELECT count(*) FROM " + table + " WHERE " + where);
  }

  private void spark(long changed, String statement, Object... values) {
    session.sql(statement, values).collectAsList();
    backfillComputes(changed, statement);
  }

  private void pylance(long changed, String script) {
    Pylance.run(session.folder(name), script);
    backfillComputes(changed, script);
  }

  /** The script has the table as {@code t}. */
  private void lancedb(long changed, String script) {
    Pylance.run(
        session.folder(name),
        """
        import lancedb, pathlib
        # The catalog's folders have names that lancedb takes for none of its own.
        link = pathlib.Path(uri).parent.parent / 'links' / 'life.lance'
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(uri)
        t = lancedb.connect(str(link.parent)).open_table('life')
        """
            + script);
    backfillComputes(changed, "lancedb " + script);
  }

  private void backfillComputes(long rows, String after) {
    done.add(after);
    Map<String, String> before = session.dataFiles(name);
    CountingFunction.reset();
    Row result = session.call("backfill('%s', 'n')", table);
    assertThat(result.<Long>getAs("rows_computed"))
        .as("rows computed after %s", done)
        .isEqualTo(rows);
    assertThat(CountingFunction.CALLS.sum()).as("calls after %s", done).isEqualTo(rows);
    assertThat(session.dataFiles(name)).as("files after %s", done).containsAllEntriesOf(before);
    assertThat(
            session.number("SELECT count(*) FROM %s WHERE NOT (n <=> counting(id, text))", table))
        .as("wrong values after %s", done)
        .isZero();
  }
}
