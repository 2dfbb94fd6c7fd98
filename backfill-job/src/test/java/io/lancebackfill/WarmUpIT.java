package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A warm-up on a cluster that starts executors when they are asked for. */
class WarmUpIT {
  /** A setup() leaves a file. */
  private static final String PROGRAM =
      """
      import os, sys, tempfile
      import pyarrow as pa
      from pyspark.sql import SparkSession
      from lance_backfill import BackfillError, connect, udf
      spark = SparkSession.builder.getOrCreate()
      db = connect(catalog="lance", spark=spark)
      spark.sql("CREATE TABLE lance.default.t TBLPROPERTIES ('file_format_version'='2.1') AS"
                " SELECT id FROM range(0, 64, 1, 8)").collect()
      t = db.open_table("default.t")

      @udf(input_columns=["id"], data_type=pa.int64())
      class Plus:
          def __init__(self, folder):
              self.folder = folder
          def setup(self):
              os.close(tempfile.mkstemp(dir=self.folder)[0])
          def __call__(self, id):
              return id + 1

      t.add_columns({"n": Plus(sys.argv[1])})
      for row in db.warm_up(executors=2, table="default.t", column="n", timeout="2 min").to_pylist():
          print("%s: %s" % (row["step"], row["detail"]))
      print("loaded: %d" % len(os.listdir(sys.argv[1])))
      print("job: %s %d" % ((lambda job: (job.status, job.rows_computed))(t.backfill("n"))))
      print("afterwards: %d" % len(os.listdir(sys.argv[1])))
      try:
          db.warm_up(executors=2, memory="900g", timeout="3s")
      except BackfillError as e:
          print("too large: %s" % e.code)
      """;

  @TempDir private Path folder;
  private SparkDistribution spark;
  private Path setups;

  @BeforeEach
  void install() throws IOException {
    spark = new SparkDistribution(folder);
    spark.conf("spark.sql.extensions", "io.lancebackfill.sql.LanceBackfillExtensions");
    spark.conf("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog");
    spark.conf("spark.submit.pyFiles", spark.bundle().toString());
    setups = Files.createDirectories(folder.resolve("setups"));
  }

  @Test
  void executorsComeAndTheirWorkersHaveTheFunction() throws Exception {
    Map<String, String> printed = new TreeMap<>();
    try (var ignored = StandaloneCluster.start(spark, folder, 2)) {
      spark.conf("spark.dynamicAllocation.enabled", "true");
      spark.conf("spark.dynamicAllocation.shuffleTracking.enabled", "true");
      spark.conf("spark.dynamicAllocation.initialExecutors", "0");
      try (SparkRun run = spark.python(PROGRAM, setups.toString())) {
        assertThat(run.exitStatus()).as(run.stderr()).isZero();
        for (String line : run.stdout().lines().toList()) {
          int colon = line.indexOf(": ");
          if (colon > 0) {
            printed.put(line.substring(0, colon), line.substring(colon + 2));
          }
        }
      }
    }
    assertThat(printed)
        .containsEntry("executors", "2 executors, 4 slots")
        .containsEntry("python", "2 executors, 4 slots")
        .containsEntry("function", "2 executors, 4 slots")
        .containsEntry("loaded", "4")
        .containsEntry("job", "DONE 64")
        .containsEntry("afterwards", "4")
        .containsEntry("too large", "ADMISSION_TIMEOUT");
  }
}
