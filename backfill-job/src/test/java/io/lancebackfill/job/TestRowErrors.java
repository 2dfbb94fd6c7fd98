package io.lancebackfill.job;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.LanceBackfill;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Rows on which a function fails: NULL and a record where the policy says so. */
class TestRowErrors {
  /** Of 1 to 40, those that fail. */
  private static final List<Long> BAD =
      LongStream.rangeClosed(1, 40).filter(ScoreFunction::failsOn).boxed().toList();

  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  @BeforeAll
  static void register() {
    session.call(
        "register_function('score', 'java', '%s', map('version', '1'))",
        ScoreFunction.class.getName());
  }

  @BeforeEach
  void resetFunction() {
    ScoreFunction.reset();
  }

  /** A table of v = 1 to {@code rows} with a declared score. */
  private static String scored(String name, long rows, int fragments) {
    String table = "lance.default." + name;
    session.sql("CREATE TABLE %s (v BIGINT) TBLPROPERTIES ('file_format_version'='2.1')", table);
    session.sql("INSERT INTO %s SELECT id + 1 FROM range(0, %d, 1, %d)", table, rows, fragments);
    session.call(
        "add_column(table => '%s', column => 'score', expression => 'score(v)',"
            + " options => map('version', '1'))",
        table);
    return table;
  }

  private static long wrong(String table) {
    return session.number(
        "SELECT count(*) FROM %s WHERE score IS DISTINCT FROM"
            + " IF(v %% 7 = 0 OR v %% 10 = 9, NULL, v * 1.5)",
        table);
  }

  private static List<Row> errors(String table, String job) {
    return session.sql("CALL lance.system.errors('%s', '%s')", table, job).collectAsList();
  }

  /** As the guide says. */
  private static String hashOf(long v) {
    String value = Long.toString(v);
    try {
      byte[] bytes = ("i" + value.length() + ":" + value).getBytes(UTF_8);
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(bytes);
      return HexFormat.of().formatHex(Arrays.copyOf(digest, 16));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void thereAreNine() {
    assertThat(BAD).hasSize(9);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 8, 40})
  void rowsThatFailAreNullAndRecorded(int batchSize) {
    String table = scored("nulls" + batchSize, 40, 2);
    Row result =
        session.call(
            "backfill(table => '%s', column => 'score', on_error => 'null', batch_size => %d,"
                + " job_id => 'first')",
            table, batchSize);
    assertThat(result.<String>getAs("status")).isEqualTo("DONE_WITH_ERRORS");
    assertThat(result.<Long>getAs("rows_failed")).isEqualTo(9);
    assertThat(result.<Long>getAs("rows_computed")).isEqualTo(40);
    assertThat(result.<String>getAs("note")).startsWith("9 rows are NULL");
    assertThat(wrong(table)).isZero();
    assertThat(session.number("SELECT count(*) FROM %s WHERE score IS NULL", table)).isEqualTo(9);
    assertThat(session.coverage(table, "score")).containsExactly(31L, 0L, 9L, 0L, 0L);

    List<Row> errors = errors(table, "first");
    assertThat(errors).hasSize(9);
    // By their addresses these are the rows of the table that fail.
    Map<Long, Long> byAddress =
        session.sql("SELECT _rowaddr, v FROM %s", table).collectAsList().stream()
            .collect(java.util.stream.Collectors.toMap(r -> r.getLong(0), r -> r.getLong(1)));
    assertThat(errors)
        .extracting(error -> byAddress.get(error.<Long>getAs("row_address")))
        .containsExactlyInAnyOrderElementsOf(BAD);
    for (Row error : errors) {
      long v = byAddress.get(error.<Long>getAs("row_address"));
      assertThat(error.<Integer>getAs("fragment_id"))
          .isEqualTo((int) (error.<Long>getAs("row_address") >>> 32));
      assertThat(error.<String>getAs("message"))
          .isEqualTo(
              v % 7 == 0
                  ? "java.lang.IllegalArgumentException: no score for " + v
                  : "java.util.concurrent.TimeoutException: slow at " + v);
      assertThat(error.<String>getAs("trace"))
          .contains("ScoreFunction.apply(ScoreFunction.java:")
          .hasLineCount(2);
      assertThat(error.<String>getAs("code")).isEqualTo("FUNCTION_RAISED");
      assertThat(error.<String>getAs("function")).isEqualTo("score");
      assertThat(error.<String>getAs("function_version")).isEqualTo("1");
      assertThat(error.<String>getAs("column")).isEqualTo("score");
      assertThat(error.<Integer>getAs("attempt")).isEqualTo(1);
      assertThat(error.<String>getAs("input_hash")).isEqualTo(hashOf(v));
    }
    Row job = session.call("jobs('%s')", table);
    assertThat(job.<String>getAs("status")).isEqualTo("DONE_WITH_ERRORS");
    assertThat(job.<Long>getAs("rows_failed")).isEqualTo(9);
  }

  @Test
  void retryErrorsComputesThoseRowsAlone() {
    String table = scored("retried", 40, 2);
    session.call(
        "backfill(table => '%s', column => 'score', on_error => 'null', job_id => 'first')", table);
    ScoreFunction.reset();
    ScoreFunction.mended = true;
    Row result = session.call("retry_errors('%s', 'first')", table);
    assertThat(result.<String>getAs("status")).isEqualTo("DONE");
    assertThat(result.<Long>getAs("rows_computed")).isEqualTo(9);
    assertThat(result.<Long>getAs("rows_failed")).isZero();
    assertThat(ScoreFunction.ROWS.sum()).isEqualTo(9);
    assertThat(session.number("SELECT count(*) FROM %s WHERE score = v * 1.5", table))
        .isEqualTo(40);
    assertThat(session.coverage(table, "score")).containsExactly(40L, 0L, 0L, 0L, 0L);
    // The records tell what was; there is nothing left to try again.
    assertThat(errors(table, "first")).hasSize(9);
    Row again = session.call("retry_errors('%s', 'first')", table);
    assertThat(again.<Long>getAs("rows_computed")).isZero();
    assertThat(again.<String>getAs("status")).isEqualTo("DONE");
  }

  @Test
  void retryErrorsRunsTheNewFunctionAndLeavesGoodRowsStale() {
    String table = scored("altered", 40, 2);
    LanceBackfill lance = LanceBackfill.table(session.spark(), table);
    BackfillResult first = lance.backfill("score").onError("null").run();
    ScoreFunction.mended = true;
    session.call(
        "alter_column(table => '%s', column => 'score', expression => 'score(v)',"
            + " options => map('version', '2'))",
        table);
    ScoreFunction.ROWS.reset();
    BackfillResult retried = lance.retryErrors(first.jobId(), Map.of());
    assertThat(retried.counts().rowsComputed()).isEqualTo(9);
    assertThat(ScoreFunction.ROWS.sum()).isEqualTo(9);
    assertThat(session.coverage(table, "score")).containsExactly(9L, 31L, 0L, 0L, 0L);
    assertThat(session.number("SELECT count(*) FROM %s WHERE score = v * 1.5", table))
        .isEqualTo(40);
    assertThat(lance.errors(first.jobId(), "score").count()).isEqualTo(9);
    assertThat(lance.errors(null, null).where("message LIKE '%TimeoutException%'").count())
        .isEqualTo(BAD.stream().filter(v -> v % 7 != 0).count());
  }

  @Test
  void retryErrorsFollowsACompaction() {
    String table = scored("compacted", 40, 4);
    session.call(
        "backfill(table => '%s', column => 'score', on_error => 'null', job_id => 'first')", table);
    // Twice, with rows deleted before each: failed ones, and ones that stood before failed ones.
    session.sql("DELETE FROM %s WHERE v IN (1, 7, 12, 39)", table);
    compact("compacted");
    session.sql("DELETE FROM %s WHERE v IN (2, 14)", table);
    session.sql("INSERT INTO %s (v) VALUES (49)", table);
    compact("compacted");
    ScoreFunction.reset();
    ScoreFunction.mended = true;
    Row result = session.call("retry_errors('%s', 'first')", table);
    assertThat(result.<String>getAs("status")).isEqualTo("DONE");
    assertThat(result.<Long>getAs("rows_computed")).isEqualTo(6);
    assertThat(ScoreFunction.ROWS.sum()).isEqualTo(6);
    assertThat(session.number("SELECT count(*) FROM %s WHERE score IS NULL", table)).isEqualTo(1);
    assertThat(session.coverage(table, "score")).containsExactly(34L, 0L, 0L, 1L, 0L);
    assertThat(session.number("SELECT count(*) FROM %s WHERE score <> v * 1.5", table)).isZero();
  }

  @Test
  void aJobOfWhichRowsMovedRetriesItsOwnAlone() {
    String table = scored("two_jobs", 40, 2);
    session.call(
        "backfill(table => '%s', column => 'score', on_error => 'null', `where` => 'v < 20',"
            + " job_id => 'first')",
        table);
    session.call(
        "backfill(table => '%s', column => 'score', on_error => 'null', `where` => 'v >= 20',"
            + " job_id => 'second')",
        table);
    compact("two_jobs");
    ScoreFunction.mended = true;
    assertThat(session.call("retry_errors('%s', 'first')", table).<Long>getAs("rows_computed"))
        .isEqualTo(BAD.stream().filter(v -> v < 20).count());
    assertThat(session.coverage(table, "score").get(2))
        .isEqualTo(BAD.stream().filter(v -> v >= 20).count());
  }

  @Test
  void cleanKeepsErrorsOfFailedRowsThatMoved() {
    String table = scored("moved_clean", 40, 2);
    session.call(
        "backfill(table => '%s', column => 'score', on_error => 'null', job_id => 'first')", table);
    compact("moved_clean");
    session.sql("CALL lance.system.clean(table => '%s', older_than => '1ms')", table);
    assertThat(errors(table, "first")).hasSize(9);
    ScoreFunction.mended = true;
    assertThat(session.call("retry_errors('%s', 'first')", table).<Long>getAs("rows_computed"))
        .isEqualTo(9);
    session.sql("CALL lance.system.clean(table => '%s', older_than => '1ms')", table);
    assertThat(errors(table, "first")).isEmpty();
  }

  private static void compact(String name) {
    Pylance.run(session.folder(name), "lance.dataset(uri).optimize.compact_files()");
  }

  @Test
  void theNextBackfillComputesFailedRowsOnly() {
    String table = scored("again", 40, 2);
    session.call("backfill(table => '%s', column => 'score', on_error => 'null')", table);
    Row again =
        session.call("backfill(table => '%s', column => 'score', on_error => 'null')", table);
    assertThat(again.<Long>getAs("rows_computed")).isEqualTo(9);
    assertThat(again.<Long>getAs("rows_failed")).isEqualTo(9);
    assertThat(again.<String>getAs("status")).isEqualTo("DONE_WITH_ERRORS");
    assertThat(wrong(table)).isZero();
    ScoreFunction.mended = true;
    Row rest = session.call("backfill('%s', 'score')", table);
    assertThat(rest.<Long>getAs("rows_computed")).isEqualTo(9);
    assertThat(rest.<String>getAs("status")).isEqualTo("DONE");
    assertThat(session.coverage(table, "score")).containsExactly(40L, 0L, 0L, 0L, 0L);
    assertThat(session.call("backfill('%s', 'score')", table).<Long>getAs("rows_computed"))
        .isZero();
  }

  @Test
  void withoutAPolicyTheJobFailsAndNamesTheRow() {
    String table = scored("fails", 40, 1);
    assertThatThrownBy(
            () ->
                session.call(
                    "backfill(table => '%s', column => 'score', where => 'v > 30')", table))
        .hasMessageStartingWith("[FUNCTION_FAILED] ")
        .hasMessageContaining("no score for 35")
        .hasMessageContaining("in function 'score', on the row at physical offset 34");
  }

  @Test
  void aJobWithTooManyFailedRowsStopsAndKeepsWhatItFinished() {
    String table = scored("toomany", 1000, 10);
    assertThatThrownBy(
            () ->
                session.call(
                    "backfill(table => '%s', column => 'score', on_error => 'null',"
                        + " concurrency => 1, max_failed_rows => 50, job_id => 'rows')",
                    table))
        .hasMessageStartingWith("[TOO_MANY_FAILED_ROWS] ")
        .hasMessageContaining("max_failed_rows is 50.\n");
    List<Long> coverage = session.coverage(table, "score");
    assertThat(coverage.get(0)).isBetween(75L, 500L);
    assertThat(coverage.get(2)).isBetween(20L, 150L);
    assertThat(errors(table, "rows").size()).isGreaterThan(50);
    assertThatThrownBy(
            () ->
                session.call(
                    "backfill(table => '%s', column => 'score', on_error => 'null',"
                        + " concurrency => 1, max_failed_fraction => 0.1, job_id => 'part')",
                    table))
        .hasMessageStartingWith("[TOO_MANY_FAILED_ROWS] ")
        .hasMessageContaining("max_failed_fraction is 0.1");
    Row all =
        session.call(
            "backfill(table => '%s', column => 'score', on_error => 'null',"
                + " max_failed_fraction => 1)",
            table);
    assertThat(all.<String>getAs("status")).isEqualTo("DONE_WITH_ERRORS");
    assertThat(wrong(table)).isZero();
  }

  @Test
  void rangesOfOneFragmentFailAsWholeFragmentsDo() {
    String table = scored("ranges", 1000, 1);
    session.sql("DELETE FROM %s WHERE v %% 100 = 14", table);
    Row result =
        session.call(
            "backfill(table => '%s', column => 'score', on_error => 'null', job_id => 'first')",
            table);
    long bad = session.number("SELECT count(*) FROM %s WHERE v %% 7 = 0 OR v %% 10 = 9", table);
    assertThat(result.<Long>getAs("rows_failed")).isEqualTo(bad);
    assertThat(session.coverage(table, "score")).containsExactly(990 - bad, 0L, bad, 0L, 0L);
    assertThat(wrong(table)).isZero();
    Map<Long, Long> byAddress =
        session.sql("SELECT _rowaddr, v FROM %s", table).collectAsList().stream()
            .collect(java.util.stream.Collectors.toMap(r -> r.getLong(0), r -> r.getLong(1)));
    assertThat(errors(table, "first"))
        .hasSize((int) bad)
        .allMatch(e -> ScoreFunction.failsOn(byAddress.get(e.<Long>getAs("row_address"))));

    // A failed row that is deleted is no work any more.
    session.sql("DELETE FROM %s WHERE v = 7", table);
    ScoreFunction.mended = true;
    assertThat(session.call("retry_errors('%s', 'first')", table).<Long>getAs("rows_computed"))
        .isEqualTo(bad - 1);
    assertThat(session.coverage(table, "score")).containsExactly(989L, 0L, 0L, 0L, 0L);
  }

  @Test
  void cleanForgetsErrorsOfRowsThatFailNoMore() {
    String table = scored("cleaned", 40, 1);
    session.call(
        "backfill(table => '%s', column => 'score', on_error => 'null', job_id => 'first')", table);
    session.sql("CALL lance.system.clean(table => '%s', older_than => '1ms')", table);
    assertThat(errors(table, "first")).hasSize(9);
    ScoreFunction.mended = true;
    session.call("retry_errors('%s', 'first')", table);
    session.sql("CALL lance.system.clean(table => '%s', older_than => '1h')", table);
    assertThat(errors(table, "first")).hasSize(9);
    session.sql("CALL lance.system.clean(table => '%s', older_than => '1ms')", table);
    assertThat(errors(table, "first")).isEmpty();
  }

  @Test
  void errorsOfATableWithoutAnyAreNone() {
    String table = session.table("untouched", 10, 1, "2.1");
    Map<String, String> before = session.allFiles("untouched");
    assertThat(session.sql("CALL lance.system.errors('%s')", table).collectAsList()).isEmpty();
    assertThat(session.allFiles("untouched")).isEqualTo(before);
    assertThatThrownBy(() -> session.call("retry_errors('%s', 'nobody')", table))
        .hasMessageStartingWith("[JOB_NOT_FOUND] ");
  }

  @Test
  void aRowThatTakesTooLongHasFailed() {
    String table = scored("slow", 40, 2);
    ScoreFunction.mended = true;
    ScoreFunction.waitsAt = 25;
    Row result =
        session.call(
            "backfill(table => '%s', column => 'score', on_error => 'null',"
                + " row_timeout => '100ms', job_id => 'first')",
            table);
    assertThat(result.<Long>getAs("rows_failed")).isEqualTo(1);
    assertThat(session.number("SELECT v FROM %s WHERE score IS NULL", table)).isEqualTo(25);
    Row error = errors(table, "first").get(0);
    assertThat(error.<String>getAs("code")).isEqualTo("ROW_TIMEOUT");
    assertThat(error.<String>getAs("trace")).contains("ScoreFunction.hang");
  }

  @Test
  void aFunctionThatIgnoresItsInterruptFailsItsFragment() {
    String table = scored("stuck", 40, 2);
    ScoreFunction.mended = true;
    ScoreFunction.ignoresInterrupts = true;
    ScoreFunction.waitsAt = 25;
    try {
      assertThatThrownBy(
              () ->
                  session.call(
                      "backfill(table => '%s', column => 'score', on_error => 'null',"
                          + " row_timeout => '100ms')",
                      table))
          .hasMessageStartingWith("[FUNCTION_FAILED] ")
          .hasMessageContaining("The function ignores interrupts")
          .hasMessageContaining("in function 'score', on the rows at physical offsets 0 to 19")
          .hasMessageContaining("It happened in fragment 1;");
    } finally {
      ScoreFunction.reset();
    }
    assertThat(session.coverage(table, "score").get(0)).isEqualTo(20);
  }

  @Test
  void columnsThatReadAFailedRowWaitForIt() {
    String table = scored("dependent", 40, 2);
    session.call("add_column('%s', 'twice', 'score * 2')", table);
    session.call(
        "backfill(table => '%s', column => 'score', on_error => 'null', job_id => 'first')", table);
    Row twice = session.call("backfill('%s', 'twice')", table);
    assertThat(twice.<Long>getAs("rows_computed")).isEqualTo(31);
    ScoreFunction.mended = true;
    session.call("retry_errors('%s', 'first')", table);
    assertThat(session.call("backfill('%s', 'twice')", table).<Long>getAs("rows_computed"))
        .isEqualTo(9);
  }
}
