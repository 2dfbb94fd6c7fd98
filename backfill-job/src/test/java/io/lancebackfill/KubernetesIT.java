package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.ClusterType;
import io.lancebackfill.cluster.HeadGroup;
import io.lancebackfill.cluster.Toleration;
import io.lancebackfill.cluster.WorkerGroup;
import io.lancebackfill.cluster.harness.FakeCluster;
import io.lancebackfill.cluster.harness.LocalImage;
import io.lancebackfill.cluster.harness.NodeSpec;
import io.lancebackfill.cluster.harness.Submission;
import io.lancebackfill.cluster.spark.SessionSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Backfills on Kubernetes: functions run in the worker groups that have what they ask for. */
@Timeout(300)
class KubernetesIT {
  private static final String IMAGE = "lance-backfill:test";

  /** What a row of each function is computed on. */
  private static final String PROGRAM =
      """
      import json, os, sys
      from lance_backfill import connect, udf
      from pyspark.sql import SparkSession

      spark = SparkSession.builder.getOrCreate()
      db = connect(catalog="lance", spark=spark)
      db.define_cluster(json.loads(sys.argv[1]))
      spark.sql("CREATE TABLE lance.default.t TBLPROPERTIES ('file_format_version'='2.1') AS"
                " SELECT id FROM range(0, 40, 1, 8)").collect()
      t = db.open_table("default.t")

      def place():
          return os.environ.get("POOL", "none") + " " + os.environ.get("CUDA_VISIBLE_DEVICES", "-")

      @udf
      def on_cpu(id: int) -> str:
          return place()

      @udf(num_gpus=1)
      def on_gpu(id: int, cpu: str) -> str:
          return place() + " after " + cpu

      t.add_columns({"cpu": on_cpu})
      t.add_columns({"gpu": (on_gpu, ["id", "cpu"])})
      with db.context(cluster="pools"):
          for column in ("cpu", "gpu"):
              job = t.backfill(column)
              print("%s: %s %d" % (column, job.status, job.rows_computed))
      for row in t.to_spark().groupBy("gpu").count().orderBy("gpu").collect():
          print("row: %s = %d" % (row["gpu"], row["count"]))
      """;

  @TempDir private static Path folder;
  private static FakeCluster cluster;
  private SparkDistribution spark;

  @BeforeAll
  static void start() throws IOException {
    SparkDistribution installed = new SparkDistribution(folder);
    List<Path> jars = new ArrayList<>(installed.sparkJars());
    jars.addAll(installed.jars());
    cluster =
        FakeCluster.in(Path.of("target/fake-cluster/KubernetesIT"))
            .node(NodeSpec.named("cpu-1").withLabel("pool", "cpu"))
            .node(
                NodeSpec.named("gpu-1")
                    .withLabel("pool", "gpu")
                    .withTaint(NodeSpec.GPU, "present", "NoSchedule")
                    .withCapacity(NodeSpec.GPU, "2"))
            .image(
                IMAGE,
                LocalImage.of(jars.stream().map(Path::toString).collect(Collectors.joining(":")))
                    .withPath("/opt/lance-backfill/bundle.jar", installed.bundle())
                    .withEnvironment("PYSPARK_PYTHON", System.getProperty("test.python")))
            .start();
  }

  @BeforeEach
  void install() {
    spark = new SparkDistribution(folder);
    spark.conf("spark.sql.extensions", "io.lancebackfill.sql.LanceBackfillExtensions");
    spark.conf("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog");
    spark.conf("spark.submit.pyFiles", spark.bundle().toString());
  }

  @AfterAll
  static void stop() {
    cluster.close();
  }

  private static ClusterSpec pools() throws IOException {
    return ClusterSpec.builder("pools", ClusterType.KUBERNETES)
        .master(cluster.clientModeConf().get("spark.master"))
        .namespace(cluster.namespace())
        .image(IMAGE)
        .headGroup(HeadGroup.builder().numCpus(1).memory("1Gi").driverHost("127.0.0.1"))
        .workerGroup(
            WorkerGroup.builder("cpu")
                .numCpus(2)
                .memory("1Gi")
                .maxReplicas(2)
                .nodeSelector("pool", "cpu")
                .envVar("POOL", "cpu")
                .idleTimeout(Duration.ofSeconds(3)))
        .workerGroup(
            WorkerGroup.builder("gpu")
                .numCpus(1)
                .memory("1Gi")
                .numGpus(1)
                .discoveryScript(cluster.gpuDiscoveryScript().toString())
                .maxReplicas(2)
                .nodeSelector("pool", "gpu")
                .toleration(Toleration.exists(NodeSpec.GPU, "NoSchedule"))
                .envVar("POOL", "gpu")
                .idleTimeout(Duration.ofSeconds(3)))
        .build();
  }

  @Test
  void functionsRunInTheGroupsThatFitThem() throws Exception {
    ClusterSpec pools = pools();
    Map<String, String> settings = new LinkedHashMap<>(SessionSettings.client(pools, null));
    settings.putAll(cluster.clientModeConf());
    settings.forEach(spark::conf);
    Map<String, String> printed = new TreeMap<>();
    List<String> rows = new ArrayList<>();
    try (SparkRun run = spark.python(PROGRAM, pools.toJson())) {
      assertThat(run.exitStatus()).as(run.stderr() + cluster.describe()).isZero();
      for (String line : run.stdout().lines().toList()) {
        int colon = line.indexOf(": ");
        if (line.startsWith("row: ")) {
          rows.add(line.substring(5));
        } else if (colon > 0) {
          printed.put(line.substring(0, colon), line.substring(colon + 2));
        }
      }
    }
    assertThat(printed).containsEntry("cpu", "DONE 40").containsEntry("gpu", "DONE 40");
    assertThat(rows).isNotEmpty().allMatch(row -> row.matches("gpu [01] after cpu - = \\d+"));
  }

  private static final String WAITING =
      """
      import json, sys
      from lance_backfill import BackfillError, connect, udf
      from pyspark.sql import SparkSession

      spark = SparkSession.builder.getOrCreate()
      db = connect(catalog="lance", spark=spark)
      db.define_cluster(json.loads(sys.argv[1]))
      spark.sql("CREATE TABLE lance.default.w AS SELECT id FROM range(0, 8, 1, 2)").collect()
      t = db.open_table("default.w")

      @udf(num_gpus=1)
      def on_gpu(id: int) -> str:
          return "never"

      t.add_columns({"gpu": on_gpu})
      for row in db.check_cluster("pools", num_gpus=1).to_pylist():
          print("check: %(severity)s %(code)s %(problem)s" % row)
      try:
          t.backfill("gpu", cluster="pools", admission_timeout="12s")
      except BackfillError as e:
          print("failed: %s %s" % (e.code, str(e).replace("\\n", " ")))
      """;

  @Test
  void aGroupWithoutNodesIsToldBeforeItsJobGivesUp() throws Exception {
    String pools = pools().toJson().replace("{\"pool\":\"gpu\"}", "{\"pool\":\"tpu\"}");
    Map<String, String> settings =
        new LinkedHashMap<>(SessionSettings.client(ClusterSpec.parse(pools), null));
    settings.putAll(cluster.clientModeConf());
    settings.forEach(spark::conf);
    try (SparkRun run = spark.python(WAITING, pools)) {
      assertThat(run.exitStatus()).as(run.stderr() + cluster.describe()).isZero();
      assertThat(run.stdout())
          .containsPattern("check: INFO SIZING what the job requests of worker group gpu")
          .containsPattern("check: (ERROR|WARNING) NO_NODE_SELECTED .*gpu")
          .containsPattern(
              "failed: ADMISSION_TIMEOUT .*No executor .* has come in 12s.*pool=gpu, not tpu");
      // Long before the end, so that nobody has to wait for it.
      assertThat(run.stderr()).containsPattern("backfill gpu: \\[POD_UNSCHEDULABLE].*not tpu");
    }
  }

  @Test
  void aSubmittedDriverRunsBackfillMain() throws Exception {
    try (SparkRun run =
        spark.sql(
            "CREATE TABLE lance.default.m AS SELECT id FROM range(0, 40, 1, 4);",
            "CALL lance.system.add_column('default.m', 'twice', 'id * 2');")) {
      assertThat(run.exitStatus()).as(run.stderr()).isZero();
    }
    Map<String, String> conf = new LinkedHashMap<>(SessionSettings.cluster(pools()));
    conf.remove("spark.master");
    conf.put("spark.sql.extensions", "io.lancebackfill.sql.LanceBackfillExtensions");
    conf.put("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog");
    conf.put("spark.sql.catalog.lance.impl", "dir");
    conf.put("spark.sql.catalog.lance.root", spark.tables().toString());
    try (Submission submission =
        cluster.submit(
            IMAGE,
            "io.lancebackfill.BackfillMain",
            "local:///opt/lance-backfill/bundle.jar",
            conf,
            List.of("--table", "lance.default.m", "--column", "twice"))) {
      assertThat(submission.await(Duration.ofMinutes(2)))
          .as(submission.log() + cluster.describe())
          .isZero();
    }
    try (SparkRun run =
        spark.sql("SELECT 'right', count(*) FROM lance.default.m WHERE twice = id * 2;")) {
      assertThat(run.output()).contains("right\t40");
    }
  }
}
