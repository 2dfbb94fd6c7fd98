package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Vectors, groups of columns, and functions on Arrow batches; {@link TestTypes} has all types. */
class TestComputedTypes {

  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  /** See LanceEncoding: written as Lance usually does, this takes the whole process down. */
  @ParameterizedTest
  @ValueSource(strings = {"2.1", "2.2"})
  void listsThatTookDownProcessesAreWritten(String format) {
    String name = "lists_" + format.replace('.', '_');
    String table = session.table(name, 200_000, 1, format);
    String lists =
        "CASE WHEN id % 10 = 0 THEN NULL WHEN id < 150000 THEN array()"
            + " ELSE array(concat('v', id)) END";
    session.call("add_column('%s', 'v', \"%s\", 'array<string>')", table, lists);
    session.call("backfill('%s', 'v')", table);
    assertThat(
            Pylance.run(
                session.folder(name),
                """
                t = lance.dataset(uri).to_table(columns=['id', 'v'])
                want = [None if i % 10 == 0 else [] if i < 150000 else ['v%d' % i]
                        for i in t['id'].to_pylist()]
                print(t.num_rows, t['v'].to_pylist() == want)
                """))
        .isEqualTo("200000 True");
  }

  @Test
  void vectorsByOption() {
    String table = session.table("vectors", 200, 2, "2.1");
    String doubles = withNulls("array(id, id + 1)");
    session.call(
        "add_column(table => '%s', column => 'd', expression => '%s', data_type => 'array<double>',"
            + " options => map('vector_dim', '2'))",
        table, doubles);
    session.call("backfill('%s', 'd')", table);
    assertThat(different(table, "d", "cast(" + doubles + " as array<double>)")).isZero();
    assertThat(
            Pylance.run(
                session.folder("vectors"), "print(lance.dataset(uri).schema.field('d').type)"))
        .isEqualTo("fixed_size_list<item: double>[2]");
  }

  @Test
  void vectorsOfTheWrongLengthFailTheJobWithTheReason() {
    String table = session.table("lengths", 20, 2, "2.1");
    session.call(
        "add_column('%s', 'v', 'IF(id = 13, array(1F), array(1F, 2F))',"
            + " 'fixed_size_list<float>[2]')",
        table);
    assertThatThrownBy(() -> session.call("backfill('%s', 'v')", table))
        .hasMessageMatching("(?s).*\\[(FUNCTION_FAILED|TASK_FAILED)].*2.*");
  }

  @ParameterizedTest
  @ValueSource(strings = {"2.0", "2.1"})
  void aStructFillsAGroupOfColumns(String format) {
    String name = "groups_" + format.replace('.', '_');
    String table = session.table(name, 200, 2, format);
    session.sql("DELETE FROM %s WHERE id %% 13 = 5", table);
    String expression =
        withNulls("named_struct('first', length(text), 'second', upper(text), 'third', id / 2D)");
    List<Row> declared =
        session
            .sql(
                "CALL lance.system.add_column(table => '%s', columns => array('a', 'b', 'c'),"
                    + " expression => \"%s\")",
                table, expression)
            .collectAsList();
    assertThat(declared.stream().map(r -> r.getString(0) + " " + r.getString(1)))
        .containsExactly("a int", "b string", "c double");
    Row result = session.call("backfill('%s', 'b')", table);
    assertThat(result.<Long>getAs("rows_computed")).isEqualTo(185);
    assertThat(different(table, "a", withNulls("length(text)"))).isZero();
    assertThat(different(table, "b", withNulls("upper(text)"))).isZero();
    assertThat(different(table, "c", withNulls("id / 2D"))).isZero();
    assertThat(session.coverage(table, "c")).containsExactly(185L, 0L, 0L, 0L, 0L);
    Row again = session.call("backfill('%s', 'c')", table);
    assertThat(again.<Long>getAs("rows_computed")).isZero();
    assertThat(again.<Long>getAs("commits")).isZero();

    session.sql(
        "INSERT INTO %s SELECT id + 1000, text, NULL, NULL, NULL FROM %s WHERE id < 30",
        table, table);
    Row rest = session.call("backfill('%s', 'a')", table);
    assertThat(rest.<Long>getAs("rows_computed"))
        .isEqualTo(session.number("SELECT count(*) FROM %s WHERE id >= 1000", table));
    assertThat(different(table, "a", withNulls("length(text)"))).isZero();
    assertThat(different(table, "c", withNulls("id / 2D"))).isZero();

    session.sql("UPDATE %s SET text = concat(text, '!') WHERE id < 10", table);
    long updated = session.number("SELECT count(*) FROM %s WHERE id < 10", table);
    for (String column : List.of("a", "b", "c")) {
      assertThat(session.coverage(table, column).get(1)).as(column).isEqualTo(updated);
    }
    session.call("backfill('%s', 'c')", table);
    assertThat(different(table, "b", withNulls("upper(text)"))).isZero();

    String other = withNulls("named_struct('x', -length(text), 'y', lower(text), 'z', id / 4D)");
    assertThatThrownBy(() -> session.call("alter_column('%s', 'b', 'upper(text)')", table))
        .hasMessageContaining("[TYPE_MISMATCH]");
    session.sql("CALL lance.system.alter_column('%s', 'b', \"%s\")", table, other).collectAsList();
    long rows = session.number("SELECT count(*) FROM %s", table);
    assertThat(session.coverage(table, "a")).containsExactly(0L, rows, 0L, 0L, 0L);
    session.call("backfill('%s', 'a')", table);
    assertThat(different(table, "a", withNulls("-length(text)"))).isZero();
    assertThat(different(table, "c", withNulls("id / 4D"))).isZero();

    session.call("drop_column('%s', 'c')", table);
    assertThat(session.sql("SELECT * FROM %s", table).columns()).containsExactly("id", "text");
  }

  @Test
  void aFunctionOnArrowBatches() {
    String table = session.table("arrow", 200, 2, "2.1");
    session.sql("INSERT INTO %s VALUES (203, NULL), (201, ''), (202, 'ABBA zz 12')", table);
    session.sql("DELETE FROM %s WHERE id %% 13 = 5", table);
    Row registered =
        session.call(
            "register_function(name => 'letters', kind => 'java',"
                + " class => 'io.lancebackfill.udf.example.LetterFrequencies')");
    assertThat(registered.<String>getAs("name")).isEqualTo("letters");
    Row known = session.call("functions()");
    assertThat(known.<String>getAs("class"))
        .isEqualTo("io.lancebackfill.udf.example.LetterFrequencies");
    assertThat(known.<String>getAs("function_fingerprint"))
        .isEqualTo(registered.<String>getAs("function_fingerprint"));
    Row declared = session.call("add_column('%s', 'l', 'letters(text)')", table);
    assertThat(declared.<String>getAs("data_type")).isEqualTo("fixed_size_list<float>[26]");
    assertThat(declared.<String>getAs("kind")).isEqualTo("function");
    Row result = session.call("backfill(table => '%s', column => 'l', batch_size => 17)", table);
    long rows = session.number("SELECT count(*) FROM %s", table);
    assertThat(result.<Long>getAs("rows_computed")).isEqualTo(rows);
    List<Row> values = session.sql("SELECT text, l FROM %s", table).collectAsList();
    assertThat(values).hasSize((int) rows);
    for (Row row : values) {
      if (row.isNullAt(0)) {
        assertThat(row.isNullAt(1)).isTrue();
      } else {
        assertThat(row.<Float>getList(1)).as(row.getString(0)).isEqualTo(letters(row.getString(0)));
      }
    }
    assertThat(session.coverage(table, "l")).containsExactly(rows, 0L, 0L, 0L, 0L);

    Row some =
        session.call(
            "backfill(table => '%s', column => 'l', where => 'id < 20', recompute => true)", table);
    assertThat(some.<Long>getAs("rows_computed"))
        .isEqualTo(session.number("SELECT count(*) FROM %s WHERE id < 20", table));
    assertThat(session.number("SELECT count(*) FROM %s WHERE l IS NULL", table)).isOne();

    assertThatThrownBy(() -> session.call("add_column('%s', 'm', 'letters(id)')", table))
        .hasMessageContaining("takes one column of strings");
    assertThatThrownBy(
            () ->
                session.call(
                    "register_function(name => '1x', kind => 'go', class => 'java.lang.String')"))
        .hasMessageContaining("[INVALID_ARGUMENT] '1x' cannot be a function's name")
        .hasMessageContaining("Functions of kind 'go' cannot be registered")
        .hasMessageContaining("[INVALID_FUNCTION]");
  }

  private static List<Float> letters(String text) {
    byte[] bytes = text.toLowerCase(Locale.ROOT).getBytes(StandardCharsets.US_ASCII);
    Float[] shares = new Float[26];
    int[] counts = new int[26];
    int all = 0;
    for (byte b : bytes) {
      if (b >= 'a' && b <= 'z') {
        counts[b - 'a']++;
        all++;
      }
    }
    for (int i = 0; i < 26; i++) {
      shares[i] = all == 0 ? 0F : (float) counts[i] / all;
    }
    return List.of(shares);
  }

  private static String withNulls(String expression) {
    return "CASE WHEN id % 6 <> 0 THEN " + expression + " END";
  }

  private static long different(String table, String column, String expression) {
    return session.number(
        "SELECT count(*) FROM " + table + " WHERE " + column + " IS DISTINCT FROM " + expression);
  }
}
