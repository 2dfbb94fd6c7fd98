package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.SecretBuilder;
import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.ClusterType;
import io.lancebackfill.cluster.HeadGroup;
import io.lancebackfill.cluster.WorkerGroup;
import io.lancebackfill.cluster.harness.FakeCluster;
import io.lancebackfill.cluster.harness.LocalImage;
import io.lancebackfill.cluster.harness.NodeSpec;
import io.lancebackfill.cluster.spark.SessionSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A manifest on Kubernetes: pods have its modules, and its secrets by reference. */
@Timeout(300)
class KubernetesManifestIT {
  private static final String IMAGE = "lance-backfill:test";
  private static final String SECRET = "not-for-anybody-1c9e";

  private static final String PROGRAM =
      """
      import json, os, sys
      from lance_backfill import BackfillError, connect, udf
      from pyspark.sql import SparkSession

      spark = SparkSession.builder.getOrCreate()
      db = connect(catalog="lance", spark=spark)
      db.define_cluster(json.loads(sys.argv[1]))
      with open("token_length.py", "w") as module:
          module.write("import os\\ndef plus(x):\\n    return x + len(os.environ['HUB_TOKEN'])\\n")
      db.define_manifest({"name": "secret", "py_modules": [os.path.abspath("token_length.py")],
                          "secret_env_vars": {"HUB_TOKEN": "hub/token"}})
      spark.sql("CREATE TABLE lance.default.t TBLPROPERTIES ('file_format_version'='2.1') AS"
                " SELECT id FROM range(0, 40, 1, 4)").collect()
      t = db.open_table("default.t")

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
        FakeCluster.in(Path.of("target/fake-cluster/KubernetesManifestIT"))
            .node(NodeSpec.named("cpu-1"))
            .image(
                IMAGE,
                LocalImage.of(jars.stream().map(Path::toString).collect(Collectors.joining(":")))
                    .withPath("/opt/lance-backfill/bundle.jar", installed.bundle())
                    .withEnvironment("PYSPARK_PYTHON", System.getProperty("test.python")))
            .start();
    cluster
        .client()
        .secrets()
        .inNamespace(cluster.namespace())
        .resource(
            new SecretBuilder()
                .withNewMetadata()
                .withName("hub")
                .endMetadata()
                .addToStringData("token", SECRET)
                .build())
        .create();
  }

  @BeforeEach
  void install() {
    spark = new SparkDistribution(folder);
    spark.conf("spark.sql.extensions", "io.lancebackfill.sql.LanceBackfillExtensions");
    spark.conf("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog");
    spark.conf("spark.submit.pyFiles", spark.bundle().toString());
    spark.conf("spark.lancebackfill.environments.cache", folder.resolve("cache").toString());
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
                .idleTimeout(Duration.ofSeconds(5)))
        .build();
  }

  @Test
  void podsGetTheSecretsOfTheJobsManifest() throws Exception {
    ClusterSpec pools = pools();
    Map<String, String> settings = new LinkedHashMap<>(SessionSettings.client(pools, null));
    settings.putAll(cluster.clientModeConf());
    settings.forEach(spark::conf);
    try (SparkRun run = spark.python(PROGRAM, pools.toJson())) {
      assertThat(run.exitStatus()).as(run.stderr() + cluster.describe()).isZero();
      assertThat(run.stdout())
          .containsPattern(
              "without a cluster: \\[ENVIRONMENT_MISMATCH] HUB_TOKEN: manifest 'secret' has it from"
                  + " key token of the Kubernetes secret hub.*name the cluster")
          .contains("job: DONE", "row: " + SECRET.length() + " = 40");
      assertThat(run.stdout() + run.stderr()).doesNotContain(SECRET);
    }
  }
}
