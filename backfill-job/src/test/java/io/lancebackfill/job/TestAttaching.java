package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How files are attached on tables of every kind, and what other readers then see. */
class TestAttaching {
  /** Appends two fragments in which all columns lie in one file. */
  private static final String APPEND =
      """
      ds = lance.dataset(uri)
      for f in range(2):
          n = ds.count_rows()
          data = {'id': pa.array(range(n, n + 300), pa.int64()),
                  'base': pa.FixedSizeListArray.from_arrays(
                      pa.array([float(i) for i in range(n, n + 300) for _ in range(2)],
                               pa.float32()), 2)}
          for field in ds.schema:
              if field.name not in data:
                  data[field.name] = pa.nulls(300, field.type)
          ds = lance.write_dataset(pa.table([data[x.name] for x in ds.schema], schema=ds.schema),
                                   uri, mode='append')
      """;

  private static final String ROW_VERSIONS =
      """
      t = lance.dataset(uri).scanner(columns=['id', '_row_created_at_version',
                                              '_row_last_updated_at_version']).to_table()
      print(sorted(zip(*[t.column(i).to_pylist() for i in range(3)])))
      """;

  /** What the nearest rows to some values are, with and without the index. */
  private static final String NEAREST =
      """
      ds = lance.dataset(uri)
      def near(column, at, index):
          return ds.scanner(columns=['id', '_distance'], nearest={'column': column, 'q': [float(at)] * 2,
              'k': 1, 'nprobes': 2, 'use_index': index}).to_table()['id'].to_pylist()
      for column, factor in (('base', 1), ('vec', %d)):
          for i in (5, 250, 450, 750, 1000, 1199):
              assert near(column, i * factor, True) == near(column, i * factor, False) == [i], (column, i)
      print([(i['name'], i['fields'], sorted(i['fragment_ids'])) for i in ds.list_indices()])
      """;

  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  /** Two fragments of 300 ids, written before any column was declared. */
  private static String table(String name, String format, boolean stableRowIds) {
    String create =
        """
        import os
        schema = pa.schema([('id', pa.int64()), ('base', pa.list_(pa.float32(), 2))])
        lance.write_dataset(schema.empty_table(), uri, data_storage_version='%s',
                            enable_stable_row_ids=%s)
        """
            .formatted(format, stableRowIds ? "True" : "False");
    Pylance.run(session.root().resolve(name + ".lance"), create + APPEND);
    return session.root().resolve(name + ".lance").toString();
  }

  private static String python(String table, String script) {
    return Pylance.run(Path.of(table), script);
  }

  private static Row backfill(String table, String column, String options) {
    return session.call("backfill(table => '%s', column => '%s'%s)", table, column, options);
  }

  private static long wrong(String table, String condition) {
    return Long.parseLong(
        python(
            table,
            "print(sum(1 for r in lance.dataset(uri).to_table().to_pylist() if not (%s)))"
                .formatted(condition)));
  }

  @ParameterizedTest
  @CsvSource({"2.0", "2.1", "2.2"})
  void keepsRowVersionsOnTablesWithStableRowIds(String format) {
    String table = table("stable" + format.replace(".", ""), format, true);
    session.call("add_column('%s', 'twice', 'id * 2')", table);
    assertThat(backfill(table, "twice", "").<String>getAs("attached_by"))
        .isEqualTo("data_replacement");
    session.call("add_column('%s', 'more', 'twice + 1')", table);
    assertThat(backfill(table, "more", "").<String>getAs("note")).isEmpty();
    python(table, APPEND);
    Map<String, String> files = BackfillSession.hashes(Path.of(table, "data"));
    String versions = python(table, ROW_VERSIONS);

    Row twice = backfill(table, "twice", ", commit_granularity => 1");

    assertThat(twice.<String>getAs("attached_by")).isEqualTo("shadow_column");
    assertThat(twice.<String>getAs("note")).contains("The field id of twice changed from 2 to ");
    assertThat(twice.<Long>getAs("rows_computed")).isEqualTo(600);
    assertThat(session.coverage(table, "twice")).containsExactly(1200L, 0L, 0L, 0L, 0L);
    // A column over this one is not made stale by the change of ids.
    Row more = backfill(table, "more", "");
    assertThat(more.<Long>getAs("rows_computed")).isEqualTo(600);
    assertThat(session.coverage(table, "more")).containsExactly(1200L, 0L, 0L, 0L, 0L);
    assertThat(wrong(table, "r['twice'] == 2 * r['id'] and r['more'] == 2 * r['id'] + 1")).isZero();
    assertThat(python(table, ROW_VERSIONS)).isEqualTo(versions);
    assertThat(BackfillSession.hashes(Path.of(table, "data"))).containsAllEntriesOf(files);

    // From here on it is like any other column.
    Row again = backfill(table, "twice", ", recompute => true");
    assertThat(again.<String>getAs("attached_by")).isEqualTo("data_replacement");
    assertThat(again.<String>getAs("note")).isEmpty();
    assertThat(python(table, ROW_VERSIONS)).isEqualTo(versions);
    List<Row> events =
        session.sql("CALL lance.system.job('%s', '%s')", table, twice.getString(0)).collectAsList();
    assertThat(events.get(events.size() - 1).<String>getAs("message"))
        .isEqualTo(twice.<String>getAs("note"));

    python(
        table,
        """
        import datetime
        ds = lance.dataset(uri)
        ds.optimize.compact_files(target_rows_per_fragment=100000)
        ds.cleanup_old_versions(datetime.timedelta(0))
        """);
    assertThat(wrong(table, "r['twice'] == 2 * r['id'] and r['more'] == 2 * r['id'] + 1")).isZero();
    assertThat(python(table, ROW_VERSIONS)).isEqualTo(versions);
    session.call("drop_column('%s', 'more')", table);
  }

  @Test
  void updateResetsRowVersionsAndSaysSo() {
    String table = table("by_update", "2.1", true);
    session.call("add_column('%s', 'twice', 'id * 2')", table);
    python(table, APPEND);
    Row result = backfill(table, "twice", ", attach => 'update'");
    assertThat(result.<String>getAs("attached_by")).isEqualTo("data_replacement,update");
    assertThat(result.<String>getAs("note"))
        .contains("Row versions of 2 fragments were reset to 1");
    assertThat(python(table, ROW_VERSIONS)).contains("(700, 1, 1)").doesNotContain("(100, 1, 1)");
    assertThat(wrong(table, "r['twice'] == 2 * r['id']")).isZero();
  }

  @Test
  void withoutStableRowIdsItUpdatesUnlessToldOtherwise() {
    String table = table("plain", "2.1", false);
    session.call("add_column('%s', 'twice', 'id * 2')", table);
    session.call("add_column('%s', 'thrice', 'id * 3')", table);
    python(table, APPEND);
    Row update = backfill(table, "twice", "");
    assertThat(update.<String>getAs("attached_by")).isEqualTo("data_replacement,update");
    assertThat(update.<String>getAs("note")).isEmpty();
    Row shadow = backfill(table, "thrice", ", attach => 'shadow_column'");
    assertThat(shadow.<String>getAs("attached_by")).isEqualTo("data_replacement,shadow_column");
    assertThat(wrong(table, "r['twice'] == 2 * r['id'] and r['thrice'] == 3 * r['id']")).isZero();
    Row nothing = backfill(table, "thrice", "");
    assertThat(nothing.<String>getAs("attached_by")).isNull();
  }

  @Test
  void refusesAnotherWordThanTheThree() {
    String table = table("words", "2.1", false);
    session.call("add_column('%s', 'twice', 'id * 2')", table);
    assertThatThrownBy(() -> backfill(table, "twice", ", attach => 'merge'"))
        .hasMessageContaining("[INVALID_OPTION]")
        .hasMessageContaining("'auto', 'update' or 'shadow_column'");
  }

  @ParameterizedTest
  @CsvSource({"2.0,auto", "2.1,auto", "2.1,update"})
  void indexesAnswerRightAfterEachWay(String format, String attach) {
    String table = table("index_" + attach + format.replace(".", ""), format, true);
    session.call(
        "add_column(table => '%s', column => 'vec', expression => 'array(id * 1.0, id * 1.0)',"
            + " data_type => 'fixed_size_list<float>[2]')",
        table);
    python(table, APPEND);
    backfill(table, "vec", ", attach => '%s'".formatted(attach));
    python(
        table,
        """
        ds = lance.dataset(uri)
        for column in ('base', 'vec'):
            ds.create_index(column, 'IVF_FLAT', num_partitions=2, metric='l2', replace=True)
        """);
    assertThat(python(table, NEAREST.formatted(1)))
        .isEqualTo("[('base_idx', ['base'], [0, 1, 2, 3]), ('vec_idx', ['vec'], [0, 1, 2, 3])]");
    python(table, "lance.dataset(uri).optimize.compact_files(target_rows_per_fragment=600)");
    session.call(
        "alter_column('%s', 'vec', 'cast(array(id * 3.0, id * 3.0) as array<float>)')", table);

    // One fragment by what is not a plain replacement; the index is right for the rest.
    Row one =
        backfill(
            table,
            "vec",
            ", max_fragments => 1, recompute_unknown => true, attach => '%s'".formatted(attach));
    assertThat(one.<String>getAs("attached_by"))
        .isEqualTo(attach.equals("auto") ? "shadow_column" : "update");
    assertThat(one.<String>getAs("note"))
        .contains("Index vec_idx does not cover 1 fragments that were written")
        .doesNotContain("is gone");
    Row rest =
        backfill(table, "vec", ", recompute_unknown => true, attach => '%s'".formatted(attach));
    // Of an index without any fragment Lance's own Update lets nothing stand.
    assertThat(rest.<String>getAs("note"))
        .contains(
            attach.equals("auto")
                ? "Index vec_idx does not cover 1 fragments"
                : "Index vec_idx is gone");
    assertThat(python(table, NEAREST.formatted(3))).contains("('base_idx', ['base'], [4, 5])");
    Row again = backfill(table, "vec", ", recompute => true");
    assertThat(again.<String>getAs("attached_by")).isEqualTo("data_replacement");
    python(table, NEAREST.formatted(3));
  }
}
