package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Contexts of a program that is alone with its cluster, as a notebook is: executors end with them.
 */
class ContextIT {
  private static final String BEGIN =
      """
      import os, signal, sys, time
      from lance_backfill import BackfillError, connect
      master, idle = sys.argv[1], sys.argv[2]
      os.environ["PYSPARK_SUBMIT_ARGS"] = " ".join("--conf spark." + c for c in [
          "master=local[1]", "driver.host=127.0.0.1", "executor.memory=700m", "executor.cores=1",
          "dynamicAllocation.enabled=true", "dynamicAllocation.shuffleTracking.enabled=true",
          "ui.liveUpdate.period=1s",
          "dynamicAllocation.executorIdleTimeout=" + idle]) + " pyspark-shell"
      db = connect("tables")
      db.define_cluster({"name": "here", "type": "existing", "master": master})
      db.spark.stop()
      db = connect("tables", cluster="here")
      print("master: %s" % (db.spark.sparkContext.master == master))
      db.spark.sql("CREATE TABLE %s.default.t TBLPROPERTIES ('file_format_version'='2.1') AS"
                   " SELECT id FROM range(0, 64, 1, 8)" % db.catalog)
      t = db.open_table("t")
      t.add_columns({"n": "id + 1"})

      def executors():
          return db.executors().num_rows

      def left(number, seconds=30):
          end = time.monotonic() + seconds
          while executors() > number and time.monotonic() < end:
              time.sleep(0.2)
          return executors()

      # Those that made the table are not a context's.
      db.spark.sql("CALL %s.system.release_executors()" % db.catalog)
      left(0)
      """;

  private static final String CELLS =
      """
      context = db.context(cluster="here", executors=2)
      context.enter()
      print("entered: %d" % executors())
      print("filled: %s" % t.backfill("n").status)
      print("startup: %s" % sorted(t.jobs().to_pylist()[-1]["startup"]))
      context.exit()
      print("exited: %d" % left(0))
      try:
          with db.context(executors=1, on_exit="retain_on_failure"):
              raise KeyError("of the user's")
      except KeyError:
          print("retained: %d" % executors())
      time.sleep(1.2)
      db.spark.range(1).collect()  # begins late enough to be seen at once, and its end is not
      db.release_executors()
      print("released: %d" % left(0))
      db.spark.stop()
      """;

  private static final String RETAINED =
      """
      context = db.context(executors=1, on_exit="retain")
      with context:
          pass
      print("retained: %d" % executors())
      print("idle: %d" % left(0))
      db.spark.stop()
      """;

  private static final String KILLED =
      """
      db.context(executors=1).enter()
      print("entered: %d" % executors(), flush=True)
      os.kill(os.getpid(), signal.SIGKILL)
      """;

  @TempDir private static Path shared;
  private static SparkDistribution spark;
  private static StandaloneCluster cluster;

  @TempDir private Path folder;

  @BeforeAll
  static void start() throws IOException {
    spark = new SparkDistribution(shared).jarsOfTheApplication();
    cluster = StandaloneCluster.start(spark, shared, 2);
  }

  @AfterAll
  static void stop() {
    cluster.close();
  }

  private Map<String, String> run(String idle, String cells)
      throws IOException, InterruptedException {
    Map<String, String> ours = Map.of("PYTHONPATH", spark.bundle().toString());
    String arguments =
        "import sys; sys.argv[1:] = ['%s', '%s']\n".formatted(cluster.master(), idle);
    Map<String, String> told = new TreeMap<>();
    try (SparkRun run =
        ConnectServer.plainPython(folder.resolve("plain"), ours, arguments + BEGIN + cells)) {
      told.put("status", run.exitStatus() == 0 ? "0" : run.stderr());
      for (String line : run.stdout().lines().toList()) {
        int colon = line.indexOf(": ");
        if (colon > 0) {
          told.putIfAbsent(line.substring(0, colon), line.substring(colon + 2));
        }
      }
    }
    return told;
  }

  @Test
  void executorsEndWithTheContextUnlessTheyAreRetained() throws Exception {
    Map<String, String> told = run("600s", CELLS);
    assertThat(told)
        .containsEntry("master", "True")
        .containsEntry("entered", "2")
        .containsEntry("filled", "DONE")
        .containsEntry("exited", "0")
        .containsEntry("retained", "1")
        .containsEntry("released", "0");
    assertThat(told.get("startup"))
        .contains("executors_granted", "executors_requested", "first_executor", "first_task");
  }

  @Test
  void retainedOnesEndWhenTheyAreIdle() throws Exception {
    assertThat(run("5s", RETAINED)).containsEntry("retained", "1").containsEntry("idle", "0");
  }

  @Test
  void ofAKilledNotebookNoneIsLeft() throws Exception {
    assertThat(run("600s", KILLED)).containsEntry("entered", "1");
    Awaitility.await()
        .atMost(Duration.ofSeconds(60))
        .untilAsserted(() -> assertThat(cluster.executors()).isZero());
  }
}
