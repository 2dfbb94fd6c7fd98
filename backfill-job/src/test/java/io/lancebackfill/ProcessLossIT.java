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

  /**
   * Logs who computes what. A fragment that is begun a second time waits for another one of the
   * sort, and row 555 takes its executor down.
   */
  private static final String TOGETHER =
      """
      import json, os, signal, sys, threading, time
      from pyspark.sql import SparkSession

      folder = sys.argv[1]

      def executor():
          with open("/proc/%d/stat" % os.getppid()) as stat:  # the daemon; Java is its parent
              return int(stat.read().rsplit(")", 1)[1].split()[1])

      begun = {}  # of the task: a function comes anew with each
      def slow(x, deadly):
          fragment = x // 100
          if fragment not in begun:
              first = os.path.join(folder, "begun-%d" % fragment)
              begun[fragment] = os.path.exists(first)
              with open(first + ("-again" if begun[fragment] else ""), "w") as file:
                  file.write(str(executor()))
          if deadly and begun[fragment]:
              for wait in range(1200):
                  if len([name for name in os.listdir(folder) if name.endswith("-again")]) > 1:
                      break
                  time.sleep(0.05)
              else:
                  raise RuntimeError("fragment %d is computed after the other one" % fragment)
              with open(os.path.join(folder, "again.txt"), "a") as log:
                  log.write("%d %d\\n" % (executor(), fragment))
          time.sleep(0.01)
          if deadly and x == 555:
              os.kill(executor(), signal.SIGKILL)
          return x * 2

      spark = SparkSession.builder.getOrCreate()
      def backfill(table, job, preempt):
          deadly = not preempt
          spark.udf.register("slow", lambda x: slow(x, deadly), "bigint")
          spark.sql("CALL lance.system.add_column(table => 'default.%s', column => 'v',"
                    " expression => 'slow(id)', options => map('version', '1'))" % table)
          if preempt:
              threading.Thread(target=preempt, daemon=True).start()
          row = spark.sql("CALL lance.system.backfill(table => 'default.%s', column => 'v',"
                          " job_id => '%s')" % (table, job)).first()
          lost = spark.sql("CALL lance.system.job('default.%s', '%s')" % (table, job))
          lost = [row.message for row in lost.collect() if row.event == "LOST"]
          print(json.dumps({"status": row.status, "lost": lost}), flush=True)

      def preempt():
          def at_work():  # executors
              return {open(os.path.join(folder, name)).read()
                      for name in os.listdir(folder) if name.startswith("begun")} - {""}
          while len(at_work()) < 2:  # whichever is killed has something in hand
              time.sleep(0.02)
          time.sleep(0.3)
          context = spark.sparkContext._jsc.sc()
          ids = context.getExecutorIds()
          print("KILLED", context.killExecutor(ids.apply(0)), flush=True)
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

  @Test
  void suspectsRunTogetherEachAloneInItsExecutor() throws Exception {
    Path seen = Files.createDirectories(folder.resolve("seen"));
    try (StandaloneCluster cluster = StandaloneCluster.start(spark, folder, 2)) {
      String program = "spark.sql(\"%s\")%nbackfill('t', 'together', None)%n";
      try (SparkRun run =
          spark.python(TOGETHER + program.formatted(TABLE.formatted("t")), seen.toString())) {
        JsonNode job = last(run);
        assertThat(job.get("status").asText()).as(run.stderr()).isEqualTo("DONE_WITH_ERRORS");
        // Fragment 5, what the executor's other slot had in hand, and 5 once more.
        assertThat(job.get("lost")).as(job.toString()).hasSize(3);
        assertThat(job.get("lost").get(2).asText())
            .startsWith("[PROCESS_LOST] Fragment 5 is set aside")
            .contains("ExecutorLostFailure");
      }
      assertOnlyFragment5IsLeft("t");
      List<String> executorAndFragment =
          Files.readAllLines(seen.resolve("again.txt")).stream().distinct().toList();
      assertThat(executorAndFragment).hasSize(2);
      assertThat(
              executorAndFragment.stream()
                  .map(line -> line.substring(0, line.indexOf(' ')))
                  .distinct())
          .hasSize(2);
    }
  }

  @Test
  void fragmentsOfAnExecutorThatTheClusterTookAreNotSuspect() throws Exception {
    Path seen = Files.createDirectories(folder.resolve("seen"));
    try (StandaloneCluster cluster = StandaloneCluster.start(spark, folder, 2)) {
      String program = "spark.sql(\"%s\")%nbackfill('t', 'preempted', preempt)%n";
      try (SparkRun run =
          spark.python(TOGETHER + program.formatted(TABLE.formatted("t")), seen.toString())) {
        JsonNode job = last(run);
        assertThat(run.stdout()).contains("KILLED True");
        assertThat(job.get("status").asText()).isEqualTo("DONE");
        assertThat(job.get("lost")).as(job.toString()).isEmpty();
      }
      try (Stream<Path> files = Files.list(seen)) {
        assertThat(files.filter(file -> file.toString().endsWith("-again"))).isNotEmpty();
      }
    }
  }

  private static JsonNode last(SparkRun run) throws Exception {
    return JSON.readTree(
        run.output().lines().filter(line -> line.startsWith("{")).findAny().orElseThrow());
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
      assertThat(run.stderr()).contains("[EXECUTOR_OUT_OF_MEMORY] Fragment 5 is set aside");
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
