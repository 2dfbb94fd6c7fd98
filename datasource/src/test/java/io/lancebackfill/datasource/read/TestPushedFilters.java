package io.lancebackfill.datasource.read;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.datasource.LanceFixture;
import io.lancebackfill.datasource.LocalSpark;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableSnapshot;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What goes to Lance must give what Spark alone gives, NULLs and edges of the types included. */
@ExtendWith(LocalSpark.class)
class TestPushedFilters {
  @TempDir private static Path folder;
  private static Dataset<Row> pushing;
  private static Dataset<Row> plain;

  @BeforeAll
  static void aTable(SparkSession spark) {
    DatasetRef ref = Samples.table(folder.resolve("t.lance"), "2.1", 60, 40);
    LanceFixture.delete(ref, "id in (4, 1004, 1039)");
    TableSnapshot table = LanceTables.latest(ref);
    pushing = FragmentTable.of(table).toDataFrame(spark);
    // The same rows, out of Spark's own memory: no filter of Lance's has any part in it.
    plain =
        spark.createDataFrame(
            pushing.select("_rowaddr", "*").collectAsList(),
            pushing.select("_rowaddr", "*").schema());
  }

  private static List<String> rows(Dataset<Row> filtered) {
    return filtered.select("id", "_rowaddr").collectAsList().stream().map(Row::toString).toList();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "id = 7",
        "7 < id",
        "id <=> 7",
        "id <> 7",
        "id >= 1000 AND id <= 1005",
        "id IN (1, 5, 1007, 99999)",
        "id = 1 OR id = 1001",
        "id = 1 OR (id > 1000 AND s IS NULL)",
        "ti = -24",
        "ti > 3",
        "ti IN (cast(1 as tinyint), cast(-24 as tinyint))",
        "si <= -1",
        "si = cast(31 as smallint)",
        "l = 9223372036854775807",
        "l < -490",
        "l <> -493",
        "l IN (-493, 9223372036854775807)",
        "`we ird` = 1003",
        "s = 'it''s \\\\3'",
        "s = 'ä7'",
        "s > 'it'",
        "s <= 'ä1'",
        "s IN ('ä7', 'ä8', 'nothing')",
        "s <> 'ä7'",
        "s = ''",
        "big = 'ä7'",
        "b",
        "NOT b",
        "b = true",
        "b <> true",
        "b IS NULL",
        "d = date '1968-08-27'",
        "d < date '1968-09-30'",
        "d >= date '1970-01-01'",
        "d IN (date '1968-08-27', date '1968-08-28')",
        "s IS NULL",
        "s IS NOT NULL",
        "l IS NULL OR b",
        "l IS NOT NULL AND NOT b AND id < 30",
      })
  void aPushedFilterGivesWhatSparkGives(String filter) {
    assertThat(TestFragmentTable.pushed(pushing.where(filter))).isNotEqualTo("pushed filters: []");
    assertThat(rows(pushing.where(filter))).isEqualTo(rows(plain.where(filter)));
    assertThat(pushing.where(filter).count()).isEqualTo(plain.where(filter).count());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "x = 3.25",
        "x = double('NaN')",
        "x IS NULL",
        "dec > 10.5",
        "ts < timestamp '1970-01-01 05:45:10'",
        "bin = X'C3A437'",
        "st.n = 7",
        "v IS NULL",
        "li IS NOT NULL",
        "s LIKE 'it%'",
        "s || 'x' = 'ä7x'",
        "id % 3 = 1",
        "id + 1 = 8",
        "l = -9223372036854775808",
        "d < date '-0200-01-01'",
        "d > date '+10000-01-01'",
        "_rowaddr = 7",
        "_fragid = 1",
        "s = ti",
        "s = '😀'",
        "s < '😀'",
        "s <> '😀'",
        "s IN ('ä7', '😀')",
        "big = 'ä7 😀'",
      })
  void whatMayMeanSomethingElseStaysWithSpark(String filter) {
    // That a column is not NULL follows from most of these, and may well be pushed.
    String pushed = TestFragmentTable.pushed(pushing.where(filter));
    assertThat(pushed.replaceAll("`\\w+` IS NOT NULL(, )?", "")).isEqualTo("pushed filters: []");
    Dataset<Row> expected =
        plain.withColumn("_fragid", functions.expr("int(shiftright(_rowaddr, 32))"));
    assertThat(rows(pushing.where(filter))).isEqualTo(rows(expected.where(filter)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "NOT (id = 7 OR s = 'ä8')",
        "NOT (s <=> 'ä7')",
        "s NOT IN ('ä7', 'ä8')",
        "s NOT IN ('ä7', NULL)",
        "s IN ('ä7', NULL)",
        "s = NULL",
        "s <=> NULL",
        "NOT (l > 0 AND b)",
        "coalesce(b, true)",
        "(id = 7 AND x > 1) OR id = 1007",
        "id = 7 OR x > 10",
        "id > 3 AND x > 10 AND s IS NOT NULL",
        "if(b, id > 10, id < 10)",
        "CASE WHEN s IS NULL THEN id > 20 ELSE b END",
      })
  void nullsAndMixturesGiveWhatSparkGives(String filter) {
    assertThat(rows(pushing.where(filter))).isEqualTo(rows(plain.where(filter)));
  }

  @Test
  void aPartOfAnAndIsPushedAndTheRestIsEvaluated() {
    Dataset<Row> rows = pushing.where("(id = 8 AND x > 100) OR id = 1007");
    assertThat(TestFragmentTable.pushed(rows)).contains("(`id` = 8) OR (`id` = 1007)");
    assertThat(rows(rows)).hasSize(1);
  }

  @Test
  void longListsStayWithSpark() {
    String values =
        IntStream.range(0, 1_001).mapToObj(String::valueOf).collect(Collectors.joining(","));
    Dataset<Row> rows = pushing.where("id IN (" + values + ")");
    assertThat(TestFragmentTable.pushed(rows)).doesNotContain(" IN ");
    assertThat(rows.count()).isEqualTo(60);
  }

  @Test
  void aFilterOnAColumnThatIsNotReadWorks() {
    assertThat(pushing.where("s = 'ä7'").select("_rowaddr").collectAsList())
        .extracting(row -> row.getLong(0))
        .containsExactly(7L);
  }

  @Test
  void partialRangesAreFilteredRightToo() {
    TableSnapshot table = LanceTables.latest(DatasetRef.of(folder.resolve("t.lance").toString()));
    List<FragmentRange> ranges =
        List.of(
            new FragmentRange(0, 0, 20, null),
            new FragmentRange(0, 20, 60, null),
            new FragmentRange(1, 0, 40, null));
    Dataset<Row> split = FragmentTable.of(table, ranges, 7).toDataFrame(pushing.sparkSession());
    for (String filter : List.of("b", "id > 15 AND id < 25", "s IS NULL")) {
      assertThat(rows(split.where(filter))).isEqualTo(rows(plain.where(filter)));
    }
  }
}
