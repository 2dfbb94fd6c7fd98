package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lancebackfill.job.Pylance;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One fragment takes down every process that computes it; the others are committed. */
class ProcessLossIT {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Eight fragments of a hundred rows; the row that does it is in fragment 5. */
  private static final String TABLE =
      "CREATE TABLE lance.default.%s TBLPROPERTIES ('file_format_version'='2.1') AS SELECT id"
          + " FROM range(0, 800, 1, 8)";

  /** Two gigabytes for one row, in an executor of 700 MB. */
  private static final String OUT_OF_MEMORY =
      "IF(id = 555, size(sequence(1L, id * 500000L)), id * 2)";

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
          spark.sql(sys.argv[2])
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

  /** The first death leaves no word of what it was about; from then on attempts are recorded. */
  @Test
  void inLocalModeTheFourthDriverSetsItAside() throws Exception {
    try (SparkRun first = spark.python(KILLER, "declare", TABLE.formatted("t"))) {
      assertThat(first.exitStatus()).as(first.stderr()).isNotZero();
    }
    try (SparkRun second = spark.python(KILLER, "declared")) {
      assertThat(second.exitStatus()).as(second.stderr()).isNotZero();
    }
    try (SparkRun third = spark.python(KILLER, "declared")) {
      assertThat(third.exitStatus()).as(third.stderr()).isNotZero();
      assertThat(third.stderr())
          .contains("fragment 5 was lost; the fragment is computed again by itself");
    }
    try (SparkRun fourth = spark.python(KILLER, "declared")) {
      JsonNode result = CountedBackfill.result(fourth);
      assertThat(result.get("status").asText()).isEqualTo("DONE_WITH_ERRORS");
      // Fragments that were begun with it in the first run may be left, but none is lost.
      assertThat(result.get("fragments_committed").asInt())
          .isEqualTo(result.get("fragments_planned").asInt() - 1);
      assertThat(fourth.stderr()).contains("[PROCESS_LOST] Fragment 5 is set aside");
    }
    assertOnlyFragment5IsLeft("t");
  }

  @Test
  void onAClusterTheJobSetsItAsideAndGoesOn() throws Exception {
    String declare = "CALL lance.system.add_column('default.%s', 'v', '" + OUT_OF_MEMORY + "');";
    try (StandaloneCluster cluster = StandaloneCluster.start(spark, folder)) {
      try (SparkRun run =
          spark.sql(
              TABLE.formatted("t") + ";",
              declare.formatted("t"),
              "CREATE TABLE lance.default.lists TBLPROPERTIES ('file_format_version'='2.1') AS"
                  + " SELECT id FROM range(0, 200000, 1, 1);",
              "CALL lance.system.add_column(table => 'default.lists', column => 'v', expression =>"
                  + " \"CASE WHEN id % 10 = 0 THEN NULL WHEN id < 150000 THEN array()"
                  + " ELSE array(concat('v', id)) END\", data_type => 'array<string>');",
              "CALL lance.system.backfill('default.lists', 'v');")) {
        assertThat(run.output()).contains("\tDONE\t");
      }
      // Written as Lance usually does, these lists take the executor down: see LanceEncoding.
      assertThat(
              pylance(
                  "lists",
                  """
                  want = [None if i % 10 == 0 else [] if i < 150000 else ["v%d" % i]
                          for i in t["id"].to_pylist()]
                  print(t.num_rows, t["v"].to_pylist() == want)
                  """))
          .isEqualTo("200000 True");
      setsFragment5AsideOf("t");

      // With one attempt for a task, Spark gives the whole job up when it loses an executor.
      spark.conf("spark.task.maxFailures", "1");
      try (SparkRun run =
          spark.sql(
              TABLE.formatted("u") + ";",
              declare.formatted("u"),
              "CALL lance.system.backfill('default.u', 'v');")) {
        assertThat(run.output()).contains("\tDONE_WITH_ERRORS\t");
      }
      assertOnlyFragment5IsLeft("u");
    }
  }

  private void setsFragment5AsideOf(String table) throws Exception {
    List<String> job = new ArrayList<>(List.of("--class", "io.lancebackfill.BackfillMain"));
    job.add(spark.bundle().toString());
    job.addAll(List.of("--table", "lance.default." + table, "--column", "v"));
    try (SparkRun run = spark.submit(job.toArray(String[]::new))) {
      assertThat(run.exitStatus()).as(run.stderr()).isEqualTo(3);
      JsonNode result = JSON.readTree(run.stdout());
      assertThat(result.get("status").asText()).isEqualTo("DONE_WITH_ERRORS");
      assertThat(result.get("fragments_planned").asInt()).isEqualTo(8);
      assertThat(result.get("fragments_committed").asInt()).isEqualTo(7);
      assertThat(run.stderr()).contains("[PROCESS_LOST] Fragment 5 is set aside");
    }
    assertOnlyFragment5IsLeft(table);
  }

  private void assertOnlyFragment5IsLeft(String table) throws IOException {
    assertThat(
            pylance(
                table,
                """
                rows = zip(t["id"].to_pylist(), t["v"].to_pylist())
                print(all(v == (None if 500 <= i < 600 else i * 2) for i, v in rows), t.num_rows)
                """))
        .isEqualTo("True 800");
  }

  private String pylance(String name, String script) throws IOException {
    try (Stream<Path> tables = Files.list(spark.tables())) {
      Path table =
          tables.filter(path -> path.toString().endsWith("$" + name)).findAny().orElseThrow();
      return Pylance.run(table, "t = lance.dataset(uri).to_table()\n" + script);
    }
  }
}
