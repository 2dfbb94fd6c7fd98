package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A job whose session asks a standalone cluster for more than it has: Spark would wait for ever.
 */
class NothingRunsIT {
  private static final String PROGRAM =
      """
      from lance_backfill import BackfillError, connect
      from pyspark.sql import SparkSession
      db = connect(catalog="lance", spark=SparkSession.builder.getOrCreate())
      try:
          db.open_table("default.t").backfill("v", admission_timeout="8s")
      except BackfillError as e:
          print("failed:", e.code, str(e).replace("\\n", " "))
      """;

  @TempDir private Path folder;

  @Test
  void onAStandaloneClusterWithoutRoomTheJobSaysWhatItWaitsForAndGivesUp() throws Exception {
    SparkDistribution spark = new SparkDistribution(folder);
    spark.conf("spark.sql.extensions", "io.lancebackfill.sql.LanceBackfillExtensions");
    spark.conf("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog");
    spark.conf("spark.submit.pyFiles", spark.bundle().toString());
    try (SparkRun run =
        spark.sql(
            "CREATE TABLE lance.default.t AS SELECT id FROM range(0, 8, 1, 2);",
            "CALL lance.system.add_column('default.t', 'v', 'id * 2');")) {
      assertThat(run.exitStatus()).as(run.stderr()).isZero();
    }
    try (var ignored = StandaloneCluster.start(spark, folder)) {
      spark.conf("spark.executor.memory", "64g");
      try (SparkRun run = spark.python(PROGRAM)) {
        assertThat(run.output())
            .containsPattern("failed: ADMISSION_TIMEOUT .*No executor .* has come in 8s")
            .containsPattern("asks spark://\\S+ for executors of cores 2, memory 64g")
            .contains("ask for less, end other applications, or add workers");
        assertThat(run.stderr()).contains("backfill v: No executor has come yet");
      }
    }
  }
}
