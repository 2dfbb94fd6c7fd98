package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Which rows and fragments a call computes and commits, and that the others keep what they have.
 */
class TestBackfillSelection {

  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  @BeforeAll
  static void start() {
    CountingFunction.register(session.spark());
  }

  @BeforeEach
  void resetFunction() {
    CountingFunction.reset();
  }

  @Test
  void whereWithRecomputeComputesTheSelectedRowsOnly() {
    String table = counted("recomputed", "2.1");
    assertThat(computed(session.call("backfill('%s', 'n')", table))).isEqualTo(300);
    assertThat(CountingFunction.CALLS.sum()).isEqualTo(300);
    Map<Long, Object> before = values(table, "n");

    Row fresh = session.call("backfill(table => '%s', column => 'n', where => 'id < 10')", table);
    assertThat(computed(fresh)).isZero();
    Row again =
        session.call(
            "backfill(table => '%s', column => 'n', where => 'id %% 3 = 0', recompute => true)",
            table);
    assertThat(computed(again)).isEqualTo(100);
    assertThat(again.<String>getAs("status")).isEqualTo("DONE");
    assertThat(CountingFunction.CALLS.sum()).isEqualTo(400);
    assertThat(values(table, "n")).isEqualTo(before);
    assertThat(session.coverage(table, "n")).containsExactly(300L, 0L, 0L, 0L, 0L);

    Row all = session.call("backfill(table => '%s', column => 'n', recompute => true)", table);
    assertThat(computed(all)).isEqualTo(300);
    assertThat(CountingFunction.CALLS.sum()).isEqualTo(700);
  }

  @Test
  void rowsThatAreNotSelectedKeepTheirValuesToTheByte() {
    for (String format : List.of("2.0", "2.1")) {
      String name = "kept_" + format.replace('.', '_');
      String table = session.table(name, 300, 3, format);
      session.call(
          "add_column('%s', 'd', \"CASE id %% 4 WHEN 0 THEN double('NaN') WHEN 1 THEN -0.0D"
              + " WHEN 2 THEN id / 7D END\")",
          table);
      session.call(
          "add_column('%s', 's', \"CASE id %% 3 WHEN 0 THEN '' WHEN 1 THEN text END\")", table);
      session.call("backfill('%s', 'd')", table);
      session.call("backfill('%s', 's')", table);
      Map<Long, Object> doubles = values(table, "d");
      Map<Long, Object> strings = values(table, "s");
      Map<String, String> base = session.dataFiles(name);

      session.call("alter_column('%s', 'd', 'id * -1.5D')", table);
      session.call("alter_column('%s', 's', \"concat('new ', id)\")", table);
      assertThat(values(table, "d")).isEqualTo(doubles);
      assertThat(session.coverage(table, "d")).containsExactly(0L, 300L, 0L, 0L, 0L);
      Row some =
          session.call("backfill(table => '%s', column => 'd', where => 'id %% 5 = 2')", table);
      assertThat(computed(some)).isEqualTo(60);
      session.call(
          "backfill(table => '%s', column => 's', where => 'id BETWEEN 50 AND 120')", table);
      doubles.replaceAll((id, old) -> id % 5 == 2 ? bits(id * -1.5) : old);
      strings.replaceAll((id, old) -> id >= 50 && id <= 120 ? "new " + id : old);
      assertThat(values(table, "d")).isEqualTo(doubles);
      assertThat(values(table, "s")).isEqualTo(strings);
      assertThat(session.coverage(table, "d")).containsExactly(60L, 240L, 0L, 0L, 0L);
      assertThat(session.coverage(table, "s")).containsExactly(71L, 229L, 0L, 0L, 0L);
      assertThat(session.dataFiles(name)).containsAllEntriesOf(base);

      assertThat(computed(session.call("backfill('%s', 'd')", table))).isEqualTo(240);
      assertThat(
              session.number("SELECT count(*) FROM %s WHERE d <> id * -1.5D OR d IS NULL", table))
          .isZero();
    }
  }

  @Test
  void rowsThatAreNotSelectedKeepTheirVectorsInATableWithDeletedRows() {
    String table = session.table("kept_vectors", 300, 3, "2.1");
    session.call(
        "add_column('%s', 'v', 'CASE WHEN id %% 7 = 0 THEN NULL ELSE"
            + " transform(array(id, id + 1, 3), x -> cast(x as float)) END',"
            + " 'fixed_size_list<float>[3]')",
        table);
    session.call("backfill('%s', 'v')", table);
    assertThat(
            session.number(
                "SELECT count(*) FROM %s WHERE v IS DISTINCT FROM CASE WHEN id %% 7 <> 0 THEN"
                    + " array(cast(id as float), cast(id + 1 as float), 3F) END",
                table))
        .isZero();
    session.sql("DELETE FROM %s WHERE id %% 11 = 3", table);
    Map<Long, Object> before = values(table, "v");
    session.call("alter_column('%s', 'v', 'array(0F, 0F, cast(id as float))')", table);
    long selected = session.number("SELECT count(*) FROM %s WHERE id %% 4 = 1", table);
    Row some =
        session.call("backfill(table => '%s', column => 'v', where => 'id %% 4 = 1')", table);
    assertThat(computed(some)).isEqualTo(selected);
    before.replaceAll((id, old) -> id % 4 == 1 ? List.of(0F, 0F, (float) id).toString() : old);
    assertThat(values(table, "v")).isEqualTo(before);
  }

  @Test
  void nullOfWhereCountsAsFalse() {
    String table = counted("null_where", "2.1");
    Row result =
        session.call(
            "backfill(table => '%s', column => 'n', where => 'nullif(id %% 2, 0) = 1')", table);
    assertThat(computed(result)).isEqualTo(150);
    assertThat(CountingFunction.CALLS.sum()).isEqualTo(150);
    assertThat(session.number("SELECT count(n) FROM %s WHERE id %% 2 = 1", table)).isEqualTo(150);
    assertThat(session.number("SELECT count(n) FROM %s", table)).isEqualTo(150);
    Row none =
        session.call(
            "backfill(table => '%s', column => 'n', where => 'CAST(NULL AS BOOLEAN)')", table);
    assertThat(computed(none)).isZero();
    assertThat(none.<String>getAs("status")).isEqualTo("DONE");
    assertThat(session.coverage(table, "n")).containsExactly(150L, 0L, 0L, 150L, 0L);
  }

  @Test
  void whereThatFailsOnARowSaysSo() {
    String table = counted("failing_where", "2.1");
    CountingFunction.failsAt = 205;
    assertThatThrownBy(
            () ->
                session.call(
                    "backfill(table => '%s', column => 'n', where => 'counting(id, text) > 3')",
                    table))
        .hasMessageContaining("[INVALID_WHERE] where could not be evaluated on every row")
        .hasMessageContaining("row 205 is not to my taste");
    assertThat(session.number("SELECT count(n) FROM %s", table)).isZero();
  }

  @Test
  void whereMayNameTheColumnItself() {
    String table = counted("own_name", "2.1");
    session.call("backfill(table => '%s', column => 'n', where => 'id < 150')", table);
    Row missing =
        session.call("backfill(table => '%s', column => 'n', where => 'n IS NULL')", table);
    assertThat(computed(missing)).isEqualTo(150);
    session.call("alter_column('%s', 'n', 'cast(id * 2 as int)')", table);
    Row large = session.call("backfill(table => '%s', column => 'n', where => 'n > 17')", table);
    long count =
        session.number("SELECT count(*) FROM %s WHERE length(text) + id %% 10 > 17", table);
    assertThat(count).isBetween(1L, 299L);
    assertThat(computed(large)).isEqualTo(count);
    assertThat(
            session.number(
                "SELECT count(*) FROM %s WHERE n <> IF(length(text) + id %% 10 > 17, id * 2,"
                    + " length(text) + id %% 10)",
                table))
        .isZero();
  }

  @Test
  void maxFragmentsPausesAndTheNextCallGoesOn() {
    String table = counted("few", "2.1");
    Row first = session.call("backfill(table => '%s', column => 'n', max_fragments => 2)", table);
    assertThat(first.<String>getAs("status")).isEqualTo("PAUSED");
    assertThat(first.<Long>getAs("fragments_planned")).isEqualTo(2);
    assertThat(first.<Long>getAs("fragments_committed")).isEqualTo(2);
    assertThat(computed(first)).isEqualTo(200);
    assertThat(session.coverage(table, "n")).containsExactly(200L, 0L, 0L, 100L, 0L);
    Row second = session.call("backfill(table => '%s', column => 'n', max_fragments => 2)", table);
    assertThat(second.<String>getAs("status")).isEqualTo("DONE");
    assertThat(second.<Long>getAs("fragments_committed")).isEqualTo(1);
    assertThat(second.<Long>getAs("fragments_skipped")).isEqualTo(2);
    assertThat(computed(second)).isEqualTo(100);
    assertThat(CountingFunction.CALLS.sum()).isEqualTo(300);
    Row job =
        session
            .sql("CALL lance.system.jobs(table => '%s', status => 'paused')", table)
            .collectAsList()
            .get(0);
    assertThat(job.<String>getAs("job_id")).isEqualTo(first.<String>getAs("job_id"));
    assertThat(job.<String>getAs("message"))
        .isEqualTo("1 fragments are left behind max_fragments.");
  }

  @Test
  void dryRunWritesNothing() {
    String table = counted("dry", "2.1");
    Map<String, String> before = session.allFiles("dry");
    Row plan =
        session.call(
            "backfill(table => '%s', column => 'n', where => 'id >= 100', dry_run => true,"
                + " job_id => 'planned-1')",
            table);
    assertThat(plan.<String>getAs("status")).isEqualTo("PLANNED");
    assertThat(plan.<String>getAs("job_id")).isEqualTo("planned-1");
    assertThat(plan.<Long>getAs("fragments_planned")).isEqualTo(2);
    assertThat(plan.<Long>getAs("fragments_skipped")).isEqualTo(1);
    assertThat(plan.<Long>getAs("fragments_committed")).isZero();
    assertThat(computed(plan)).isZero();
    assertThat(plan.<Long>getAs("bytes_written")).isZero();
    assertThat(CountingFunction.CALLS.sum()).isZero();
    session.coverage(table, "n");
    assertThat(session.sql("CALL lance.system.jobs('%s')", table).collectAsList()).isEmpty();
    assertThat(session.allFiles("dry")).isEqualTo(before);
  }

  @Test
  void readVersionReadsInputsThereAndReportsWhatCameLater() {
    String table = counted("past", "2.1");
    long version =
        session
            .call("backfill(table => '%s', column => 'n', dry_run => true)", table)
            .<Long>getAs("table_version");
    session.sql("INSERT INTO %s SELECT id + 1000, text, NULL FROM %s WHERE id < 40", table, table);
    session.sql("UPDATE %s SET text = 'changed' WHERE id = 7", table);
    Row result =
        session.call(
            "backfill(table => '%s', column => 'n', read_version => %d, job_id => 'pinned')",
            table, version);
    assertThat(result.<String>getAs("status")).isEqualTo("DONE");
    // Not row 7, which is elsewhere by now.
    assertThat(computed(result)).isEqualTo(299);
    assertThat(session.number("SELECT count(n) FROM %s WHERE id >= 1000", table)).isZero();
    assertThat(
            session.number(
                "SELECT count(*) FROM %s WHERE id < 1000 AND id <> 7"
                    + " AND n IS DISTINCT FROM length(text) + id %% 10",
                table))
        .isZero();
    assertThat(lastEvent(table, "pinned").<String>getAs("message"))
        .contains("fragments were appended after the version that was read and are not included.");
    Row rest = session.call("backfill('%s', 'n')", table);
    assertThat(computed(rest)).isEqualTo(41);
    assertThat(
            session.number(
                "SELECT count(*) FROM %s WHERE n IS DISTINCT FROM length(text) + id %% 10", table))
        .isZero();
    assertThatThrownBy(
            () ->
                session.call("backfill(table => '%s', column => 'n', read_version => 999)", table))
        .hasMessageContaining("[VERSION_NOT_FOUND]")
        .hasMessageContaining("no version 999");
  }

  @Test
  void optionsThatSayHowChangeNoValue() {
    String table = counted("how", "2.1");
    Row result =
        session.call(
            "backfill(table => '%s', column => 'n', concurrency => 1, batch_size => 7,"
                + " commit_granularity => 1, job_id => 'night-1')",
            table);
    assertThat(result.<String>getAs("job_id")).isEqualTo("night-1");
    assertThat(result.<Long>getAs("commits")).isEqualTo(3);
    assertThat(computed(result)).isEqualTo(300);
    assertThat(
            session.number(
                "SELECT count(*) FROM %s WHERE n IS DISTINCT FROM length(text) + id %% 10", table))
        .isZero();

    Row job = session.call("jobs('%s')", table);
    assertThat(job.<String>getAs("job_id")).isEqualTo("night-1");
    assertThat(job.<String>getAs("status")).isEqualTo("DONE");
    assertThat(job.<String>getAs("columns")).isEqualTo("n");
    assertThat(job.<Long>getAs("rows_computed")).isEqualTo(300);
    assertThat(job.<Long>getAs("commits")).isEqualTo(3);
    List<Row> events = session.sql("CALL lance.system.job('%s', 'night-1')", table).collectAsList();
    assertThat(events.stream().map(e -> e.<String>getAs("event")).filter(e -> !e.equals("ATTEMPT")))
        .containsExactly("STARTED", "PLANNED", "COMMITTED", "COMMITTED", "COMMITTED", "ENDED");
    assertThat(lastEvent(table, "night-1").<String>getAs("options"))
        .contains("\"batch_size\":\"7\"", "\"concurrency\":\"1\"");
    List<Row> coverage =
        session.sql("CALL lance.system.coverage('%s', 'n')", table).collectAsList();
    assertThat(coverage).hasSize(3);
    assertThat(coverage.get(1).<Integer>getAs("fragment_id")).isEqualTo(1);
    assertThat(coverage.get(1).<Long>getAs("rows")).isEqualTo(100);
    assertThat(coverage.get(1).<String>getAs("function_version")).isEqualTo("1");

    assertThat(
            session
                .sql("CALL lance.system.jobs(table => '%s', status => 'FAILED')", table)
                .collectAsList())
        .isEmpty();
    assertThatThrownBy(() -> session.call("jobs(table => '%s', status => 'LATE')", table))
        .hasMessageContaining("[INVALID_ARGUMENT] 'LATE' is no status of a job.");
    assertThatThrownBy(() -> session.call("job('%s', 'night-2')", table))
        .hasMessageContaining("[JOB_NOT_FOUND]")
        .hasMessageContaining("has no job 'night-2'");
  }

  /** A table of three fragments with 100 rows each and a column {@code n} that counts calls. */
  private static String counted(String name, String format) {
    String table = session.table(name, 300, 3, format);
    session.call(
        "add_column(table => '%s', column => 'n', expression => 'counting(id, text)',"
            + " options => map('version', '1'))",
        table);
    return table;
  }

  private static Row lastEvent(String table, String job) {
    List<Row> events = session.sql("CALL lance.system.job('%s', '%s')", table, job).collectAsList();
    return events.get(events.size() - 1);
  }

  private static long computed(Row result) {
    return result.<Long>getAs("rows_computed");
  }

  private static Object bits(double value) {
    return Double.doubleToRawLongBits(value);
  }

  /** The column's values by id, floating-point numbers as their bits. */
  private static Map<Long, Object> values(String table, String column) {
    Map<Long, Object> values = new HashMap<>();
    for (Row row : session.sql("SELECT id, %s FROM %s", column, table).collectAsList()) {
      Object value = row.get(1);
      values.put(
          row.getLong(0),
          value instanceof Double d
              ? bits(d)
              : value instanceof scala.collection.Seq<?>
                  ? Objects.toString(row.getList(1))
                  : value);
    }
    return values;
  }
}
