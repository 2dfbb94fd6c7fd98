package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The oldest and the newest release of Spark that README promises, stock from PyPI: what a table
 * with computed columns goes through. All other tests run on the release that we build against.
 */
class SparkReleasesIT {
  private static final String LIFE =
      """
      import pyspark
      from pyspark.sql import SparkSession
      from pyspark.sql.functions import lit
      spark = SparkSession.builder.getOrCreate()
      T = "lance.default.t"
      print("releases", spark.version, pyspark.__version__)

      def call(text, **args):
          return spark.sql("CALL lance.system." + text, args).collect()

      def fill():
          done = [call(f"backfill('default.t', '{c}')")[0] for c in ("n", "twice")]
          print("filled", *[f"{r.status} {r.rows_computed}" for r in done])

      def show(what):
          t = spark.table(T)
          good = "n <=> length(t) AND twice <=> id * 2"
          print(what, t.count(), "rows,", t.where("NOT (" + good + ")").count(), "other, NULL:",
                sorted(r.id for r in t.where("n IS NULL AND twice IS NULL").collect()))

      def texts(frame):
          return frame.selectExpr("id", "repeat('x', cast(id AS int)) AS t")

      spark.sql(f"CREATE TABLE {T} (id BIGINT NOT NULL, t STRING) "
                "TBLPROPERTIES ('file_format_version' = '2.1')")
      texts(spark.range(0, 6, 1, 2)).writeTo(T).append()
      spark.udf.register("twice", lambda x: x * 2, "bigint")
      call("add_column('default.t', 'n', 'length(t)')")
      call("add_column('default.t', 'twice', :f)", f="twice(id)")
      fill()
      show("declared")

      spark.sql(f"INSERT INTO {T} VALUES (10, 'xxxxxxxxxx')")
      spark.sql(f"INSERT INTO {T} (t, id) VALUES ('xxxxxxxxxxx', 11)")
      spark.sql(f"INSERT INTO {T} SELECT id + 12, repeat('x', cast(id + 12 AS int)) FROM {T} WHERE id = 0")
      texts(spark.range(20, 22)).writeTo(T).append()
      texts(spark.range(22, 23)).write.insertInto(T)
      texts(spark.range(23, 24)).write.mode("append").saveAsTable(T)
      show("appended")

      texts(spark.range(4, 8)).createOrReplaceTempView("s")
      spark.sql(f"MERGE INTO {T} USING s ON {T}.id = s.id WHEN MATCHED THEN UPDATE SET * "
                "WHEN NOT MATCHED THEN INSERT *")
      spark.sql(f"MERGE INTO {T} USING s ON {T}.id = s.id + 100 WHEN NOT MATCHED THEN "
                "INSERT (id, t) VALUES (s.id + 100, s.t)")
      spark.sql(f"UPDATE {T} SET t = 'y' WHERE id = 3")
      spark.sql(f"DELETE FROM {T} WHERE id IN (0, 10)")
      spark.sql(f"DELETE FROM {T} WHERE id IN (SELECT id + 1 FROM s WHERE id = 4)")
      show("changed")
      fill()
      show("filled")
      for r in call("coverage('default.t', 'twice')"):
          if r.fresh != r.rows:
              print("not fresh:", r)

      texts(spark.range(30, 33)).writeTo(T).overwrite(lit(True))
      show("replaced")
      spark.sql(f"INSERT OVERWRITE {T} SELECT id, t FROM s")
      show("replaced")
      call("drop_column('default.t', 'twice')")
      print("columns", *spark.table(T).columns)
      print("described", len(spark.sql(f"DESCRIBE TABLE {T}").collect()))
      """;

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"3.5.0", "3.5.9"})
  void aTableLives(String release) throws Exception {
    SparkDistribution spark =
        new SparkDistribution(folder, release(release))
            .jarsOfTheApplication()
            .conf("spark.sql.shuffle.partitions", "1")
            .conf("spark.sql.extensions", "io.lancebackfill.sql.LanceBackfillExtensions")
            .conf("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog");
    try (SparkRun run = spark.python(LIFE)) {
      assertThat(run.output().lines())
          .containsExactly(
              "releases " + release + " " + release,
              "filled DONE 6 DONE 6",
              "declared 6 rows, 0 other, NULL: []",
              "appended 13 rows, 7 other, NULL: [10, 11, 12, 20, 21, 22, 23]",
              "changed 16 rows, 13 other, NULL: [6, 7, 11, 12, 20, 21, 22, 23, 104, 105, 106, 107]",
              "filled DONE 14 DONE 14",
              "filled 16 rows, 0 other, NULL: []",
              "replaced 3 rows, 3 other, NULL: [30, 31, 32]",
              "replaced 4 rows, 4 other, NULL: [4, 5, 6, 7]",
              "columns id t n",
              "described 3");
    }
  }

  private static Path release(String release) throws Exception {
    Path releases = Path.of(System.getProperty("test.spark.releases"));
    Process maker =
        new ProcessBuilder(
                System.getProperty("test.python"),
                System.getProperty("test.spark.release.maker"),
                releases.toString(),
                release)
            .redirectErrorStream(true)
            .start();
    String said = new String(maker.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(maker.waitFor()).as(said).isZero();
    return releases.resolve(release);
  }
}
