package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.types.DataTypes;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Rows on which an expression fails that Spark evaluates. */
class TestExpressionErrors {
  private static final ConcurrentHashMap<Long, Integer> CALLS = new ConcurrentHashMap<>();

  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  @BeforeAll
  static void register() {
    session
        .spark()
        .udf()
        .register(
            "picky",
            (UDF1<Long, Long>)
                v -> {
                  int call = CALLS.merge(v, 1, Integer::sum);
                  if (v % 10 == 9 || (v % 10 == 3 && call == 1)) {
                    throw new IllegalStateException("not " + v);
                  }
                  return v * 2;
                },
            DataTypes.LongType);
  }

  @BeforeEach
  void forgetCalls() {
    CALLS.clear();
  }

  private static String numbers(String name) {
    String table = "lance.default." + name;
    session.sql("CREATE TABLE %s (v BIGINT) TBLPROPERTIES ('file_format_version'='2.1')", table);
    session.sql("INSERT INTO %s SELECT id + 1 FROM range(0, 40, 1, 2)", table);
    return table;
  }

  @Test
  void aBuiltInFailsOnItsRowAlone() {
    String table = numbers("built_in");
    session.sql("SET spark.sql.ansi.enabled = true");
    try {
      session.call("add_column('%s', 'q', '(100 + v) div (v %% 7)')", table);
    } finally {
      session.sql("RESET spark.sql.ansi.enabled");
    }
    assertThatThrownBy(() -> session.call("backfill('%s', 'q')", table))
        .hasMessageContaining("DIVIDE_BY_ZERO");
    Row result = session.call("backfill(table => '%s', column => 'q', on_error => 'null')", table);
    assertThat(result.<String>getAs("status")).isEqualTo("DONE_WITH_ERRORS");
    assertThat(result.<Long>getAs("rows_failed")).isEqualTo(5);
    assertThat(
            session.number(
                "SELECT count(*) FROM %s WHERE q IS DISTINCT FROM"
                    + " IF(v %% 7 = 0, NULL, (100 + v) div (v %% 7))",
                table))
        .isZero();
    assertThat(session.coverage(table, "q")).containsExactly(35L, 0L, 5L, 0L, 0L);
    List<Row> errors = session.sql("CALL lance.system.errors('%s')", table).collectAsList();
    assertThat(errors).hasSize(5);
    assertThat(errors.get(0).<String>getAs("message"))
        .startsWith("org.apache.spark.SparkArithmeticException: [DIVIDE_BY_ZERO] ");
    assertThat(errors.get(0).<String>getAs("code")).isEqualTo("FUNCTION_RAISED");
    // Of 7, 14, 21, 28 and 35: the first 32 digits of the SHA-256 of i1:7 and so on.
    assertThat(errors)
        .extracting(error -> error.<String>getAs("input_hash"))
        .containsExactlyInAnyOrder(
            "09bff0e604d75e2af67d407e38522661",
            "2cbd3a69fa05725e73e479837e9c5100",
            "aa9eae1ef02df02ca6a522069675ed21",
            "a99e94ec48d112adf2537971329378b6",
            "b37c4f00e88db050b1237cfbf6a5827d");
  }

  @Test
  void aUdfOfTheSessionIsTriedAgainAndThenNull() {
    String table = numbers("udf");
    session.call("add_column('%s', 'p', 'picky(v) + 1', options => map('version', '1'))", table);
    Row result =
        session.call(
            "backfill(table => '%s', column => 'p', on_error => 'retry(2), null',"
                + " retry_on => 'IllegalStateException: not')",
            table);
    assertThat(result.<Long>getAs("rows_failed")).isEqualTo(4);
    assertThat(CALLS.get(9L)).isEqualTo(3);
    assertThat(CALLS.get(13L)).isEqualTo(2);
    assertThat(CALLS.get(14L)).isEqualTo(1);
    assertThat(
            session.number(
                "SELECT count(*) FROM %s WHERE p IS DISTINCT FROM IF(v %% 10 = 9, NULL, v * 2 + 1)",
                table))
        .isZero();
    Row error =
        session
            .sql("CALL lance.system.errors('%s')", table)
            .where("message LIKE '% not 9'")
            .first();
    assertThat(error.<Integer>getAs("attempt")).isEqualTo(3);
    assertThat(error.<String>getAs("message")).isEqualTo("java.lang.IllegalStateException: not 9");
    assertThat(error.<String>getAs("trace")).contains("TestExpressionErrors.lambda$register");

    session.call("alter_column('%s', 'p', 'v * 2 + 1', options => map('version', '1'))", table);
    String job = result.getAs("job_id");
    assertThat(session.call("retry_errors('%s', '%s')", table, job).<Long>getAs("rows_computed"))
        .isEqualTo(4);
    assertThat(session.number("SELECT count(*) FROM %s WHERE p = v * 2 + 1", table)).isEqualTo(40);
  }

  @Test
  void aRowThatFailsInTheEndFailsTheJobByItsOffset() {
    String table = numbers("fails");
    session.call("add_column('%s', 'p', 'picky(v)', options => map('version', '1'))", table);
    assertThatThrownBy(
            () ->
                session.call(
                    "backfill(table => '%s', column => 'p', on_error => 'retry(1)', concurrency => 1)",
                    table))
        .hasMessageStartingWith("[FUNCTION_FAILED] java.lang.IllegalStateException: not 9")
        .hasMessageContaining("on the row at physical offset 8");
  }

  @Test
  void columnsOfAGroupAreNullTogether() {
    String table = numbers("grouped");
    session.sql(
        "CALL lance.system.add_column(table => '%s', columns => array('a', 'b'), expression =>"
            + " 'named_struct(\"a\", v, \"b\", IF(v %% 10 = 9, raise_error(\"no\"), v))')",
        table);
    Row result = session.call("backfill(table => '%s', column => 'a', on_error => 'null')", table);
    assertThat(result.<Long>getAs("rows_failed")).isEqualTo(4);
    assertThat(
            session.number(
                "SELECT count(*) FROM %s WHERE a IS NULL AND b IS NULL AND v %% 10 = 9", table))
        .isEqualTo(4);
    assertThat(session.number("SELECT count(*) FROM %s WHERE a = v AND b = v", table))
        .isEqualTo(36);
  }

  @Test
  void aVectorOfAnotherLengthIsItsRowsFault() {
    String table = numbers("vectors");
    session.call(
        "add_column('%s', 'e', 'array_repeat(cast(v as float), IF(v = 17, 3, 4))',"
            + " options => map('vector_dim', '4'))",
        table);
    Row result = session.call("backfill(table => '%s', column => 'e', on_error => 'null')", table);
    assertThat(result.<Long>getAs("rows_failed")).isEqualTo(1);
    assertThat(session.number("SELECT v FROM %s WHERE e IS NULL", table)).isEqualTo(17);
    assertThat(session.number("SELECT count(*) FROM %s WHERE e[3] = v", table)).isEqualTo(39);
  }

  @Test
  void tooManyFailedRowsEndTheJob() {
    String table = numbers("many");
    session.call("add_column('%s', 'n', 'IF(v > 0, raise_error(\"no\"), v)')", table);
    assertThatThrownBy(
            () ->
                session.call(
                    "backfill(table => '%s', column => 'n', on_error => 'null',"
                        + " max_failed_rows => 5)",
                    table))
        .hasMessageStartingWith("[TOO_MANY_FAILED_ROWS] ");
  }

  @Test
  void whatCannotHoldIsRefused() {
    String table = numbers("refused");
    session.call("add_column('%s', 'n', 'v + 1')", table);
    assertThatThrownBy(
            () ->
                session.call("backfill(table => '%s', column => 'n', row_timeout => '1s')", table))
        .hasMessageStartingWith("[INVALID_OPTION] row_timeout holds for functions");
  }
}
