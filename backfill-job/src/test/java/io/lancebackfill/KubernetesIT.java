package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.ResourceQuota;
import io.fabric8.kubernetes.api.model.ResourceQuotaBuilder;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.ClusterType;
import io.lancebackfill.cluster.HeadGroup;
import io.lancebackfill.cluster.Toleration;
import io.lancebackfill.cluster.WorkerGroup;
import io.lancebackfill.cluster.files.BackfillJob;
import io.lancebackfill.cluster.files.DeploymentFiles;
import io.lancebackfill.cluster.harness.FakeCluster;
import io.lancebackfill.cluster.harness.LocalImage;
import io.lancebackfill.cluster.harness.NodeSpec;
import io.lancebackfill.cluster.harness.Submission;
import io.lancebackfill.cluster.harness.api.ControlPlane;
import io.lancebackfill.cluster.spark.SessionSettings;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Backfills on Kubernetes: functions run in the worker groups that have what they ask for, and lose
 * little when executors go. The tests share a driver, whose executors leave between them.
 */
@Timeout(300)
class KubernetesIT {
  private static final String IMAGE = "lance-backfill:test";

  @TempDir private static Path folder;
  private static FakeCluster cluster;
  private static SparkDistribution spark;
  private static PythonDriver driver;

  @BeforeAll
  static void start() throws IOException {
    spark = new SparkDistribution(folder);
    cluster =
        FakeCluster.in(Path.of("target/fake-cluster/KubernetesIT"))
            .node(NodeSpec.named("cpu-1").withLabel("pool", "cpu"))
            .node(
                NodeSpec.named("gpu-1")
                    .withLabel("pool", "gpu")
                    .withTaint(NodeSpec.GPU, "present", "NoSchedule")
                    .withCapacity(NodeSpec.GPU, "2"))
            .image(IMAGE, image())
            .start();
    spark.conf("spark.sql.extensions", "io.lancebackfill.sql.LanceBackfillExtensions");
    spark.conf("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog");
    spark.conf("spark.submit.pyFiles", spark.bundle().toString());
    spark.conf("spark.lancebackfill.leaseDuration", "5s");
    spark.conf("spark.lancebackfill.functions.trust", "true");
    spark.conf("spark.lancebackfill.environments.cache", folder.resolve("cache").toString());
    Map<String, String> settings = new LinkedHashMap<>(SessionSettings.client(pools(), null));
    settings.putAll(cluster.clientModeConf());
    settings.forEach(spark::conf);
    driver = PythonDriver.start(spark, folder.resolve("driver"));
    define(pools().toJson());
    driver.run(ComputedLog.FUNCTION);
  }

  private static LocalImage image() throws IOException {
    LocalImage image = LocalImage.of(SparkClasses.classPath());
    for (String option : SparkClasses.archiveOptions()) {
      image = image.withJavaOption(option);
    }
    return image
        .withPath("/opt/lance-backfill/bundle.jar", spark.bundle())
        .withEnvironment("PYSPARK_PYTHON", System.getProperty("test.python"));
  }

  @AfterAll
  static void stop() throws IOException {
    try (FakeCluster ignored = cluster) {
      if (driver != null) {
        driver.close();
      }
    }
  }

  private static void define(String cluster) {
    driver.run("import json\ndb.define_cluster(json.loads(%s))".formatted(quoted(cluster)));
  }

  private static String quoted(String text) {
    return "r\"\"\"" + text + "\"\"\"";
  }

  private static ClusterSpec pools() throws IOException {
    return pools("pools");
  }

  private static ClusterSpec pools(String name) throws IOException {
    return ClusterSpec.builder(name, ClusterType.KUBERNETES)
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

  /** A table of so many fragments of so many rows, with a column that {@link ComputedLog} fills. */
  private static ComputedLog table(String name, int fragments, int rows, double seconds) {
    ComputedLog log = new ComputedLog(folder.resolve("computed-" + name));
    driver.run(
        """
        spark.sql("CREATE TABLE lance.default.%s TBLPROPERTIES ('file_format_version'='2.1') AS"
                  " SELECT id FROM range(0, %d, 1, %d)").collect()
        t = db.open_table("default.%s")
        t.add_columns({"v": logged("%s", %s)})
        """
            .formatted(name, fragments * rows, fragments, name, log.folder(), seconds));
    return log;
  }

  private static PythonDriver.Piece backfill() {
    return driver.begin(
        """
        job = t.backfill("v", cluster="pools", checkpoint_interval="1s")
        rows = t.to_spark()
        print(job.status, rows.count(), rows.where("v = id * 2").count())
        """);
  }

  private static Pod pod(String name) {
    return cluster.client().pods().inNamespace(cluster.namespace()).withName(name).get();
  }

  private static boolean isExecutor(Pod pod) {
    return "executor".equals(pod.getMetadata().getLabels().get("spark-role"));
  }

  private static void awaitNoExecutors() {
    cluster.awaitNoPod("executors after their idle timeout", KubernetesIT::isExecutor);
  }

  @Test
  void functionsRunInTheGroupsThatFitThemAndExecutorsComeAndGo() {
    awaitNoExecutors();
    String printed =
        driver.run(
            """
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
                    print("start: %s" % sorted(t.jobs().to_pylist()[-1]["startup"]))
            for row in t.to_spark().groupBy("gpu").count().orderBy("gpu").collect():
                print("row: %s = %d" % (row["gpu"], row["count"]))
            """);
    assertThat(printed.lines()).contains("cpu: DONE 40", "gpu: DONE 40");
    assertThat(printed.lines().filter(line -> line.startsWith("start: ")))
        .hasSize(2)
        .last()
        .asString()
        .contains("('image_pull', ", "('node', ");
    assertThat(printed.lines().filter(line -> line.startsWith("row: ")))
        .isNotEmpty()
        .allMatch(row -> row.matches("row: gpu [01] after cpu - = \\d+"));
    awaitNoExecutors();
  }

  /** SIGKILL says nothing of memory, so nothing is held against what was computed. */
  @Test
  void aKilledExecutorIsReplacedAndItsFinishedRowsAreKept() {
    ComputedLog log = table("killed", 4, 300, 0.03);
    int before = driver.log().length();
    PythonDriver.Piece job = backfill();
    String victim = awaitPodWith(log, 400);
    long killedAt = System.currentTimeMillis();
    cluster.kill(pod(victim));
    assertThat(job.printed().strip()).isEqualTo("DONE 1200 1200");
    assertThat(log.byPod().keySet()).hasSizeGreaterThan(1).contains(victim);
    Map<Long, List<ComputedLog.Row>> rows = log.rows();
    assertThat(rows).hasSize(1200);
    List<Long> agesOfRepeated = new ArrayList<>();
    rows.values().stream()
        .filter(of -> of.size() > 1)
        .forEach(
            of -> {
              long first = of.stream().mapToLong(ComputedLog.Row::atMillis).min().orElseThrow();
              agesOfRepeated.add(killedAt - first);
            });
    // An interval, and the time that a checkpoint takes on a busy machine.
    assertThat(agesOfRepeated).isNotEmpty().allMatch(age -> age <= 1000 + 2000);
    assertThat(driver.log().substring(before))
        .contains("[EXECUTOR_KILLED] something killed executor")
        .doesNotContain("computed again by itself");
  }

  @Test
  void aReclaimWithNoticeLosesNothing() {
    ComputedLog log = table("reclaimed", 8, 60, 0.03);
    PythonDriver.Piece job = backfill();
    String leaving = awaitPodWith(log, 30);
    cluster.reclaim(pod(leaving), Duration.ofSeconds(60));
    assertThat(job.printed().strip()).isEqualTo("DONE 480 480");
    assertThat(log.rows()).hasSize(480).values().allMatch(of -> of.size() == 1);
  }

  private static String awaitPodWith(ComputedLog log, int rows) {
    return Awaitility.await()
        .atMost(Duration.ofSeconds(90))
        .pollInterval(Duration.ofMillis(100))
        .until(
            () ->
                log.byPod().entrySet().stream()
                    .filter(pod -> pod.getValue() >= rows)
                    .map(Map.Entry::getKey)
                    .findFirst(),
            Optional::isPresent)
        .orElseThrow();
  }

  /** As the kernel kills a container at its limit: the harness says OOMKilled where it did. */
  @Test
  void aFragmentThatRanOutOfMemoryIsComputedInSmallerBatches() throws IOException {
    Path seen = Files.createDirectories(folder.resolve("batches"));
    PythonDriver.Piece job =
        driver.begin(
            """
            import pyarrow as pa
            spark.sql("CREATE TABLE lance.default.heavy TBLPROPERTIES ('file_format_version'='2.1') AS"
                      " SELECT id FROM range(0, 200, 1, 2)").collect()
            t = db.open_table("default.heavy")

            @udf(batch_size=100, data_type=pa.int64())
            def heavy(id: pa.Array):
                ids, pod = id.to_pylist(), os.environ["SPARK_EXECUTOR_POD_NAME"]
                open(os.path.join("%s", "%%s %%d %%d" %% (pod, len(ids), min(ids))), "w").close()
                if len(ids) > 25 and max(ids) >= 100:
                    time.sleep(120)
                return pa.array([i * 2 for i in ids])

            t.add_columns({"v": heavy})
            job = t.backfill("v", cluster="pools")
            rows = t.to_spark()
            print(job.status, rows.count(), rows.where("v = id * 2").count())
            """
                .formatted(seen));
    String fat =
        Awaitility.await()
            .atMost(Duration.ofSeconds(90))
            .until(
                () ->
                    batches(seen).stream()
                        .filter(batch -> batch[1].equals("100") && batch[2].equals("100"))
                        .map(batch -> batch[0])
                        .findFirst(),
                Optional::isPresent)
            .orElseThrow();
    cluster.oomKill(pod(fat));
    assertThat(job.printed().strip()).isEqualTo("DONE 200 200");
    assertThat(batches(seen).stream().filter(batch -> !batch[0].equals(fat)))
        .allMatch(batch -> batch[1].equals("25") || batch[2].equals("0"));
    assertThat(driver.log())
        .contains("[EXECUTOR_OUT_OF_MEMORY] more memory than there is was used by executor")
        .contains("ran out of memory; the fragment is computed again by itself and in smaller");
  }

  private static List<String[]> batches(Path seen) throws IOException {
    try (Stream<Path> files = Files.list(seen)) {
      return files.map(file -> file.getFileName().toString().split(" ", -1)).toList();
    }
  }

  /** A definition whose group with GPUs is another one than that of {@link #pools()}. */
  private static void define(String name, String from, String to) throws IOException {
    String json = pools(name).toJson();
    assertThat(json).contains(from);
    define(json.replace(from, to));
  }

  /** Begins a backfill on GPUs of a cluster, for which it waits a few seconds. */
  private static PythonDriver.Piece starving(String cluster) {
    declareFor(cluster);
    return begin(cluster);
  }

  private static void declareFor(String cluster) {
    driver.run(
        """
        spark.sql("CREATE TABLE lance.default.%s AS SELECT id FROM range(0, 8, 1, 2)").collect()
        t = db.open_table("default.%s")

        @udf(num_gpus=1)
        def never(id: int) -> str:
            return "never"

        t.add_columns({"of_%s": never})
        """
            .formatted(cluster, cluster, cluster));
  }

  private static PythonDriver.Piece begin(String cluster) {
    return driver.begin(
        """
        try:
            t.backfill("of_%s", cluster="%s", admission_timeout="12s")
        except BackfillError as e:
            print("failed: %%s %%s" %% (e.code, str(e).replace("\\n", " ")))
        """
            .formatted(cluster, cluster));
  }

  /** Spark's account on a real control plane may not; then the scheduler's words are told. */
  private static final boolean MAY_LIST_NODES = System.getProperty(ControlPlane.BINARY) == null;

  @Test
  void aGroupWithoutNodesIsToldBeforeItsJobGivesUp() throws Exception {
    String unlabelled =
        MAY_LIST_NODES ? "pool=gpu, not tpu" : "didn't match Pod's node affinity/selector";
    String noNode =
        MAY_LIST_NODES ? "(ERROR|WARNING) NO_NODE_SELECTED .*gpu" : "INFO NODES_UNREADABLE ";
    define("tpus", "{\"pool\":\"gpu\"}", "{\"pool\":\"tpu\"}");
    PythonDriver.Piece job = starving("tpus");
    driver.awaitLog("backfill of_tpus: [POD_UNSCHEDULABLE]", Duration.ofSeconds(10));
    assertThat(job.printed())
        .containsPattern(
            "failed: ADMISSION_TIMEOUT .*No executor .* has come in 12s.*" + unlabelled);
    assertThat(driver.log())
        .containsPattern("backfill of_tpus: \\[POD_UNSCHEDULABLE].*" + unlabelled);
    assertThat(
            driver.run(
                """
                for row in db.check_cluster("tpus", num_gpus=1).to_pylist():
                    print("%(severity)s %(code)s %(problem)s" % row)
                """))
        .containsPattern("INFO SIZING what the job requests of worker group gpu")
        .containsPattern(noNode);
  }

  @Test
  void anImageThatNobodyHasIsTold() throws Exception {
    define("images", "\"name\":\"gpu\"", "\"name\":\"gpu\",\"image\":\"registry.invalid/no:1\"");
    assertThat(starving("images").printed())
        .containsPattern("ADMISSION_TIMEOUT .*\\[IMAGE_PULL_FAILED] no image for .*invalid/no:1")
        .contains("Give the group's image as the registry has it");
  }

  /** Spark goes on asking, and tells its log alone. */
  @Test
  void aQuotaThatAllowsNoPodIsTold() throws Exception {
    define("quota", "\"name\":\"gpu\"", "\"name\":\"bounded\"");
    declareFor("quota"); // Which takes an executor.
    ResourceQuota quota =
        new ResourceQuotaBuilder()
            .withNewMetadata()
            .withName("none")
            .endMetadata()
            .withNewSpec()
            .addToHard("pods", new Quantity("0"))
            .endSpec()
            .build();
    var quotas = cluster.client().resourceQuotas().inNamespace(cluster.namespace());
    quotas.resource(quota).create();
    try {
      assertThat(begin("quota").printed())
          .containsPattern("ADMISSION_TIMEOUT .*\\[QUOTA_EXCEEDED].*exceeded quota: none");
    } finally {
      quotas.withName("none").delete();
    }
  }

  @Test
  void podsGetTheModulesAndTheSecretsOfTheJobsManifest() {
    String secret = "not-for-anybody-1c9e";
    cluster
        .client()
        .secrets()
        .inNamespace(cluster.namespace())
        .resource(
            new SecretBuilder()
                .withNewMetadata()
                .withName("hub")
                .endMetadata()
                .addToStringData("token", secret)
                .build())
        .create();
    String printed =
        driver.run(
            """
            os.makedirs("modules")
            with open("modules/token_length.py", "w") as module:
                module.write("import os\\ndef plus(x):\\n    return x + len(os.environ['HUB_TOKEN'])\\n")
            db.define_manifest({"name": "secret", "py_modules": [os.path.abspath("modules/token_length.py")],
                                "secret_env_vars": {"HUB_TOKEN": "hub/token"}})
            spark.sql("CREATE TABLE lance.default.secret TBLPROPERTIES ('file_format_version'='2.1') AS"
                      " SELECT id FROM range(0, 40, 1, 4)").collect()
            t = db.open_table("default.secret")

            @udf(version="1")
            def plus_length(id: int) -> int:
                import token_length
                return token_length.plus(id)

            t.add_columns({"n": plus_length})
            try:
                t.backfill("n", manifest="secret")
            except BackfillError as e:
                print("without a cluster: %s" % str(e).replace("\\n", " "))
            with db.context(cluster="pools", manifest="secret", executors=1):
                print("job: %s" % t.backfill("n").status)
            for row in t.to_spark().selectExpr("n - id AS d").groupBy("d").count().collect():
                print("row: %d = %d" % (row["d"], row["count"]))
            """);
    assertThat(printed)
        .containsPattern(
            "without a cluster: \\[ENVIRONMENT_MISMATCH] HUB_TOKEN: manifest 'secret' has it from"
                + " key token of the Kubernetes secret hub.*name the cluster")
        .contains("job: DONE", "row: " + secret.length() + " = 40");
    assertThat(printed + driver.log()).doesNotContain(secret);
  }

  @Test
  void whatADeadDriverLeftIsRemovedByTheNextJobOfItsId() throws Exception {
    define("none", "{\"pool\":\"gpu\"}", "{\"pool\":\"none\"}");
    driver.run(
        """
        spark.sql("CREATE TABLE lance.default.left AS SELECT id FROM range(0, 8, 1, 2)").collect()
        t = db.open_table("default.left")

        @udf(num_gpus=1)
        def later(id: int) -> int:
            return id * 2

        t.add_columns({"v": later})
        """);
    String job = "backfill(\"v\", cluster=\"%s\", job_id=\"nightly\")";
    Pod orphan;
    try (PythonDriver dead = PythonDriver.start(spark, folder.resolve("dead"))) {
      dead.begin("db.open_table(\"default.left\")." + job.formatted("none"));
      orphan =
          cluster.awaitPod(
              "it waits for a node that is not there",
              pod ->
                  isExecutor(pod)
                      && pod.getMetadata().getLabels().containsKey("lance-backfill/job")
                      && pod.getSpec().getNodeSelector().containsValue("none"));
      dead.kill();
    }
    String application = orphan.getMetadata().getLabels().get("spark-app-selector");
    assertThat(leftOf(application)).contains("Pod", "ConfigMap");
    assertThat(driver.run("print(t." + job.formatted("pools") + ".status)").strip())
        .isEqualTo("DONE");
    assertThat(leftOf(application)).isEmpty();
    assertThat(driver.log())
        .contains("Removed the pods that dead drivers of this job left: [" + application + "]");
  }

  private static Set<String> leftOf(String application) {
    Set<String> kinds = new TreeSet<>();
    var client = cluster.client();
    client
        .pods()
        .inNamespace(cluster.namespace())
        .withLabel("spark-app-selector", application)
        .list()
        .getItems()
        .forEach(pod -> kinds.add(pod.getKind()));
    client
        .configMaps()
        .inNamespace(cluster.namespace())
        .withLabel("spark-app-selector", application)
        .list()
        .getItems()
        .forEach(map -> kinds.add(map.getKind()));
    return kinds;
  }

  @Test
  void aSubmittedDriverRunsBackfillMain() throws Exception {
    driver.run(
        """
        spark.sql("CREATE TABLE lance.default.m AS SELECT id FROM range(0, 40, 1, 4)").collect()
        spark.sql("CALL lance.system.add_column('default.m', 'twice', 'id * 2')").collect()
        """);
    String accounts =
        DeploymentFiles.of(pools(), new BackfillJob(Map.of(), List.of())).get("rbac.yaml");
    cluster
        .client()
        .load(new ByteArrayInputStream(accounts.getBytes(StandardCharsets.UTF_8)))
        .create();
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
    assertThat(
            driver
                .run("print(spark.table('lance.default.m').where('twice = id * 2').count())")
                .strip())
        .isEqualTo("40");
  }
}
