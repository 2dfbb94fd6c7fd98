package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Functions that ask for GPUs, CPUs and memory, where there are some and where there are none. */
class FunctionResourcesIT {
  private static final List<String> GPUS = List.of("4", "7");

  /** What a {@link PythonDriver} knows. */
  private static final String SESSION =
      """
      import os, sys, time
      from pyspark.sql import SparkSession
      from lance_backfill import BackfillError, connect, udf
      spark = SparkSession.builder.getOrCreate()
      db = connect(catalog="lance", spark=spark)
      """;

  private static final String TABLE =
      """
      spark.sql("CREATE TABLE lance.default.%1$s TBLPROPERTIES ('file_format_version'='2.1') AS"
                " SELECT id FROM range(0, 64, 1, 8)").collect()
      t = db.open_table("default.%1$s")
      table, seen = "default.%1$s", "%2$s"
      """;

  /**
   * Each row leaves a file: the GPUs that its function saw, when it began, and when it ended. A
   * worker's first row waits until {@code at_once} workers are at work: executors start one after
   * the other.
   */
  private static final String FUNCTIONS =
      """
      import uuid
      def computed(name, at_once, seen=seen):
          gpus, began = os.environ.get("CUDA_VISIBLE_DEVICES", "none"), time.time()
          workers, end = os.path.join(seen, "workers", name), time.time() + 60
          mine = os.path.join(workers, str(os.getpid()))
          if not os.path.exists(mine):
              os.makedirs(mine)
              while len(os.listdir(workers)) < at_once and time.time() < end:
                  time.sleep(0.05)
          time.sleep(0.05)
          with open(os.path.join(seen, "%s-%s" % (name, uuid.uuid4())), "w") as file:
              file.write("%s\\n%.6f\\n%.6f\\n" % (gpus, began, time.time()))
          return gpus

      @udf(num_gpus=0.5)
      def half(id: int) -> str:
          return computed("half", most_halves)
      @udf(num_gpus=1)
      def whole(id: int) -> str:
          return computed("whole", 2)
      """;

  private static final String AS_THEY_ASK =
      """
      for function in (half, whole):
          t.add_columns({function.__name__: function})
          job = t.backfill(function.__name__)
          print("%s: %s %d" % (function.__name__, job.status, job.rows_computed))
      spark.udf.register("session_udf", lambda id: computed("session", 2))
      spark.sql("CALL lance.system.add_column(table => :t, column => 'session', expression =>"
                " 'session_udf(id)', options => map('version', '1', 'num_gpus', '1'))",
                {"t": table}).collect()
      t.backfill("session")
      """;

  private static final String TOO_LARGE =
      """
      @udf(num_gpus=8, num_cpus=64)
      def large(id: int) -> str:
          return computed("large", 1)
      t.add_columns({"large": large})
      try:
          print("large:", t.backfill("large").status)
      except BackfillError as e:
          print("large:", e.code, str(e).replace("\\n", " "))
      """;

  @TempDir private static Path shared;
  private static StandaloneCluster cluster;
  private static PythonDriver driver;

  @TempDir private Path folder;
  private Path seen;

  /** A cluster, and a driver for which Spark starts executors as its jobs ask for them. */
  @BeforeAll
  static void start() throws IOException {
    SparkDistribution spark = installed(shared);
    cluster = StandaloneCluster.start(spark, shared, 3, GPUS);
    spark.conf("spark.dynamicAllocation.enabled", "true");
    spark.conf("spark.dynamicAllocation.shuffleTracking.enabled", "true");
    spark.conf("spark.dynamicAllocation.executorIdleTimeout", "3s");
    driver = PythonDriver.start(spark, shared.resolve("driver"));
  }

  @AfterAll
  static void stop() throws IOException {
    try (StandaloneCluster ignored = cluster) {
      if (driver != null) {
        driver.close();
      }
    }
  }

  private static SparkDistribution installed(Path folder) {
    SparkDistribution spark = new SparkDistribution(folder);
    spark.conf("spark.sql.extensions", "io.lancebackfill.sql.LanceBackfillExtensions");
    spark.conf("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog");
    spark.conf("spark.submit.pyFiles", spark.bundle().toString());
    return spark;
  }

  @BeforeEach
  void makeFolder() throws IOException {
    seen = Files.createDirectories(folder.resolve("seen"));
  }

  /** A call of a function. */
  private record Call(String gpus, double began, double ended) {
    boolean onItsGpuAt(Call begins) {
      return gpus.equals(begins.gpus) && began <= begins.began && begins.began < ended;
    }
  }

  private List<Call> calls(String function) throws IOException {
    List<Call> calls = new ArrayList<>();
    try (Stream<Path> files = Files.list(seen)) {
      for (Path file :
          files.filter(f -> f.getFileName().toString().startsWith(function)).toList()) {
        List<String> words = Files.readString(file).lines().toList();
        calls.add(
            new Call(
                words.get(0), Double.parseDouble(words.get(1)), Double.parseDouble(words.get(2))));
      }
    }
    return calls;
  }

  /** How many calls shared a GPU at a moment, at most. */
  private static long most(List<Call> calls) {
    return calls.stream()
        .mapToLong(begins -> calls.stream().filter(call -> call.onItsGpuAt(begins)).count())
        .max()
        .orElseThrow();
  }

  /** How many calls there were at a moment, at most. */
  private static long atOnce(List<Call> calls) {
    return calls.stream()
        .mapToLong(
            begins ->
                calls.stream()
                    .filter(call -> call.began <= begins.began && begins.began < call.ended)
                    .count())
        .max()
        .orElseThrow();
  }

  /** Three halves at once share one of two GPUs. */
  private static String functions(int halvesAtOnce) {
    return "most_halves = %d\n".formatted(halvesAtOnce) + FUNCTIONS;
  }

  private Map<String, String> runIn(SparkDistribution spark, String program) throws Exception {
    try (SparkRun run = spark.python(SESSION + TABLE.formatted("t", seen) + program)) {
      return printed(run.output());
    }
  }

  private Map<String, String> runIn(PythonDriver session, String table, String program) {
    return printed(session.run(TABLE.formatted(table, seen) + program));
  }

  private static Map<String, String> printed(String text) {
    Map<String, String> printed = new TreeMap<>();
    for (String line : text.lines().toList()) {
      int colon = line.indexOf(": ");
      if (colon > 0) {
        printed.put(line.substring(0, colon), line.substring(colon + 2));
      }
    }
    return printed;
  }

  private void assertGpusWereGivenAsAsked() throws IOException {
    List<Call> half = calls("half");
    assertThat(half).hasSize(64).allMatch(call -> GPUS.contains(call.gpus()));
    assertThat(most(half)).isEqualTo(2);
    for (String function : List.of("whole", "session")) {
      List<Call> whole = calls(function);
      assertThat(whole).hasSize(64).allMatch(call -> GPUS.contains(call.gpus()));
      assertThat(most(whole)).isEqualTo(1);
      assertThat(whole.stream().map(Call::gpus).distinct()).hasSize(2);
    }
  }

  @Test
  void onAClusterSparkStartsExecutorsWithGpus() throws Exception {
    assertThat(runIn(driver, "asked", functions(3) + AS_THEY_ASK))
        .containsEntry("half", "DONE 64")
        .containsEntry("whole", "DONE 64");
    assertGpusWereGivenAsAsked();
  }

  private static final String TWO_COLUMNS =
      """
      embedded = os.path.join(seen, "embedded")

      @udf
      def clean(id: int) -> int:
          end = time.time() + 100
          while id == 63 and not os.path.exists(embedded) and time.time() < end:
              time.sleep(0.05)
          return id if id < 63 or os.path.exists(embedded) else -1
      @udf(num_gpus=0.5)
      def embed(clean: int) -> str:
          open(embedded, "w").close()
          return "%d on %s" % (clean, os.environ.get("CUDA_VISIBLE_DEVICES", "none"))
      t.add_columns({"clean": clean})
      t.add_columns({"emb": embed})
      for job in t.backfill(["emb", "clean"], concurrency=2, commit_granularity=1):
          print("%s: %s %d of %d" % (job.columns, job.status, job.rows_computed, job.rows_failed))
      rows = t.to_spark().where("clean = id").select("emb").collect()
      print("values:", len(rows), sorted({row.emb.split(" ")[2] for row in rows}))
      """;

  private static final String IN_GROUPS =
      """
      db.define_cluster({"name": "here", "type": "existing", "worker_groups": [
          {"name": "cpu", "num_cpus": 2, "memory": "1Gi", "max_replicas": 1},
          {"name": "gpu", "num_cpus": 2, "memory": "1Gi", "num_gpus": 1, "max_replicas": 2}]})
      @udf
      def plain(id: int) -> str:
          return computed("plain", 1)
      for function, most in ((half, 3), (whole, 2), (plain, 2)):
          t.add_columns({function.__name__: function})
          job = t.backfill(function.__name__, cluster="here", concurrency=most)
          print("%s: %s %d" % (function.__name__, job.status, job.rows_computed))
      """;

  @Test
  void aWorkerGroupOfARunningClusterGivesItsGpusToItsFunctionsOnly() throws Exception {
    assertThat(runIn(driver, "groups", functions(3) + IN_GROUPS))
        .containsEntry("half", "DONE 64")
        .containsEntry("whole", "DONE 64")
        .containsEntry("plain", "DONE 64");
    List<Call> half = calls("half");
    assertThat(half).hasSize(64).allMatch(call -> GPUS.contains(call.gpus()));
    assertThat(most(half)).as("halves of a GPU").isEqualTo(2);
    assertThat(half.stream().map(Call::gpus).distinct()).hasSize(2);
    assertThat(atOnce(half)).as("concurrency").isEqualTo(3);
    List<Call> whole = calls("whole");
    assertThat(whole).hasSize(64).allMatch(call -> GPUS.contains(call.gpus()));
    assertThat(most(whole)).isEqualTo(1);
    assertThat(atOnce(whole)).isEqualTo(2);
    assertThat(calls("plain")).hasSize(64).allMatch(call -> call.gpus().equals("none"));
  }

  /** The CPU function's last row waits for a value that the GPU function has computed. */
  @Test
  void aGpuFunctionRunsOnWhatACpuFunctionHasCommittedMeanwhile() throws Exception {
    Map<String, String> printed = runIn(driver, "columns", TWO_COLUMNS);
    assertThat(printed).containsEntry("clean", "DONE 64 of 0").containsEntry("emb", "DONE 64 of 0");
    assertThat(printed.get("values")).startsWith("64 ").matches("64 \\[('[47]'(, )?)+]");
  }

  @Test
  void withoutDynamicAllocationTheExecutorsThatThereAreGiveWhatTheyHave() throws Exception {
    SparkDistribution spark = installed(folder);
    cluster.serve(spark, 2);
    spark.conf("spark.executor.resource.gpu.amount", "1");
    Map<String, String> printed = runIn(spark, functions(2) + AS_THEY_ASK + TOO_LARGE);
    assertThat(printed).containsEntry("half", "DONE 64").containsEntry("whole", "DONE 64");
    assertThat(printed.get("large"))
        .startsWith("RESOURCES_UNAVAILABLE")
        .contains("num_gpus is 8, and an executor of this session has 1.")
        .contains("num_cpus is 64, and an executor of this session has 2.");
    // Executors that were started for whole GPUs give no halves.
    assertThat(most(calls("half"))).isEqualTo(1);
    assertThat(most(calls("whole"))).isEqualTo(1);
    assertThat(calls("large")).isEmpty();
  }

  @Test
  void whereTheDriverRunsTasksItGivesGpusItself() throws Exception {
    SparkDistribution spark = installed(folder);
    spark.conf("spark.master", "local[4]");
    spark.conf("spark.driver.resource.gpu.amount", "2");
    spark.conf(
        "spark.driver.resource.gpu.discoveryScript",
        StandaloneCluster.discovery(folder, GPUS).toString());
    Map<String, String> printed = runIn(spark, functions(3) + AS_THEY_ASK + TOO_LARGE);
    assertThat(printed).containsEntry("half", "DONE 64").containsEntry("whole", "DONE 64");
    assertThat(printed.get("large"))
        .startsWith("RESOURCES_UNAVAILABLE")
        .contains("num_cpus is 64, and this session, local[4], runs on 4.")
        .contains("num_gpus is 8, and this machine has 2.");
    assertGpusWereGivenAsAsked();
  }

  /** Spark would wait for ever. */
  @Test
  void aSessionThatAsksForMoreThanThereIsSaysSoAndGivesUp() throws Exception {
    driver.run(
        """
        spark.sql("CREATE TABLE lance.default.waits AS SELECT id FROM range(0, 8, 1, 2)").collect()
        db.open_table("default.waits").add_columns({"v": "id * 2"})
        """);
    SparkDistribution spark = installed(shared);
    cluster.serve(spark, 1);
    spark.conf("spark.executor.memory", "64g");
    String program =
        """
        try:
            db.open_table("default.waits").backfill("v", admission_timeout="8s")
        except BackfillError as e:
            print("failed:", e.code, str(e).replace("\\n", " "))
        """;
    try (SparkRun run = spark.python(SESSION + program)) {
      assertThat(run.output())
          .containsPattern("failed: ADMISSION_TIMEOUT .*No executor .* has come in 8s")
          .containsPattern("asks spark://\\S+ for executors of cores 2, memory 64g")
          .contains("ask for less, end other applications, or add workers");
      assertThat(run.stderr()).contains("backfill v: No executor has come yet");
    }
  }
}
