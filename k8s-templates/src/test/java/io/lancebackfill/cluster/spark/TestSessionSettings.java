package io.lancebackfill.cluster.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.cluster.ClusterSpec;
import java.util.List;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TestSessionSettings {
  private static final ClusterSpec CLUSTER =
      ClusterSpec.parse(
          """
          name: images
          type: kubernetes
          master: https://api:6443
          namespace: ml
          credentials: {kubeconfig: /home/ann/.kube/config, context: prod}
          image: backfill:1
          head_group:
            image: driver:1
            service_account: driver
            num_cpus: 2
            memory: 4Gi
            memory_overhead: 1Gi
            cpu_limit: "3"
            driver_host: notebook.ml.svc
            labels: {team: ml}
            node_selector: {pool: head}
            env_vars: {LANG: C.UTF-8}
            secret_env_vars: {AWS_SECRET_ACCESS_KEY: {secret: s3, key: secret}}
          worker_groups:
          - {name: gpu, image: "cuda:1", memory: 16Gi, num_gpus: 1, max_replicas: 2, replicas: 1,
             idle_timeout_seconds: 30}
          - {name: cpu, service_account: worker, num_cpus: 4, memory: 8Gi, memory_overhead: 3Gi,
             max_replicas: 20, min_replicas: 1, idle_timeout_seconds: 120}
          """);

  @Test
  void ofAClient() {
    assertThat(lines(SessionSettings.client(CLUSTER, "10.0.0.7")))
        .containsExactly(
            "spark.master=k8s://https://api:6443",
            "spark.submit.deployMode=client",
            "spark.driver.host=notebook.ml.svc",
            "spark.driver.bindAddress=0.0.0.0",
            "spark.kubernetes.namespace=ml",
            "spark.kubernetes.context=prod",
            "spark.kubernetes.executor.container.image=backfill:1",
            "spark.kubernetes.authenticate.executor.serviceAccountName=worker",
            "spark.kubernetes.executor.pod.featureSteps=" + ExecutorGroupStep.class.getName(),
            "spark.lancebackfill.cluster.name=images",
            "spark.lancebackfill.cluster.group.0="
                + CLUSTER.group("cpu").orElseThrow().withImage("backfill:1").toJson(),
            "spark.executor.cores=4",
            "spark.executor.memory=5120m",
            "spark.executor.memoryOverhead=3072m",
            "spark.dynamicAllocation.enabled=true",
            "spark.dynamicAllocation.shuffleTracking.enabled=true",
            "spark.dynamicAllocation.executorIdleTimeout=30s",
            "spark.dynamicAllocation.cachedExecutorIdleTimeout=30s",
            "spark.dynamicAllocation.shuffleTracking.timeout=30s",
            "spark.dynamicAllocation.minExecutors=0",
            "spark.dynamicAllocation.initialExecutors=1",
            "spark.dynamicAllocation.maxExecutors=20",
            "spark.decommission.enabled=true",
            "spark.storage.decommission.enabled=true",
            "spark.storage.decommission.rddBlocks.enabled=true",
            "spark.storage.decommission.shuffleBlocks.enabled=false",
            "spark.storage.decommission.replicationReattemptInterval=1s",
            "spark.task.maxFailures=32");
  }

  @Test
  void ofACluster() {
    List<String> cluster = lines(SessionSettings.cluster(CLUSTER));

    assertThat(cluster)
        .containsSubsequence(
            "spark.master=k8s://https://api:6443",
            "spark.submit.deployMode=cluster",
            "spark.kubernetes.driver.container.image=driver:1",
            "spark.kubernetes.authenticate.driver.serviceAccountName=driver",
            "spark.driver.cores=2",
            "spark.driver.memory=3072m",
            "spark.driver.memoryOverhead=1024m",
            "spark.kubernetes.driver.limit.cores=3",
            "spark.kubernetes.driver.label.lance-backfill/cluster=images",
            "spark.kubernetes.driver.label.team=ml",
            "spark.kubernetes.driver.node.selector.pool=head",
            "spark.kubernetes.driverEnv.LANG=C.UTF-8",
            "spark.kubernetes.driver.secretKeyRef.AWS_SECRET_ACCESS_KEY=s3:secret")
        .noneMatch(line -> line.startsWith("spark.driver.host"));
    assertThat(cluster)
        .containsAll(
            lines(SessionSettings.client(CLUSTER, null)).stream()
                .filter(line -> !line.startsWith("spark.driver."))
                .filter(line -> !line.startsWith("spark.submit."))
                .toList());
  }

  @Test
  void sparkKnowsThemAll() {
    SparkConf conf = new SparkConf(false);
    SessionSettings.client(CLUSTER, null).forEach(conf::set);

    conf.validateSettings();
    assertThat(conf.getSizeAsMb("spark.executor.memory", "0")).isEqualTo(5120);
    assertThat(conf.getTimeAsSeconds("spark.dynamicAllocation.executorIdleTimeout")).isEqualTo(30);
  }

  @Test
  void theKubeconfigIsASystemProperty() {
    assertThat(SessionSettings.systemProperties(CLUSTER))
        .isEqualTo(Map.of("kubeconfig", "/home/ann/.kube/config"));
  }

  @Test
  void aDriverInAPodIsReachedByItsAddress() {
    ClusterSpec inCluster =
        ClusterSpec.parse(
            "name: c\ntype: kubernetes\nimage: i:1\ncredentials: {in_cluster: true}\n"
                + "worker_groups: [{name: g, memory: 4Gi}]");

    assertThat(SessionSettings.client(inCluster, "10.0.0.7"))
        .containsEntry("spark.master", "k8s://https://kubernetes.default.svc")
        .containsEntry("spark.driver.host", "10.0.0.7")
        .containsEntry("spark.kubernetes.authenticate.executor.serviceAccountName", "default")
        .doesNotContainKey("spark.dynamicAllocation.maxExecutors");
    assertThat(SessionSettings.client(inCluster, null)).doesNotContainKey("spark.driver.host");
    assertThat(SessionSettings.systemProperties(inCluster)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "local, , spark.master=local[*]",
    "local, 'local[2]', spark.master=local[2]",
    "existing, spark://h:7077, spark.master=spark://h:7077"
  })
  void otherTypesHaveAMasterAtMost(String type, String master, String setting) {
    ClusterSpec cluster =
        ClusterSpec.parse(
            "name: c\ntype: " + type + (master == null ? "" : "\nmaster: '" + master + "'"));

    assertThat(lines(SessionSettings.client(cluster, "10.0.0.7"))).containsExactly(setting);
  }

  @Test
  void anExistingSessionKeepsItsSettings() {
    ClusterSpec cluster = ClusterSpec.parse("name: c\ntype: existing");

    assertThat(SessionSettings.client(cluster, null)).isEmpty();
    assertThatThrownBy(() -> SessionSettings.cluster(cluster))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("cluster c is not of type kubernetes, and has no driver pod");
  }

  private static List<String> lines(Map<String, String> settings) {
    return settings.entrySet().stream().map(e -> e.getKey() + "=" + e.getValue()).toList();
  }
}
