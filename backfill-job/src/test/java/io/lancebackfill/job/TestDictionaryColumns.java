package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import org.apache.spark.sql.Row;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Tables with dictionary columns, such as pandas' categoricals, whose field ids Java is not told.
 */
class TestDictionaryColumns {
  /** Ids are not places: a column is gone, another was renamed, one came later. */
  private static final String CREATE =
      """
      import pandas as pd
      def rows(first, n):
          ids = list(range(first, first + n))
          words = [None if i % 5 == 4 else 'abc'[i % 3] for i in ids]
          return pa.table({
              'gone': pa.array(ids, pa.int64()),
              'c': pa.array(pd.Categorical(words)).cast(pa.dictionary(pa.int8(), pa.string())),
              'id': pa.array(ids, pa.int64()),
              's': pa.StructArray.from_arrays(
                  [pa.array(words).dictionary_encode(), pa.array(ids, pa.int64())], ['d', 'x']),
              'codes': pa.array([i % 4 for i in ids], pa.int64()).dictionary_encode(),
              'v': pa.array([[i, i] for i in ids], pa.list_(pa.float32(), 2)),
              'words': pa.array([['w'] for _ in ids]),
              't': pa.array(['t' * (i % 7) for i in ids])})
      def check(n, expected=None):
          table = lance.dataset(uri).to_table()
          assert table.num_rows == n, table.num_rows
          assert table.schema.field('c').type == pa.dictionary(pa.int8(), pa.string()), table.schema
          assert table.schema.field('codes').type == pa.dictionary(pa.int32(), pa.int64()), table.schema
          for row in table.to_pylist():
              i = row['id']
              word = None if i % 5 == 4 else 'abc'[i % 3]
              assert row['c'] == word and row['s'] == {'d': word, 'x': i} and row['codes'] == i % 4, row
              assert row['v'] == [i, i] and row['words'] == ['w'], row
              if expected: assert row['n'] == expected(row), row
          print('right')
      """;

  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  @ParameterizedTest
  @CsvSource({
    "2.0,false,lance",
    "2.0,true,uri",
    "2.1,false,uri",
    "2.1,true,plain",
    "2.2,false,plain",
    "2.2,true,lance"
  })
  void whatIsNotReadDoesNoHarm(String format, boolean stableRowIds, String named) {
    String name = "t" + format.replace(".", "") + stableRowIds;
    Path folder = session.root().resolve(name + ".lance");
    create(folder, format, stableRowIds);
    String table = named.equals("uri") ? folder.toString() : named + "." + name;
    String catalog = named.equals("plain") ? "plain" : "lance";

    call(catalog, "add_column('%s', 'n', 'length(text) + id')", table);
    assertThat(call(catalog, "backfill('%s', 'n', dry_run => true)", table).<String>getAs("status"))
        .isEqualTo("PLANNED");
    assertComputes(catalog, table, 4, "where => 'id < 4'");
    assertComputes(catalog, table, 8, "commit_granularity => 1");
    assertComputes(catalog, table, 0, "");
    assertRight(folder, 12, "len(row['text']) + row['id']");

    // Appended, and what changes the schema in between: exactly the new rows.
    python(
        folder,
        """
        table = lance.dataset(uri)
        table.add_columns({'later': 'id + 1'})
        table.drop_columns(['later'])
        lance.write_dataset(
            rows(12, 4).rename_columns(['gone', 'c', 'id', 's', 'codes', 'v', 'words', 'text'])
                .drop_columns(['gone']), uri, mode='append')
        """);
    assertComputes(catalog, table, 4, "");
    assertRight(folder, 16, "len(row['text']) + row['id']");

    // Rows written anew: exactly these.
    python(folder, "lance.dataset(uri).update({'text': \"'updated'\"}, where='id IN (1, 2, 13)')");
    assertThat(coverage(catalog, table)).containsExactly(13L, 3L, 0L, 0L, 0L);
    assertComputes(catalog, table, 3, "");
    assertRight(folder, 16, "len(row['text']) + row['id']");

    // Moved, and the columns in one file: nothing; then everything, by the file's other columns.
    python(
        folder,
        """
        table = lance.dataset(uri)
        table.delete('id = 5')
        table.optimize.compact_files()
        """);
    assertThat(coverage(catalog, table)).containsExactly(15L, 0L, 0L, 0L, 0L);
    assertComputes(catalog, table, 0, "");
    call(catalog, "alter_column('%s', 'n', 'id + length(text) + length(\"🦊\")')", table);
    Row filled = assertComputes(catalog, table, 15, "");
    assertThat(filled.<String>getAs("attached_by"))
        .isEqualTo(stableRowIds ? "shadow_column" : "update");
    assertRight(folder, 15, "len(row['text']) + row['id'] + 1");

    call(catalog, "jobs('%s')", table);
    session.sql("CALL " + catalog + ".system.clean('%s', '0s')", table).collect();
    assertComputes(catalog, table, 15, "recompute => true");
    assertRight(folder, 15, "len(row['text']) + row['id'] + 1");
    call(catalog, "drop_column('%s', 'n')", table);
    assertRight(folder, 15, null);
  }

  @Test
  void whatReadsOneIsRefusedByName() {
    Path folder = session.root().resolve("read.lance");
    create(folder, "2.1", false);
    session.call("add_column('%s', 'n', 'id + 1')", folder);
    session.call(
        "register_function('letters', 'java', 'io.lancebackfill.udf.example.LetterFrequencies')");
    for (String table : List.of("lance.read", folder.toString())) {
      for (String call :
          List.of(
              "add_column('%s', 'r', 'upper(C)')",
              "add_column('%s', 'r', 'letters(c)')",
              "alter_column('%s', 'n', 'length(c)')",
              "backfill('%s', 'n', where => 'c IS NOT NULL')")) {
        assertThatThrownBy(() -> session.call(call, table))
            .hasMessageContaining("[UNSUPPORTED_TYPE]")
            .hasMessageContaining(
                "reads column 'c', which Spark cannot: its type is dictionary of string")
            .hasMessageContaining("add_columns({'c_copy': \"CAST(c AS STRING)\"})");
      }
      assertThatThrownBy(() -> session.call("add_column('%s', 'r', 'codes + 1')", table))
          .hasMessageContaining(
              "column 'codes', which Spark cannot: its type is dictionary of Int(64, true)")
          .hasMessageContaining("CAST(codes AS BIGINT)");
      assertThatThrownBy(() -> session.call("add_column('%s', 'r', 's.x')", table))
          .hasMessageContaining("column 's', which Spark cannot: its type is s: Struct<d: Utf8");
    }
    python(folder, "lance.dataset(uri).add_columns({'c_copy': 'CAST(c AS STRING)'})");
    session.call("add_column('%s', 'r', 'upper(c_copy)')", folder);
    assertThat(session.call("backfill('%s', 'r')", folder).<Long>getAs("rows_computed"))
        .isEqualTo(12);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a b", "100%", "%20", "ü", "a+b&c=d", "a#b", "a?b", "tree/a"})
  void aTableMayLieAnywhere(String name) {
    Path folder = session.root().resolve("anywhere").resolve(name + ".lance");
    create(folder, "2.1", false);
    String table = folder + "/";
    session.call("add_column('%s', 'n', 'id + 1')", table);
    assertComputes("lance", table, 12, "");
    assertRight(folder, 12, "row['id'] + 1");
  }

  @Test
  void onABranch() {
    Path folder = session.root().resolve("branched.lance");
    create(folder, "2.1", true);
    python(
        folder,
        """
        branch = lance.dataset(uri).create_branch('exp')
        branch.drop_columns(['v'])
        branch.add_columns({'ten': 'id + 10'})
        lance.dataset(uri).drop_columns(['words'])
        """);
    String branch = folder + "/tree/exp";
    session.call("add_column('%s', 'n', 'ten + 1')", branch);
    assertThat(session.call("backfill('%s', 'n')", branch).<Long>getAs("rows_computed"))
        .isEqualTo(12);
    assertThat(
            python(
                Path.of(branch),
                "print(lance.dataset(uri).to_table(columns=['n'])['n'].to_pylist())"))
        .isEqualTo("[11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22]");
  }

  @Test
  void withVersionsNamedAsOfOld() {
    Path folder = session.root().resolve("old.lance");
    create(folder, "2.0", false, ", enable_v2_manifest_paths=False");
    assertThat(folder.resolve("_versions/1.manifest")).exists();
    session.call("add_column('%s', 'n', 'length(text) + id')", folder);
    assertComputes("lance", folder.toString(), 12, "");
    assertRight(folder, 12, "len(row['text']) + row['id']");
  }

  /** lance-spark has codes for such a column, and writes none of them into the table. */
  @Test
  void whatSparkWritesIsRefused() {
    Path folder = session.root().resolve("inserted.lance");
    create(folder, "2.1", false);
    String insert =
        "INSERT INTO lance.inserted SELECT c, id + 12, s, codes, v, words, text FROM lance.inserted";
    assertThatThrownBy(() -> session.sql(insert));
    session.call("add_column('lance.inserted', 'n', 'id + 1')");
    assertThatThrownBy(() -> session.sql(insert)).hasMessageContaining("dictionary");
    assertThatThrownBy(() -> session.sql("UPDATE lance.inserted SET text = 'x' WHERE id = 1"));
    session.call("backfill('lance.inserted', 'n')");
    assertRight(folder, 12, "row['id'] + 1");
  }

  private static void create(Path folder, String format, boolean stableRowIds) {
    create(folder, format, stableRowIds, "");
  }

  private static void create(Path folder, String format, boolean stableRowIds, String options) {
    python(
        folder,
        """
        table = lance.write_dataset(
            rows(0, 12), uri, data_storage_version='%s', max_rows_per_file=5, enable_stable_row_ids=%s%s)
        table.drop_columns(['gone'])
        table.alter_columns({'path': 't', 'name': 'text'})
        """
            .formatted(format, stableRowIds ? "True" : "False", options));
  }

  private static String python(Path folder, String script) {
    return Pylance.run(folder, CREATE + script);
  }

  private static void assertRight(Path folder, int rows, @Nullable String n) {
    assertThat(
            python(
                folder, "check(%d, %s)".formatted(rows, n == null ? "None" : "lambda row: " + n)))
        .isEqualTo("right");
  }

  private static Row assertComputes(String catalog, String table, long rows, String options) {
    Row row =
        call(
            catalog, "backfill('%s', 'n'" + (options.isEmpty() ? "" : ", " + options) + ")", table);
    assertThat(row.<Long>getAs("rows_computed")).isEqualTo(rows);
    return row;
  }

  private static List<Long> coverage(String catalog, String table) {
    Row row =
        session
            .sql("CALL " + catalog + ".system.coverage('%s', 'n')", table)
            .groupBy()
            .sum("fresh", "stale", "failed", "never_computed", "unknown")
            .first();
    return List.of(row.getLong(0), row.getLong(1), row.getLong(2), row.getLong(3), row.getLong(4));
  }

  private static Row call(String catalog, String text, Object... values) {
    return session.sql("CALL " + catalog + ".system." + text, values).first();
  }
}
