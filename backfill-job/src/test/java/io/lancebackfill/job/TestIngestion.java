package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.apache.spark.sql.functions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What writes a table goes on writing it after columns were declared. The table's columns are n, id,
 * text, v, tags, up, twice, extra, of which n, v and the group up, twice are computed.
 */
class TestIngestion {
  private static final List<String> COMPUTED = List.of("n", "v", "up");

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

  @ParameterizedTest
  @CsvSource({"2.0,false", "2.0,true", "2.1,false", "2.1,true", "2.2,false", "2.2,true"})
  void appendsNameNoComputedColumn(String format, boolean stableRowIds) throws Exception {
    String name = declared("appends", format, stableRowIds);
    String table = "lance.default." + name;
    session.sql("INSERT INTO %s VALUES (1, 'a', array('x'), 'e'), (2, NULL, NULL, NULL)", table);
    session.sql("INSERT INTO %s (extra, id, text, tags) VALUES ('e', 3, 'ccc', array())", table);
    session.sql(
        "INSERT INTO %s BY NAME SELECT 'd' AS text, array('y', NULL) AS tags, 4L AS id, 'e' AS extra",
        table);
    session.sql("INSERT INTO %s SELECT id + 100, text, tags, extra FROM %s", table, table);
    session.sql(
        "WITH c AS (SELECT 5L AS id) INSERT INTO %s SELECT id, 'cte', NULL, 'e' FROM c", table);
    rows(6, "g").select("extra", "tags", "text", "id").writeTo(table).append();
    rows(7, "h").write().insertInto(table);
    rows(8, "i").write().mode("append").saveAsTable(table);
    rows(9, "jj").write().format("lance").mode("append").save(session.folder(name).toString());
    rows(10, "k").limit(0).writeTo(table).append();

    assertThat(session.number("SELECT count(*) FROM %s", table)).isEqualTo(13);
    assertThat(
            session.number(
                "SELECT count(*) FROM %s WHERE n IS NULL AND v IS NULL AND up IS NULL AND twice IS NULL",
                table))
        .isEqualTo(13);
    assertThat(ids(table, "tags[0] = 'x'")).containsExactly(1L, 101L);
    assertThat(filesWith(name, COMPUTED)).as("files with computed columns").isZero();
    for (String column : COMPUTED) {
      assertThat(computed(table, column)).isEqualTo(13);
    }
    assertThat(wrong(table)).isZero();

    session.sql("INSERT INTO %s VALUES (20, 'zz', NULL, NULL)", table);
    for (String column : COMPUTED) {
      assertThat(computed(table, column)).isEqualTo(1);
      assertThat(computed(table, column)).isZero();
    }
    assertThat(wrong(table)).isZero();

    session.sql("INSERT INTO %s VALUES (21, 'late', array('x'), NULL)", table);
    String read =
        Pylance.run(
            session.folder(name),
            """
            table = lance.dataset(uri)
            before = sorted(table.to_table().to_pylist(), key=lambda row: row['id'])
            table.optimize.compact_files()
            after = sorted(lance.dataset(uri).to_table().to_pylist(), key=lambda row: row['id'])
            assert before == after, (before, after)
            print(len(lance.dataset(uri).get_fragments()), after[-1]['n'], after[0]['v'], after[0]['tags'])
            """);
    assertThat(read).isEqualTo("1 3 [101.0, 1.0] ['x']");
    assertThat(computed(table, "n")).isEqualTo(1);
    assertThat(session.number("SELECT n FROM %s WHERE id = 21", table)).isEqualTo(4);
  }

  @ParameterizedTest
  @CsvSource({"2.0,false", "2.0,true", "2.1,false", "2.1,true", "2.2,false", "2.2,true"})
  void overwritesKeepTheDeclarations(String format, boolean stableRowIds) throws Exception {
    String name = declared("overwrites", format, stableRowIds);
    String table = "lance.default." + name;
    session.sql("INSERT INTO %s VALUES (1, 'a', array('x'), 'e')", table);
    computed(table, "n");
    String declarations = declarations(name);

    session.sql("INSERT OVERWRITE %s VALUES (2, 'bb', NULL, 'e'), (3, 'c', NULL, 'e')", table);
    assertOverwritten(name, declarations, 2);
    session.sql("INSERT OVERWRITE %s SELECT id, text, tags, extra FROM %s", table, table);
    assertOverwritten(name, declarations, 2);
    rows(4, "d").writeTo(table).overwrite(functions.lit(true));
    assertOverwritten(name, declarations, 1);
    rows(5, "d").write().mode("overwrite").insertInto(table);
    assertOverwritten(name, declarations, 1);
    rows(6, "d").write().format("lance").mode("overwrite").save(session.folder(name).toString());
    assertOverwritten(name, declarations, 1);
    assertThatThrownBy(() -> rows(7, "d").writeTo(table).overwritePartitions())
        .hasMessageContaining("does not support dynamic overwrite");
    assertThat(ids(table, "true")).containsExactly(6L);
  }

  @ParameterizedTest
  @CsvSource({"2.0,false", "2.0,true", "2.1,false", "2.1,true", "2.2,false", "2.2,true"})
  void computedColumnsMayBeNamedWithNullAlone(String format, boolean stableRowIds)
      throws Exception {
    String name = declared("named", format, stableRowIds);
    String table = "lance.default." + name;
    session.sql("INSERT INTO %s VALUES (NULL, 1, 'a', NULL, NULL, NULL, NULL, 'e')", table);
    session.sql("INSERT INTO %s (n, text, id, tags, extra) VALUES (NULL, 'b', 2, NULL, 'e')", table);
    session.sql(
        "INSERT INTO %s BY NAME SELECT CAST(NULL AS INT) AS N, 3L AS id, 'c' AS text,"
            + " array('x') AS tags, 'e' AS extra",
        table);
    rows(4, "d").withColumn("n", functions.expr("IF(id < 0, 1, NULL)")).writeTo(table).append();
    session.sql("INSERT INTO %s SELECT * FROM %s WHERE n IS NULL AND id = 1", table, table);
    assertThat(ids(table, "true")).containsExactly(1L, 1L, 2L, 3L, 4L);
    assertThat(filesWith(name, COMPUTED)).isZero();
    for (String column : COMPUTED) {
      assertThat(computed(table, column)).isEqualTo(5);
    }

    long version = version(name);
    assertThatThrownBy(
            () ->
                session.sql(
                    "INSERT INTO %s VALUES (7, 9, 'a', NULL, NULL, 'A', NULL, 'e')", table))
        .hasMessageContaining("[COMPUTED_COLUMN_WRITE] Column 'n' of default." + name)
        .hasMessageContaining("[COMPUTED_COLUMN_WRITE] Column 'up' of default." + name)
        .hasMessageContaining("Leave the column out, or give NULL");
    assertRefused(
        () -> session.sql("INSERT INTO %s (id, text, n) VALUES (9, 'a', 1)", table));
    assertRefused(
        () ->
            session.sql(
                "INSERT INTO %s BY NAME SELECT 9L AS id, 'a' AS text, NULL AS tags, 'e' AS extra, 1 AS n",
                table));
    assertRefused(() -> session.sql("INSERT INTO %s SELECT * FROM %s", table, table));
    assertRefused(() -> session.sql("INSERT OVERWRITE %s SELECT * FROM %s", table, table));
    assertRefused(() -> write(rows(9, "a").withColumn("n", functions.lit(1)), table));
    assertRefused(
        () -> write(rows(9, "a").withColumn("n", functions.expr("IF(id = 9, 1, NULL)")), table));
    assertThat(version(name)).as("version").isEqualTo(version);
  }

  @ParameterizedTest
  @CsvSource({"2.0,false", "2.0,true", "2.1,false", "2.1,true", "2.2,false", "2.2,true"})
  void rowLevelStatementsDoAsOnATableWithoutComputedColumns(String format, boolean stableRowIds) {
    String name = declared("rowlevel", format, stableRowIds);
    String table = "lance.default." + name;
    String plain = table + "_plain";
    session.sql(
        "CREATE TABLE %s (id BIGINT, text STRING, tags ARRAY<STRING>, extra STRING)"
            + " TBLPROPERTIES ('file_format_version'='%s', 'enable_stable_row_ids'='%s')",
        plain, format, stableRowIds);
    for (String to : List.of(table, plain)) {
      session.sql(
          "INSERT INTO %s SELECT id, repeat('x', CAST(id AS INT)), array('t'), 'e' FROM range(10)",
          to);
    }
    for (String column : COMPUTED) {
      computed(table, column);
    }
    String source = "(SELECT %sL AS id, 'new' AS text, NULL AS tags, 'f' AS extra)";
    List<String> statements =
        List.of(
            "UPDATE %s SET text = 'updated' WHERE id = 1",
            "UPDATE %s AS t SET t.extra = 'g' WHERE t.id IN (2, 3)",
            "DELETE FROM %s WHERE id = 4",
            "MERGE INTO %s t USING " + source.formatted(5) + " s ON t.id = s.id"
                + " WHEN MATCHED THEN UPDATE SET text = s.text",
            "MERGE INTO %s t USING " + source.formatted(6) + " s ON t.id = s.id"
                + " WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
            "MERGE INTO %s t USING " + source.formatted(60) + " s ON t.id = s.id"
                + " WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
            "MERGE INTO %s USING " + source.formatted(61) + " s ON %1$s.id = s.id"
                + " WHEN NOT MATCHED THEN INSERT *",
            "MERGE INTO %s t USING " + source.formatted(62) + " s ON t.id = s.id"
                + " WHEN NOT MATCHED THEN INSERT (id, text) VALUES (s.id, s.text)",
            "MERGE INTO %s t USING " + source.formatted(7) + " s ON t.id = s.id"
                + " WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT *",
            "MERGE INTO %s t USING (SELECT id + 70 AS id, text, tags, extra FROM %1$s) s"
                + " ON t.id = s.id WHEN NOT MATCHED AND s.id > 130 THEN INSERT *");
    for (String statement : statements) {
      session.sql(statement, table);
      session.sql(statement, plain);
      assertThat(contents(table)).as(statement).isEqualTo(contents(plain));
    }
    assertThat(session.number("SELECT n FROM %s WHERE id = 2", table)).as("kept").isEqualTo(2);
    session.sql("UPDATE %s SET extra = 'by computed' WHERE n = 8", table);
    session.sql(
        "MERGE INTO %s t USING (SELECT 9 AS n) s ON t.n = s.n WHEN MATCHED THEN DELETE", table);
    assertThat(ids(table, "extra = 'by computed' OR id = 9")).containsExactly(8L);
    session.sql(
        "MERGE INTO %s t USING (SELECT 90L AS id, 'new' AS text) s ON t.n = length(s.text) AND t.id = 3"
            + " WHEN NOT MATCHED THEN INSERT (id, text, n) VALUES (s.id, s.text, NULL)",
        table);
    assertThat(ids(table, "id = 90")).isEmpty();
    for (String column : COMPUTED) {
      computed(table, column);
    }
    assertThat(wrong(table)).isZero();
  }

  @Test
  void tablesAreShownWithAllColumns() {
    String name = declared("shown", "2.1", false);
    String table = "lance.default." + name;
    List<String> all = List.of("n", "id", "text", "v", "tags", "up", "twice", "extra");
    assertThat(session.sql("DESCRIBE %s", table).collectAsList().stream().map(row -> row.getString(0)))
        .startsWith(all.toArray(String[]::new));
    assertThat(Arrays.asList(session.spark.table(table).columns())).isEqualTo(all);
    assertThat(Arrays.asList(
            session.spark.read().format("lance").load(session.folder(name).toString()).columns()))
        .isEqualTo(all);
    assertThat(session.sql("SHOW TABLES IN lance.default").collectAsList().stream()
            .map(row -> row.getString(1)))
        .contains(name);
  }

  /** Adds columns in between with pylance, since Spark's ALTER TABLE knows none of lance-spark. */
  private static String declared(String prefix, String format, boolean stableRowIds) {
    String name = prefix + "_" + format.replace('.', '_') + (stableRowIds ? "_stable" : "");
    String table = "lance.default." + name;
    session.sql(
        "CREATE TABLE %s (x STRING) TBLPROPERTIES"
            + " ('file_format_version'='%s', 'enable_stable_row_ids'='%s')",
        table, format, stableRowIds);
    session.call("add_column('%s', 'n', 'length(x)')", table);
    add(name, "pa.field('id', pa.int64()), pa.field('text', pa.string())");
    session.call("alter_column('%s', 'n', 'length(text)')", table);
    Pylance.run(session.folder(name), "lance.dataset(uri).drop_columns(['x'])");
    session.call(
        "add_column('%s', 'v', 'array(CAST(id AS FLOAT) + 100, 1.0F)',"
            + " data_type => 'fixed_size_list<float>[2]')",
        table);
    add(name, "pa.field('tags', pa.list_(pa.string()))");
    session.sql(
        "CALL lance.system.add_column('%s', columns => array('up', 'twice'),"
            + " expression => 'named_struct(\"up\", upper(text), \"twice\", id * 2)')",
        table);
    add(name, "pa.field('extra', pa.string())");
    return name;
  }

  private static void add(String name, String fields) {
    Pylance.run(
        session.folder(name), "lance.dataset(uri).add_columns(pa.schema([" + fields + "]))");
  }

  private static Dataset<Row> rows(long id, String text) {
    return session.sql(
        "SELECT %dL AS id, '%s' AS text, CAST(NULL AS ARRAY<STRING>) AS tags, 'e' AS extra",
        id, text);
  }

  private static void write(Dataset<Row> rows, String table) {
    try {
      rows.writeTo(table).append();
    } catch (NoSuchTableException e) {
      throw new AssertionError(e);
    }
  }

  private static void assertRefused(Runnable write) {
    assertThatThrownBy(write::run)
        .hasStackTraceContaining("[COMPUTED_COLUMN_WRITE] Column 'n' of default.named");
  }

  private static void assertOverwritten(String name, String declarations, long rows) {
    String table = "lance.default." + name;
    assertThat(declarations(name)).isEqualTo(declarations);
    assertThat(session.coverage(table, "n")).containsExactly(0L, 0L, 0L, rows, 0L);
    for (String column : COMPUTED) {
      assertThat(computed(table, column)).isEqualTo(rows);
    }
    assertThat(wrong(table)).isZero();
    assertThat(session.number("SELECT count(*) FROM %s", table)).isEqualTo(rows);
  }

  /** Rows that a backfill of the column computes. */
  private static long computed(String table, String column) {
    return session.call("backfill('%s', '%s')", table, column).getAs("rows_computed");
  }

  private static long wrong(String table) {
    return session.number(
        "SELECT count(*) FROM %s WHERE n IS DISTINCT FROM length(text) OR v[0] <> id + 100"
            + " OR v[1] IS DISTINCT FROM 1 OR up IS DISTINCT FROM upper(text)"
            + " OR twice IS DISTINCT FROM id * 2",
        table);
  }

  private static List<Long> ids(String table, String where) {
    return session
        .sql("SELECT id FROM %s WHERE %s ORDER BY id", table, where)
        .collectAsList()
        .stream()
        .map(row -> row.getLong(0))
        .toList();
  }

  private static List<String> contents(String table) {
    List<String> rows = new ArrayList<>();
    session
        .sql("SELECT id, text, tags, extra FROM %s ORDER BY id", table)
        .collectAsList()
        .forEach(row -> rows.add(row.toString()));
    return rows;
  }

  private static long version(String name) {
    return Long.parseLong(Pylance.run(session.folder(name), "print(lance.dataset(uri).version)"));
  }

  /** The schema with all field metadata, in an order of its own. */
  private static String declarations(String name) {
    return Pylance.run(
        session.folder(name),
        """
        for field in lance.dataset(uri).schema:
            print(field.name, field.type, sorted((field.metadata or {}).items()))
        """);
  }

  /** Data files of the newest version that hold one of the columns. */
  private static int filesWith(String name, List<String> columns) {
    return Integer.parseInt(
        Pylance.run(
            session.folder(name),
            """
            table = lance.dataset(uri)
            ids = {f.id() for f in table.lance_schema.fields() if f.name() in %s}
            assert len(ids) == 3, ids
            print(sum(bool(ids & set(f.fields)) for d in table.get_fragments() for f in d.metadata.files))
            """
                .formatted("('" + String.join("', '", columns) + "',)")));
  }
}
