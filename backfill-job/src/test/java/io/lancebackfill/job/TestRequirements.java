package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.table.ReadyTag;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.types.DataTypes;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.lance.Dataset;
import org.lance.Tag;

/** Conditions that computed rows have to meet, and the tag of a column that is filled. */
class TestRequirements {
  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  /** Of 100 rows, v = 1 to 100: NaN at 10, infinite at 20, zero at 30, far off at 40. */
  private static float element(long v, int at) {
    if (v == 10 && at == 3) {
      return Float.NaN;
    }
    if (v == 20 && at == 0) {
      return Float.POSITIVE_INFINITY;
    }
    return v == 30 ? 0 : v == 40 ? 1e9f : v;
  }

  @BeforeAll
  static void register() {
    session
        .spark()
        .udf()
        .register(
            "embed",
            (UDF1<Long, Float[]>)
                v -> new Float[] {element(v, 0), element(v, 1), element(v, 2), element(v, 3)},
            DataTypes.createArrayType(DataTypes.FloatType));
  }

  private static String numbers(String name) {
    String table = "lance.default." + name;
    session.sql("CREATE TABLE %s (v BIGINT) TBLPROPERTIES ('file_format_version'='2.1')", table);
    session.sql("INSERT INTO %s SELECT id + 1 FROM range(0, 100, 1, 4)", table);
    return table;
  }

  private static String embedded(String name) {
    String table = numbers(name);
    session.call(
        "add_column(table => '%s', column => 'emb', expression => 'embed(v)',"
            + " options => map('vector_dim', '4', 'version', '1'),"
            + " require => array('norm2(emb) > 0', 'no_nan(emb)', 'all_finite(emb)',"
            + " 'norm2(emb) < 100 * v'))",
        table);
    return table;
  }

  private static Map<String, Long> tags(String table) {
    String name = table.substring(table.lastIndexOf('.') + 1);
    try (Dataset dataset = Dataset.open().uri(session.folder(name).toString()).build()) {
      Map<String, Long> tags = new TreeMap<>();
      for (Tag tag : dataset.tags().list()) {
        tags.put(tag.getName(), tag.getVersion());
      }
      return tags;
    }
  }

  @Test
  void valuesThatDoNotMeetThemAreNullAndRecorded() {
    String table = embedded("bad");
    Row result =
        session.call("backfill(table => '%s', column => 'emb', on_error => 'null')", table);
    assertThat(result.<String>getAs("status")).isEqualTo("DONE_WITH_ERRORS");
    assertThat(result.<Long>getAs("rows_failed")).isEqualTo(4);
    assertThat(session.sql("SELECT v FROM %s WHERE emb IS NULL ORDER BY v", table).collectAsList())
        .extracting(row -> row.getLong(0))
        .containsExactly(10L, 20L, 30L, 40L);
    assertThat(session.number("SELECT count(*) FROM %s WHERE emb[2] = v", table)).isEqualTo(96);
    List<Row> errors = session.sql("CALL lance.system.errors('%s')", table).collectAsList();
    assertThat(errors)
        .extracting(error -> error.<String>getAs("message"))
        .containsExactlyInAnyOrder(
            "require: no_nan(emb) is false",
            "require: all_finite(emb) is false",
            "require: norm2(emb) > 0 is false",
            "require: norm2(emb) < 100 * v is false");
    assertThat(errors)
        .extracting(error -> error.<String>getAs("code"))
        .containsOnly("REQUIREMENT_FAILED");
    // Failed rows are NULL, and the tag is there: nothing of the column is yet to be computed.
    long version = result.getAs("table_version");
    assertThat(tags(table)).isEqualTo(Map.of("emb.ready", version));
    assertThat(
            session.number(
                "SELECT count(*) FROM %s VERSION AS OF %d WHERE emb IS NOT NULL", table, version))
        .isEqualTo(96);
  }

  @Test
  void underFailTheRowIsTold() {
    String table = embedded("told");
    assertThatThrownBy(
            () -> session.call("backfill(table => '%s', column => 'emb', concurrency => 1)", table))
        .hasMessageStartingWith("[REQUIREMENT_FAILED] no_nan(emb) is false, on the row at physical")
        .hasMessageContaining("offset 9. ");
    assertThat(tags(table)).isEmpty();
  }

  @Test
  void conditionsOnCopiesAndGroupsAndNull() {
    String table = numbers("plain");
    session.call(
        "add_column(table => '%s', column => 'w', expression => 'v', require => array('w <> 7'))",
        table);
    session.sql(
        "CALL lance.system.add_column(table => '%s', columns => array('a', 'b'),"
            + " expression => 'named_struct(\"a\", v, \"b\", nullif(v, 9))',"
            + " require => array('b < 100', 'a + b > 10'))",
        table);
    session.call("backfill(table => '%s', column => 'w', on_error => 'null')", table);
    assertThat(session.number("SELECT v FROM %s WHERE w IS NULL", table)).isEqualTo(7);
    // 1 to 5 and 100 are refused; of 9, where b is NULL, nothing is said.
    session.call("backfill(table => '%s', column => 'b', on_error => 'null')", table);
    assertThat(session.number("SELECT count(*) FROM %s WHERE a IS NULL", table)).isEqualTo(6);
    assertThat(session.number("SELECT a FROM %s WHERE v = 9", table)).isEqualTo(9);
    assertThat(tags(table).keySet()).containsExactly("a.ready", "b.ready", "w.ready");
    session.call("drop_column('%s', 'a')", table);
    assertThat(tags(table).keySet()).containsExactly("w.ready");
  }

  @Test
  void theyStayWithAColumnWhoseInputsAreRenamed() {
    String table = numbers("renamed");
    session.call(
        "add_column(table => '%s', column => 'twice', expression => 'v * 2',"
            + " require => array('twice - v < 50'))",
        table);
    Pylance.run(
        session.folder("renamed"),
        """
        lance.dataset(uri).alter_columns(
            {'path': 'v', 'name': 'number'}, {'path': 'twice', 'name': 'doubled'})
        """);
    Row result =
        session.call("backfill(table => '%s', column => 'doubled', on_error => 'null')", table);
    assertThat(result.<Long>getAs("rows_failed")).isEqualTo(51);
    assertThat(
            session.number("SELECT count(*) FROM %s WHERE doubled IS NULL AND number > 49", table))
        .isEqualTo(51);
  }

  @Test
  void alterColumnKeepsOrChangesThem() {
    String table = numbers("altered");
    session.call(
        "add_column(table => '%s', column => 'n', expression => 'v', require => array('n < 0'))",
        table);
    session.call("alter_column('%s', 'n', 'v + 1')", table);
    assertThat(
            session
                .call("backfill(table => '%s', column => 'n', on_error => 'null')", table)
                .<Long>getAs("rows_failed"))
        .isEqualTo(100);
    session.call(
        "alter_column(table => '%s', column => 'n', expression => 'v + 1', require => array())",
        table);
    assertThat(session.call("backfill('%s', 'n')", table).<String>getAs("status"))
        .isEqualTo("DONE");
    assertThat(session.number("SELECT count(*) FROM %s WHERE n = v + 1", table)).isEqualTo(100);
  }

  @Test
  void fragmentsWhoseRowsAllFailedAreReadPast() {
    String table = numbers("skipped");
    session.call(
        "add_column(table => '%s', column => 'n', expression =>"
            + " 'IF(v <= 25 OR v BETWEEN 51 AND 75, raise_error(\"no\"), v)',"
            + " require => array('n + v <> 60', 'n + v < 190'))",
        table);
    Row result =
        session.call(
            "backfill(table => '%s', column => 'n', on_error => 'null', concurrency => 1)", table);
    // 50 that the expression fails on, 30, and 95 to 100.
    assertThat(result.<Long>getAs("rows_failed")).isEqualTo(50 + 1 + 6);
    assertThat(
            session
                .sql("CALL lance.system.errors('%s')", table)
                .where("message LIKE '%cannot be read%'")
                .count())
        .isZero();
  }

  @Test
  void aConditionThatCannotBeEvaluatedIsItsRowsFault() {
    String table = numbers("dates");
    session.sql("SET spark.sql.ansi.enabled = true");
    try {
      session.call(
          "add_column(table => '%s', column => 'd', expression =>"
              + " 'IF(v = 13, \"never\", \"2026-01-01\")',"
              + " require => array('to_date(d) > DATE\"2025-01-01\"'))",
          table);
    } finally {
      session.sql("RESET spark.sql.ansi.enabled");
    }
    session.call("backfill(table => '%s', column => 'd', on_error => 'null')", table);
    assertThat(session.number("SELECT v FROM %s WHERE d IS NULL", table)).isEqualTo(13);
    assertThat(
            session
                .sql("CALL lance.system.errors('%s')", table)
                .collectAsList()
                .get(0)
                .<String>getAs("message"))
        .contains("cannot be evaluated")
        .contains("never");
  }

  @Test
  void theTagStaysWhereTheColumnIsWhole() {
    String table = numbers("tagged");
    session.call("add_column('%s', 'n', 'v + 1', 'BIGINT', map('ready_tag', 'true'))", table);
    session.call("backfill(table => '%s', column => 'n', max_fragments => 2)", table);
    assertThat(tags(table)).isEmpty();
    session.call("backfill(table => '%s', column => 'n', where => 'v < 99')", table);
    assertThat(tags(table)).isEmpty();
    long whole = session.call("backfill('%s', 'n')", table).<Long>getAs("table_version");
    assertThat(tags(table)).isEqualTo(Map.of("n.ready", whole));
    session.sql("INSERT INTO %s VALUES (101)", table);
    session.call("alter_column('%s', 'n', 'v + 2')", table);
    session.call("backfill(table => '%s', column => 'n', max_fragments => 1)", table);
    assertThat(tags(table)).isEqualTo(Map.of("n.ready", whole));
    assertThat(
            session.number(
                "SELECT count(*) FROM %s VERSION AS OF %d WHERE n = v + 1", table, whole))
        .isEqualTo(100);
    long again = session.call("backfill('%s', 'n')", table).<Long>getAs("table_version");
    assertThat(tags(table)).isEqualTo(Map.of("n.ready", again));
    assertThat(
            session.number(
                "SELECT count(*) FROM %s VERSION AS OF %d WHERE n = v + 2", table, again))
        .isEqualTo(101);
  }

  @Test
  void aJobThatHasNothingToDoMovesTheTag() {
    String table = numbers("nothing");
    session.call("add_column('%s', 'n', 'v + 1')", table);
    session.call("backfill('%s', 'n')", table);
    assertThat(tags(table)).isEmpty();
    long version =
        session
            .call("backfill(table => '%s', column => 'n', ready_tag => true)", table)
            .<Long>getAs("table_version");
    assertThat(tags(table)).isEqualTo(Map.of("n.ready", version));
  }

  @Test
  void namesThatLanceRefusesAreWrittenOut() {
    assertThat(ReadyTag.of("emb")).isEqualTo("emb.ready");
    assertThat(ReadyTag.of("größe")).isEqualTo("größe.ready");
    assertThat(ReadyTag.of("a b/c")).isEqualTo("a_x20_b_x2f_c.ready");
  }

  @Test
  void faultsAreToldTogetherAndNothingIsDeclared() {
    String table = numbers("faulty");
    assertThatThrownBy(
            () ->
                session.call(
                    "add_column(table => '%s', column => 'n', expression => 'v',"
                        + " require => array('n >', 'w > 1', 'n + 1', 'rand() > n', 'norm2(n) > 1'))",
                    table))
        .hasMessageStartingWith("[INVALID_EXPRESSION] require: ")
        .hasMessageContaining("'n >' cannot be parsed")
        .hasMessageContaining("'w > 1'")
        .hasMessageContaining("'n + 1' is of type BIGINT")
        .hasMessageContaining("'rand' may give another value")
        .hasMessageContaining("'norm2(n) > 1'")
        .hasMessageContaining("It may name the columns that the expression reads and fills: v, n.");
    assertThat(session.sql("SELECT * FROM %s", table).columns()).containsExactly("v");
  }
}
