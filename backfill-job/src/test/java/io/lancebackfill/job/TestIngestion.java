package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.LocalSpark;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableSnapshot;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.apache.spark.sql.functions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What writes a table goes on writing it after columns were declared. The table's columns are n,
 * id, text, v, tags, up, twice, extra, of which n, v and the group up, twice are computed.
 */
class TestIngestion {
  private static final List<String> COMPUTED = List.of("n", "v", "up");
  private static final Field ITEM = Field.nullable("item", ArrowType.Utf8.INSTANCE);
  private static final Field TEXT = Field.nullable("text", ArrowType.Utf8.INSTANCE);

  @RegisterExtension private static final BackfillSession session = new BackfillSession();
  private static final Set<String> TABLES = new HashSet<>();

  @ParameterizedTest
  @CsvSource({"2.0,false", "2.0,true", "2.1,false", "2.1,true", "2.2,false", "2.2,true"})
  void appendsNameNoComputedColumn(String format, boolean stableRowIds) throws Exception {
    String name = declared(format, stableRowIds);
    String table = of(name);
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
            print(len(lance.dataset(uri).get_fragments()), after[0]['v'], after[0]['tags'], after[-2]['n'])
            """);
    assertThat(read).isEqualTo("1 [101.0, 1.0] ['x'] 3");
    assertThat(computed(table, "n")).isEqualTo(1);
    assertThat(session.number("SELECT n FROM %s WHERE id = 21", table)).isEqualTo(4);
  }

  @ParameterizedTest
  @CsvSource({"2.0,false", "2.0,true", "2.1,false", "2.1,true", "2.2,false", "2.2,true"})
  void overwritesKeepTheDeclarations(String format, boolean stableRowIds) throws Exception {
    String name = declared(format, stableRowIds);
    String table = of(name);
    session.sql("INSERT INTO %s VALUES (1, 'a', array('x'), 'e')", table);
    computed(table, "n");
    List<String> declarations = declarations(name);

    session.sql("INSERT OVERWRITE %s VALUES (2, 'bb', NULL, 'e'), (3, 'c', NULL, 'e')", table);
    assertOverwritten(name, declarations, 2);
    session.sql("INSERT OVERWRITE %s SELECT id, text, tags, extra FROM %s", table, table);
    assertOverwritten(name, declarations, 2);
    rows(4, "d").writeTo(table).overwrite(functions.lit(true));
    assertOverwritten(name, declarations, 1);
    rows(5, "d").write().mode("overwrite").insertInto(table);
    assertOverwritten(name, declarations, 1);
    session.sql("INSERT OVERWRITE %1$s SELECT id, text, tags, extra FROM %1$s LIMIT 0", table);
    assertOverwritten(name, declarations, 0);
    rows(6, "d").write().format("lance").mode("overwrite").save(session.folder(name).toString());
    assertOverwritten(name, declarations, 1);
    assertThatThrownBy(() -> rows(7, "d").writeTo(table).overwritePartitions())
        .hasMessageContaining("does not support dynamic overwrite");
    assertThat(ids(table, "true")).containsExactly(6L);
  }

  @ParameterizedTest
  @CsvSource({"2.0,true", "2.1,false", "2.2,true"})
  void computedColumnsMayBeNamedWithNullAlone(String format, boolean stableRowIds)
      throws Exception {
    String name = declared(format, stableRowIds);
    String table = of(name);
    session.sql("INSERT INTO %s VALUES (NULL, 1, 'a', NULL, NULL, NULL, NULL, 'e')", table);
    session.sql(
        "INSERT INTO %s (n, text, id, tags, extra) VALUES (NULL, 'b', 2, NULL, 'e')", table);
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
                session.sql("INSERT INTO %s VALUES (7, 9, 'a', NULL, NULL, 'A', NULL, 'e')", table))
        .hasMessageContaining("[COMPUTED_COLUMN_WRITE] Column 'n' of default." + name)
        .hasMessageContaining("[COMPUTED_COLUMN_WRITE] Column 'up' of default." + name)
        .hasMessageContaining("Leave the column out, or give NULL");
    assertRefused(() -> session.sql("INSERT INTO %s (id, text, n) VALUES (9, 'a', 1)", table));
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
  @CsvSource({"2.0,false", "2.1,true"})
  void rowLevelStatementsDoAsOnATableWithoutComputedColumns(String format, boolean stableRowIds) {
    String name = declared(format, stableRowIds);
    String table = of(name);
    String plain = of("plain_" + name);
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
            "MERGE INTO %s t USING "
                + source.formatted(5)
                + " s ON t.id = s.id"
                + " WHEN MATCHED THEN UPDATE SET text = s.text",
            "MERGE INTO %s t USING "
                + source.formatted(6)
                + " s ON t.id = s.id"
                + " WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
            "MERGE INTO %s t USING "
                + source.formatted(60)
                + " s ON t.id = s.id"
                + " WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
            "MERGE INTO %s USING "
                + source.formatted(61)
                + " s ON %1$s.id = s.id"
                + " WHEN NOT MATCHED THEN INSERT *",
            "MERGE INTO %s t USING "
                + source.formatted(62)
                + " s ON t.id = s.id"
                + " WHEN NOT MATCHED THEN INSERT (id, text) VALUES (s.id, s.text)",
            "MERGE INTO %s t USING "
                + source.formatted(7)
                + " s ON t.id = s.id"
                + " WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT *",
            "MERGE INTO %s t USING (SELECT id + 70 AS id, text, tags, extra FROM %1$s) s"
                + " ON t.id = s.id WHEN NOT MATCHED AND s.id > 130 THEN INSERT *");
    for (String statement : statements) {
      session.sql(statement, table);
      session.sql(statement, plain);
    }
    assertThat(contents(table)).isEqualTo(contents(plain));
    assertThat(session.number("SELECT n FROM %s WHERE id = 2", table)).as("kept").isEqualTo(2);
    session.sql("UPDATE %s SET extra = 'by computed' WHERE n = 8", table);
    session.sql(
        "MERGE INTO %s t USING (SELECT 9 AS n) s ON t.n = s.n WHEN MATCHED THEN DELETE", table);
    assertThat(ids(table, "extra = 'by computed' OR id = 9")).containsExactly(8L);
    session.sql(
        "MERGE INTO %s t USING (SELECT 90L AS id, 'new' AS text) s ON t.n = length(s.text) AND t.id = 99"
            + " WHEN NOT MATCHED THEN INSERT (id, text, n) VALUES (s.id, s.text, NULL)",
        table);
    assertThat(ids(table, "id = 90")).containsExactly(90L);
    for (String column : COMPUTED) {
      computed(table, column);
    }
    assertThat(wrong(table)).isZero();
  }

  @Test
  void tablesWithComputedArraysAreUpdatedAndMerged() {
    String table = session.table("with_arrays", 10, 2, "2.0", false);
    session.call("add_column('%s', 'words', \"split(text, ' ')\")", table);
    session.call("add_column('%s', 'nested', \"array(split(text, ' '), NULL)\")", table);
    computed(table, "words");
    computed(table, "nested");
    session.sql("UPDATE %s SET text = 'a b c' WHERE id = 1", table);
    session.sql(
        "MERGE INTO %s t USING (SELECT explode(array(2L, 20L)) AS id, 'd e' AS text) s ON t.id = s.id"
            + " WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
        table);
    assertThat(computed(table, "words")).isEqualTo(3);
    assertThat(computed(table, "nested")).isEqualTo(3);
    assertThat(
            session.number(
                "SELECT count(*) FROM %s WHERE words <=> split(text, ' ') AND nested[0] <=> words",
                table))
        .isEqualTo(11);
  }

  @Test
  void tablesAreShownWithAllColumns() {
    String name = declared("2.1", false);
    String table = of(name);
    List<String> all = List.of("n", "id", "text", "v", "tags", "up", "twice", "extra");
    assertThat(
            session.sql("DESCRIBE %s", table).collectAsList().stream().map(row -> row.getString(0)))
        .startsWith(all.toArray(String[]::new));
    assertThat(Arrays.asList(session.spark().table(table).columns())).isEqualTo(all);
    assertThat(
            Arrays.asList(
                session
                    .spark()
                    .read()
                    .format("lance")
                    .load(session.folder(name).toString())
                    .columns()))
        .isEqualTo(all);
    assertThat(
            session.sql("SHOW TABLES IN lance.default").collectAsList().stream()
                .map(row -> row.getString(1)))
        .contains(name);
  }

  @Test
  void listsOfOtherWritersTakeRowsAndTypesThatSparkLacksTakeNone() {
    session.sql("CREATE TABLE lance.default.others (x STRING)");
    session.call("add_column('lance.default.others', 'n', 'length(x)')");
    add("others", new Field("tags", FieldType.nullable(ArrowType.List.INSTANCE), List.of(ITEM)));
    session.sql("INSERT INTO lance.default.others VALUES ('a', array('b', 'cc'))");
    assertThat(computed("lance.default.others", "n")).isEqualTo(1);
    assertThat(
            Pylance.run(
                session.folder("others"), "print(lance.dataset(uri).to_table().to_pylist())"))
        .isEqualTo("[{'x': 'a', 'n': 1, 'tags': ['b', 'cc']}]");

    add("others", Field.nullable("small", new ArrowType.Int(8, false)));
    long version = version("others");
    assertThatThrownBy(() -> session.sql("INSERT INTO lance.default.others VALUES ('a', NULL, 1S)"))
        .hasMessageContaining("small: Int(8, false)")
        .hasMessageContaining("Append with pylance or lancedb");
    assertThat(version("others")).isEqualTo(version);
  }

  @Test
  void sessionsWithoutTheExtensionInsertTooAndNameNothing() {
    String table = of(declared("2.1", false));
    SparkSession bare =
        LocalSpark.start(
            List.of(), Map.of("spark.sql.catalog.lance.root", session.root().toString()));
    try {
      insertsWithoutTheExtension(bare, table);
    } finally {
      SparkSession.setActiveSession(session.spark());
      SparkSession.setDefaultSession(session.spark());
    }
  }

  private static void insertsWithoutTheExtension(SparkSession bare, String table) {
    bare.sql("INSERT INTO %s VALUES (1, 'a', NULL, 'e')".formatted(table));
    assertThatThrownBy(() -> bare.sql("INSERT INTO %s (id, n) VALUES (1, NULL)".formatted(table)))
        .hasMessageContaining("UNRESOLVED_COLUMN");
    assertThatThrownBy(
            () ->
                bare.sql(
                    "MERGE INTO %s t USING (SELECT 1L AS id) s ON t.id = s.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)"
                        .formatted(table)))
        .hasStackTraceContaining("Set spark.sql.extensions=");
    bare.sql("UPDATE %s SET text = 'bb'".formatted(table));
    assertThat(bare.sql("SELECT n, id, text FROM " + table).collectAsList())
        .containsExactly(RowFactory.create(null, 1L, "bb"));
  }

  @Test
  void addColumnSaysWhatLanceSparksOwnCatalogWants() {
    session.sql("CREATE TABLE lance.default.noticed (x STRING)");
    String own = errors("CALL lance.system.add_column('default.noticed', 'a', 'length(x)')");
    String plain = errors("CALL plain.system.add_column('default.noticed', 'b', 'length(x)')");
    assertThat(own).doesNotContain("INSERT");
    assertThat(plain)
        .contains("add_column b: from now on every INSERT")
        .contains("into plain.default.noticed through catalog 'plain' must name it and give NULL")
        .contains(
            "Set spark.sql.catalog.plain=io.lancebackfill.catalog.LanceBackfillCatalog, and they need not");
    assertThatThrownBy(() -> session.sql("INSERT INTO plain.default.noticed VALUES ('x')"))
        .hasMessageContaining("INSERT_COLUMN_ARITY_MISMATCH");
    session.sql("INSERT INTO plain.default.noticed VALUES ('x', NULL, NULL)");
    session.sql("INSERT INTO lance.default.noticed VALUES ('y')");
    assertThat(computed("lance.default.noticed", "a")).isEqualTo(2);
  }

  /** What a statement writes on the standard error stream. */
  private static String errors(String statement) {
    PrintStream before = System.err;
    ByteArrayOutputStream written = new ByteArrayOutputStream();
    System.setErr(new PrintStream(written, true, StandardCharsets.UTF_8));
    try {
      session.sql(statement);
    } finally {
      System.setErr(before);
    }
    return written.toString(StandardCharsets.UTF_8);
  }

  /** A table for each kind, emptied before each use. */
  private static String declared(String format, boolean stableRowIds) {
    String name = "t_" + format.replace('.', '_') + (stableRowIds ? "_stable" : "");
    if (TABLES.add(name)) {
      declare(name, format, stableRowIds);
    } else {
      session.sql("INSERT OVERWRITE %1$s SELECT id, text, tags, extra FROM %1$s LIMIT 0", of(name));
    }
    assertThat(session.number("SELECT count(*) FROM %s", of(name))).isZero();
    return name;
  }

  /** Adds the columns in between by hand, since lance-spark's ALTER TABLE adds none. */
  private static void declare(String name, String format, boolean stableRowIds) {
    session.sql(
        "CREATE TABLE %s (x STRING) TBLPROPERTIES"
            + " ('file_format_version'='%s', 'enable_stable_row_ids'='%s')",
        of(name), format, stableRowIds);
    session.call("add_column('%s', 'n', 'length(x)')", of(name));
    add(name, Field.nullable("id", new ArrowType.Int(64, true)), TEXT);
    session.call("alter_column('%s', 'n', 'length(text)')", of(name));
    LanceTables.dropColumns(ref(name), List.of("x"));
    session.call(
        "add_column('%s', 'v', 'array(CAST(id AS FLOAT) + 100, 1.0F)',"
            + " data_type => 'fixed_size_list<float>[2]')",
        of(name));
    Field element = Field.nullable("element", ArrowType.Utf8.INSTANCE);
    add(name, new Field("tags", FieldType.nullable(ArrowType.List.INSTANCE), List.of(element)));
    session.sql(
        "CALL lance.system.add_column('%s', columns => array('up', 'twice'),"
            + " expression => 'named_struct(\"up\", upper(text), \"twice\", id * 2)')",
        of(name));
    add(name, Field.nullable("extra", ArrowType.Utf8.INSTANCE));
  }

  private static void add(String name, Field... fields) {
    LanceTables.addColumns(ref(name), List.of(fields));
  }

  private static String of(String name) {
    return "lance.default." + name;
  }

  private static DatasetRef ref(String name) {
    return DatasetRef.of(session.folder(name).toString());
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
        .hasStackTraceContaining("[COMPUTED_COLUMN_WRITE] Column 'n' of default.t_");
  }

  private static void assertOverwritten(String name, List<String> declarations, long rows) {
    String table = of(name);
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
    return LanceTables.latest(ref(name)).version();
  }

  /** The schema with all field metadata. */
  private static List<String> declarations(String name) {
    return LanceTables.latest(ref(name)).columns().stream()
        .map(column -> column.field() + " " + new TreeMap<>(column.metadata()))
        .toList();
  }

  /** Data files of the newest version that hold one of the columns. */
  private static long filesWith(String name, List<String> columns) {
    TableSnapshot table = LanceTables.latest(ref(name));
    List<Integer> ids =
        columns.stream().map(column -> table.column(column).orElseThrow().id()).toList();
    return table.fragments().stream()
        .flatMap(fragment -> fragment.files().stream())
        .filter(file -> file.fieldIds().stream().anyMatch(ids::contains))
        .count();
  }
}
