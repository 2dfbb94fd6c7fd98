package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Columns of every type, alone and in groups, are what a plain SELECT computes. */
class TestComputedTypes {
  private static final Map<String, String> EXPRESSIONS = new LinkedHashMap<>();

  static {
    EXPRESSIONS.put("an_int", "cast(id as int) * 3");
    EXPRESSIONS.put("a_bigint", "id * 10000000000");
    EXPRESSIONS.put("a_double", "id / 7D");
    EXPRESSIONS.put("a_float", "cast(id / 3 as float)");
    EXPRESSIONS.put("a_boolean", "id % 2 = 0");
    EXPRESSIONS.put("a_string", "concat(text, '-ä-', id)");
    EXPRESSIONS.put("a_binary", "encode(concat(text, char(0), id), 'UTF-8')");
    EXPRESSIONS.put("a_date", "date_add(DATE'1960-02-29', cast(id as int))");
    EXPRESSIONS.put("a_timestamp", "timestamp_micros(id * 1000000007 - 5000000000)");
    EXPRESSIONS.put("a_decimal", "cast(id as decimal(18,0)) * 1.05");
    EXPRESSIONS.put("an_array", "array_repeat(cast(id as int), cast(id % 4 as int))");
    EXPRESSIONS.put("strings", "array(text, NULL, cast(id as string))");
  }

  @TempDir private static Path root;
  private static BackfillSession session;

  @BeforeAll
  static void start() {
    session = new BackfillSession(root);
  }

  @AfterAll
  static void stop() {
    session.close();
  }

  /** One fragment is cut into ranges, whose rows pass through checkpoints. */
  @ParameterizedTest
  @CsvSource({"2.0, 2", "2.1, 2", "2.1, 1"})
  void everyTypeWithNullsAndDeletedRows(String format, int fragments) {
    String name = "types_" + format.replace('.', '_') + "_" + fragments;
    String table = session.table(name, 200, fragments, format);
    session.sql("DELETE FROM %s WHERE id %% 13 = 5", table);
    for (Map.Entry<String, String> column : EXPRESSIONS.entrySet()) {
      String expression = withNulls(column.getValue());
      session.call("add_column('%s', '%s', \"%s\")", table, column.getKey(), expression);
      Row result = session.call("backfill('%s', '%s')", table, column.getKey());
      assertThat(result.<Long>getAs("rows_computed")).as(column.getKey()).isEqualTo(185);
      assertThat(different(table, column.getKey(), expression)).as(column.getKey()).isZero();
    }
    String columns = "'" + String.join("','", EXPRESSIONS.keySet()) + "'";
    String read =
        Pylance.run(
            session.folder(name),
            """
            t = lance.dataset(uri).to_table(columns=['id', %s]).sort_by('id').to_pylist()
            row = next(r for r in t if r['id'] == 8)
            print(len(t), sum(r['a_decimal'] is None for r in t))
            print([row[c] for c in [%s]])
            """
                .formatted(columns, columns));
    assertThat(read.lines().findFirst()).hasValue("185 " + 31);
    assertThat(read)
        .contains(
            "[24, 80000000000, 1.1428571428571428, 2.6666667461395264, True, 'text 8xxx-ä-8',"
                + " b'text 8xxx\\x008', datetime.date(1960, 3, 8),");
    assertThat(read).contains("Decimal('8.40'), [], ['text 8xxx', None, '8']]");
  }

  @ParameterizedTest
  @ValueSource(strings = {"2.0", "2.1"})
  void vectorsByDataTypeAndByOption(String format) {
    String name = "vectors_" + format.replace('.', '_');
    String table = session.table(name, 200, 2, format);
    session.sql("DELETE FROM %s WHERE id %% 13 = 5", table);
    String floats = withNulls("array(cast(id as float), 1F, -0.5F, cast(id / 3 as float))");
    String doubles = withNulls("array(id, id + 1)");
    session.call(
        "add_column(table => '%s', column => 'f', expression => '%s',"
            + " data_type => 'fixed_size_list<float>[4]')",
        table, floats);
    session.call(
        "add_column(table => '%s', column => 'd', expression => '%s', data_type => 'array<double>',"
            + " options => map('vector_dim', '2'))",
        table, doubles);
    session.call("backfill('%s', 'f')", table);
    session.call("backfill('%s', 'd')", table);
    assertThat(different(table, "f", floats)).isZero();
    assertThat(different(table, "d", "cast(" + doubles + " as array<double>)")).isZero();
    assertThat(
            Pylance.run(
                session.folder(name),
                """
                t = lance.dataset(uri).to_table(columns=['f', 'd'], filter='id in (6, 8)')
                print(t.schema.field('f').type, t.schema.field('d').type, t.to_pylist())
                """))
        .isEqualTo(
            "fixed_size_list<item: float>[4] fixed_size_list<item: double>[2] [{'f': None, 'd':"
                + " None}, {'f': [8.0, 1.0, -0.5, 2.6666667461395264], 'd': [8.0, 9.0]}]");
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

  @Test
  void structsOnStorageThatKeepsTheirNulls() {
    String table = session.table("structs", 200, 2, "2.1");
    session.sql("DELETE FROM %s WHERE id %% 13 = 5", table);
    String expression =
        withNulls("named_struct(''n'', id, ''t'', text, ''v'', array(id, id))").replace("''", "'");
    session.call("add_column('%s', 's', \"%s\")", table, expression);
    session.call("backfill('%s', 's')", table);
    assertThat(different(table, "s", expression)).isZero();
    assertThat(
            Pylance.run(
                session.folder("structs"),
                "print(lance.dataset(uri).to_table(columns=['s'], filter='id in (6, 8)')"
                    + ".to_pylist())"))
        .isEqualTo("[{'s': None}, {'s': {'n': 8, 't': 'text 8xxx', 'v': [8, 8]}}]");

    String old = session.table("old_structs", 20, 1, "2.0");
    Map<String, String> before = session.allFiles("old_structs");
    assertThatThrownBy(() -> session.call("add_column('%s', 's', 'named_struct(\"n\", id)')", old))
        .hasMessageContaining("[UNSUPPORTED_TYPE]")
        .hasMessageContaining("NULL structs do not survive");
    assertThat(session.allFiles("old_structs")).isEqualTo(before);
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

    session.sql(
        "INSERT INTO %s SELECT id + 1000, text, NULL, NULL, NULL FROM %s WHERE id < 30",
        table, table);
    Row rest = session.call("backfill('%s', 'a')", table);
    assertThat(rest.<Long>getAs("rows_computed"))
        .isEqualTo(session.number("SELECT count(*) FROM %s WHERE id >= 1000", table));
    assertThat(different(table, "a", withNulls("length(text)"))).isZero();
    assertThat(different(table, "c", withNulls("id / 2D"))).isZero();

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
