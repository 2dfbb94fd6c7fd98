package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lancebackfill.job.Pylance;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One fragment takes down every process that computes it; the others are committed. */
class ProcessLossIT {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Eight fragments of a hundred rows; the row that does it is in fragment 5. */
  private static final String TABLE =
      "CREATE TABLE lance.default.t TBLPROPERTIES ('file_format_version'='2.1') AS SELECT id"
          + " FROM range(0, 800, 1, 8);";

  private static final String KILLER =
      """
      import json, os, signal, sys
      from pyspark.sql import SparkSession

      def deadly(x):
          if x == 555:
              with open("/proc/%d/stat" % os.getppid()) as stat:  # the daemon; Java is its parent
                  os.kill(int(stat.read().rsplit(")", 1)[1].split()[1]), signal.SIGKILL)
          return x * 2

      spark = SparkSession.builder.getOrCreate()
      spark.udf.register("deadly", deadly, "bigint")
      if sys.argv[1] == "declare":
          spark.sql("CALL lance.system.add_column('default.t', 'v', 'deadly(id)')").collect()
      row = spark.sql("CALL lance.system.backfill('default.t', 'v')").first()
      print("RESULT " + json.dumps(row.asDict()), flush=True)
      """;

  @TempDir private Path folder;
  private SparkDistribution spark;

  @BeforeEach
  void install() {
    spark = new SparkDistribution(folder);
    spark.conf("spark.sql.extensions", "io.lancebackfill.sql.LanceBackfillExtensions");
    spark.conf("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog");
  }

  @Test
  void inLocalModeTheThirdDriverSetsItAside() throws Exception {
    sql(TABLE);
    try (SparkRun first = spark.python(KILLER, "declare")) {
      assertThat(first.exitStatus()).as(first.stderr()).isNotZero();
    }
    try (SparkRun second = spark.python(KILLER, "declared")) {
      assertThat(second.exitStatus()).as(second.stderr()).isNotZero();
      assertThat(second.stderr())
          .contains("fragment 5 was lost; the fragment is computed again by itself");
    }
    assertOnlyFragment5IsLeft();
    try (SparkRun third = spark.python(KILLER, "declared")) {
      JsonNode result = CountedBackfill.result(third);
      assertThat(result.get("status").asText()).isEqualTo("DONE_WITH_ERRORS");
      assertThat(result.get("fragments_planned").asInt()).isOne();
      assertThat(result.get("rows_computed").asInt()).isZero();
      assertThat(third.stderr()).contains("[PROCESS_LOST] Fragment 5 is set aside");
    }
    assertOnlyFragment5IsLeft();
  }

  /** With one attempt for a task, Spark gives the whole job up when it loses an executor. */
  @ParameterizedTest
  @ValueSource(ints = {4, 1})
  void onAClusterTheJobSetsItAsideAndGoesOn(int maxFailures) throws Exception {
    sql(TABLE, "CALL lance.system.add_column('default.t', 'v', '" + outOfMemory() + "');");
    spark.conf("spark.task.maxFailures", String.valueOf(maxFailures));
    try (StandaloneCluster cluster = StandaloneCluster.start(spark, folder);
        SparkRun run =
            spark.submit(
                "--class",
                "io.lancebackfill.BackfillMain",
                spark.bundle().toString(),
                "--table",
                "lance.default.t",
                "--column",
                "v")) {
      assertThat(run.exitStatus()).as(run.stderr()).isEqualTo(3);
      JsonNode result = JSON.readTree(run.stdout());
      assertThat(result.get("status").asText()).isEqualTo("DONE_WITH_ERRORS");
      assertThat(result.get("fragments_planned").asInt()).isEqualTo(8);
      assertThat(result.get("fragments_committed").asInt()).isEqualTo(7);
      assertThat(run.stderr()).contains("[PROCESS_LOST] Fragment 5 is set aside");
    }
    assertOnlyFragment5IsLeft();
  }

  /** Two gigabytes for one row, in an executor of 700 MB. */
  private static String outOfMemory() {
    return "IF(id = 555, size(sequence(1L, id * 500000L)), id * 2)";
  }

  /** See LanceEncoding: written as Lance usually does, this takes the executor down. */
  @Test
  void listsThatTookDownProcessesAreWrittenOnACluster() throws Exception {
    sql(
        "CREATE TABLE lance.default.t TBLPROPERTIES ('file_format_version'='2.1') AS SELECT id"
            + " FROM range(0, 200000, 1, 1);",
        "CALL lance.system.add_column(table => 'default.t', column => 'v', expression =>"
            + " \"CASE WHEN id % 10 = 0 THEN NULL WHEN id < 150000 THEN array()"
            + " ELSE array(concat('v', id)) END\", data_type => 'array<string>');");
    try (StandaloneCluster cluster = StandaloneCluster.start(spark, folder);
        SparkRun run =
            spark.sqlText(
                "CALL lance.system.backfill('default.t', 'v'); SELECT count(*) FROM"
                    + " lance.default.t WHERE v[0] = concat('v', id)")) {
      assertThat(run.output()).contains("\tDONE\t").contains("\n45000\n");
    }
    assertThat(
            pylance(
                """
                want = [None if i % 10 == 0 else [] if i < 150000 else ["v%d" % i]
                        for i in t["id"].to_pylist()]
                print(t.num_rows, t["v"].to_pylist() == want)
                """))
        .isEqualTo("200000 True");
  }

  private void assertOnlyFragment5IsLeft() throws IOException {
    assertThat(
            pylance(
                """
                rows = zip(t["id"].to_pylist(), t["v"].to_pylist())
                print(all(v == (None if 500 <= i < 600 else i * 2) for i, v in rows), t.num_rows)
                """))
        .isEqualTo("True 800");
  }

  private void sql(String... statements) throws InterruptedException {
    try (SparkRun run = spark.sql(statements)) {
      run.output();
    }
  }

  private String pylance(String script) throws IOException {
    try (Stream<Path> tables = Files.list(spark.tables())) {
      Path table = tables.filter(path -> path.toString().endsWith("$t")).findAny().orElseThrow();
      return Pylance.run(table, "t = lance.dataset(uri).to_table()\n" + script);
    }
  }
}
