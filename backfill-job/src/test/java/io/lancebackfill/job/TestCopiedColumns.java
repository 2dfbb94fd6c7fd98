package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.datasource.read.FragmentBatchReader;
import io.lancebackfill.datasource.read.FragmentRange;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableSnapshot;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.arrow.vector.compare.Range;
import org.apache.arrow.vector.compare.RangeEqualsVisitor;
import org.apache.spark.sql.Row;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Columns whose expression is another column: no row is made of their values. */
class TestCopiedColumns {
  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  private static void backfill(String table, String column, String more) {
    Row result = session.call("backfill('%s', '%s'%s)", table, column, more);
    assertThat(result.<String>getAs("status")).as(column).isEqualTo("DONE");
  }

  private static void add(String table, String column, String expression, @Nullable String type) {
    session.call(
        "add_column(table => '%s', column => '%s', expression => \"%s\"%s)",
        table, column, expression, type == null ? "" : ", data_type => '" + type + "'");
  }

  /** In a fragment of mixed values, one of NULLs, one of empty values; some rows are deleted. */
  @ParameterizedTest
  @ValueSource(strings = {"2.0", "2.1", "2.2"})
  void everyTypeIsCopiedToTheBit(String storage) {
    String name = "types_" + storage.replace('.', '_');
    String table = "lance.default." + name;
    session.sql(
        "CREATE TABLE %s (id BIGINT) TBLPROPERTIES ('file_format_version'='%s')", table, storage);
    for (String ids : List.of("0, 60", "100, 120", "400, 420")) {
      session.sql("INSERT INTO %s SELECT id FROM range(%s, 1, 1)", table, ids);
    }
    List<ColumnType> fitting =
        ColumnType.all().stream().filter(type -> type.fits(storage)).toList();
    // How values are stored is the same to a copy: all types once, some of each other format.
    int step = storage.equals("2.1") ? 1 : 3;
    List<ColumnType> types =
        IntStream.range(0, fitting.size())
            .filter(i -> i % step == 0)
            .mapToObj(fitting::get)
            .toList();
    List<Integer> grouped =
        IntStream.range(0, types.size()).filter(i -> !types.get(i).isVector()).boxed().toList();
    String columns = grouped.stream().map(i -> "'c" + i + "'").collect(Collectors.joining(", "));
    String values =
        grouped.stream()
            .map(i -> "'c%d', %s".formatted(i, types.get(i).selected(types.get(i).expression())))
            .collect(Collectors.joining(", "));
    session
        .spark()
        .sql(
            "CALL lance.system.add_column(table => '%s', columns => array(%s), expression => :e)"
                .formatted(table, columns),
            Map.of("e", "named_struct(" + values + ")"))
        .collectAsList();
    backfill(table, "c" + grouped.get(0), "");
    session.sql("DELETE FROM %s WHERE id %% 13 = 5", table);
    for (int i = 0; i < types.size(); i++) {
      if (types.get(i).isVector()) {
        add(table, "c" + i, types.get(i).expression(), types.get(i).dataType());
        backfill(table, "c" + i, "");
      }
      add(table, "copy" + i, "c" + i, types.get(i).isVector() ? types.get(i).dataType() : null);
      backfill(table, "copy" + i, "");
    }
    for (int i = 0; i < types.size(); i++) {
      assertThat(different(name, "c" + i, "copy" + i)).as(types.get(i).name()).isZero();
      assertThat(session.number("SELECT count(c%d) FROM %s", i, table))
          .as("values of %s", types.get(i).name())
          .isPositive();
    }
  }

  /** Rows of which two columns differ in Arrow. */
  private static long different(String name, String left, String right) {
    TableSnapshot table = LanceTables.latest(DatasetRef.of(session.folder(name).toString()));
    long different = 0;
    for (FragmentSnapshot fragment : table.fragments()) {
      try (FragmentBatchReader reader =
          FragmentBatchReader.open(
              table, FragmentRange.all(fragment), List.of(left, right), 4096)) {
        while (reader.next()) {
          RangeEqualsVisitor visitor =
              new RangeEqualsVisitor(
                  reader.root().getVector(0), reader.root().getVector(1), (l, r) -> true);
          for (int row = 0; row < reader.rows(); row++) {
            different += visitor.rangeEquals(new Range(row, row, 1)) ? 0 : 1;
          }
        }
      }
    }
    return different;
  }

  /** What others make and Spark reads as something else, or does not say of its own columns. */
  @Test
  void columnsOfOthersAreCopiedAsSparkReadsThem() {
    String name = "foreign";
    Pylance.run(
        session.root().resolve(name + ".lance"),
        """
        import datetime, numpy as np
        n = 40
        def col(f, t, nulls=True):
            return pa.array([None if nulls and i % 7 == 3 else f(i) for i in range(n)], t)
        day = datetime.date(2024, 1, 1)
        at = datetime.datetime(2024, 1, 1)
        later = lambda i: at + datetime.timedelta(hours=i, microseconds=i)
        columns = {
            'large_text': col(lambda i: 'text %d' % i, pa.large_string()),
            'large_bytes': col(lambda i: b'b%d' % i, pa.large_binary()),
            'fixed_bytes': col(lambda i: b'%04d' % i, pa.binary(4)),
            'small': col(lambda i: i, pa.uint8()),
            'unsigned': col(lambda i: i + 2**31, pa.uint32()),
            'moment': col(later, pa.timestamp('us', 'America/New_York')),
            'utc': col(later, pa.timestamp('us', 'UTC')),
            'wide': col(lambda i: [float(i)] * 3, pa.list_(pa.float32(), 3)),
            'gaps': col(lambda i: [None, 1.5], pa.list_(pa.float64(), 2)),
            'items': col(lambda i: list(range(i % 4)), pa.list_(pa.int32())),
            'pair': col(lambda i: {'a': i, 'b': None if i % 2 else 'x'},
                        pa.struct([pa.field('a', pa.int64()), pa.field('b', pa.string())])),
            'sure': col(lambda i: i, pa.int64(), nulls=False),
        }
        fields = [pa.field(k, v.type, nullable=k != 'sure') for k, v in columns.items()]
        whole = pa.table(list(columns.values()), schema=pa.schema(fields))
        lance.write_dataset(whole.slice(3), uri, data_storage_version='2.1', max_rows_per_file=20)
        lance.dataset(uri).delete('sure = 11')
        """);
    String table = "lance." + name;
    TableSnapshot before = LanceTables.latest(DatasetRef.of(session.folder(name).toString()));
    List<String> wrong = new ArrayList<>();
    for (String column : before.columns().stream().map(c -> c.name()).toList()) {
      String copy = column + "_copy";
      add(table, copy, column, null);
      backfill(table, copy, "");
      if (column.equals("wide") || column.equals("gaps")) {
        String dimension = column.equals("wide") ? "float>[3]" : "double>[2]";
        add(table, column + "_vector", column, "fixed_size_list<" + dimension);
        backfill(table, column + "_vector", "");
      }
    }
    for (String column : session.spark().table(table).columns()) {
      String source = column.replaceFirst("_(copy|vector)$", "");
      long differences =
          session.number(
              "SELECT count_if(NOT (%s <=> %s)) + 36 - count(*) FROM %s", source, column, table);
      if (differences != 0) {
        wrong.add(column + ": " + differences);
      }
    }
    assertThat(wrong).isEmpty();
    assertThat(different(name, "wide", "wide_vector")).isZero();
    assertThat(different(name, "gaps", "gaps_vector")).isZero();
  }

  /** A condition, deleted rows, rows that come later, and values that are kept. */
  @Test
  void onlyTheRowsThatAreAskedForAreCopied() {
    String table = session.table("chosen", 300, 2, "2.1");
    String[][] sources = {
      {"number", "id * 3", null},
      {"words", "array(text, NULL)", null},
      {"pair", "named_struct('a', id, 'b', text)", null},
      {"vector", "array(float(id), 1F)", "fixed_size_list<float>[2]"}
    };
    for (String[] source : sources) {
      add(table, source[0], "IF(id % 4 = 1, NULL, " + source[1] + ")", source[2]);
      backfill(table, source[0], "");
      add(table, source[0] + "_copy", source[0], source[2]);
    }
    add(table, "text_copy", "text", null);
    List<String> columns = List.of("number", "words", "pair", "vector", "text");
    for (String column : columns) {
      backfill(table, column + "_copy", ", where => 'id % 3 = 0 OR id BETWEEN 100 AND 190'");
      assertThat(
              session.number(
                  "SELECT count_if(NOT (%1$s_copy <=> IF(id %% 3 = 0 OR id BETWEEN 100 AND 190, %1$s,"
                      + " NULL))) FROM %2$s",
                  column, table))
          .as("%s where asked for", column)
          .isZero();
    }
    session.sql("DELETE FROM %s WHERE id %% 5 = 2", table);
    session.sql("INSERT INTO %s SELECT id, concat('new ', id) FROM range(300, 350, 1, 1)", table);
    for (String column : columns) {
      if (!column.equals("text")) {
        backfill(table, column, "");
      }
      backfill(table, column + "_copy", "");
      assertThat(
              session.number(
                  "SELECT count_if(NOT (%1$s_copy <=> %1$s)) + 290 - count(*) FROM %2$s",
                  column, table))
          .as("%s everywhere", column)
          .isZero();
      assertThat(session.coverage(table, column + "_copy")).containsExactly(290L, 0L, 0L, 0L, 0L);
    }
    backfill(table, "vector_copy", ", recompute => true");
    assertThat(different("chosen", "vector", "vector_copy")).isZero();
  }
}
