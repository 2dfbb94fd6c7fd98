package io.lancebackfill.cluster.harness;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.lancebackfill.cluster.harness.HeldTasks.Ran;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import org.apache.spark.deploy.k8s.KubernetesExecutorConf;
import org.apache.spark.deploy.k8s.SparkPod;
import org.apache.spark.deploy.k8s.features.KubernetesExecutorCustomFeatureConfigStep;
import org.apache.spark.resource.ExecutorResourceRequests;
import org.apache.spark.resource.ResourceProfile;
import org.apache.spark.resource.ResourceProfileBuilder;
import org.apache.spark.resource.TaskResourceRequests;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer.OrderAnnotation;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A real Spark driver on the cluster; one session and its executors serve all methods. */
@TestMethodOrder(OrderAnnotation.class)
@Timeout(180)
class FakeClusterIT {
  private static final String IMAGE = "spark:test";

  @TempDir static Path folder;

  private static FakeCluster cluster;
  private static SparkSession spark;

  /** Puts executors with a GPU limit on the GPU pool, all others on the CPU pool. */
  public static final class PoolStep implements KubernetesExecutorCustomFeatureConfigStep {
    @Override
    public void init(KubernetesExecutorConf conf) {}

    @Override
    public SparkPod configurePod(SparkPod pod) {
      Map<String, Quantity> limits = pod.container().getResources().getLimits();
      boolean gpu = limits != null && limits.containsKey(NodeSpec.GPU);
      PodBuilder placed =
          new PodBuilder(pod.pod())
              .editSpec()
              .addToNodeSelector("pool", gpu ? "gpu" : "cpu")
              .endSpec();
      if (gpu) {
        placed
            .editSpec()
            .addNewToleration()
            .withKey(NodeSpec.GPU)
            .withOperator("Exists")
            .endToleration()
            .endSpec();
      }
      return new SparkPod(placed.build(), pod.container());
    }
  }

  @BeforeAll
  static void start() throws IOException {
    cluster =
        FakeCluster.in(Path.of("target/fake-cluster/FakeClusterIT"))
            .node(NodeSpec.named("other-1").withCapacity("cpu", "64"))
            .node(NodeSpec.named("cpu-1").withLabel("pool", "cpu"))
            .node(
                NodeSpec.named("gpu-1")
                    .withLabel("pool", "gpu")
                    .withTaint(NodeSpec.GPU, "present", "NoSchedule")
                    .withCapacity(NodeSpec.GPU, "2"))
            .image(IMAGE, LocalImage.ofTestClassPath())
            .start();
    SparkSession.Builder builder = SparkSession.builder().appName("FakeClusterIT");
    cluster.clientModeConf().forEach(builder::config);
    Map.of(
            "spark.kubernetes.container.image", IMAGE,
            "spark.kubernetes.executor.pod.featureSteps", PoolStep.class.getName(),
            "spark.executor.memory", "512m",
            "spark.dynamicAllocation.enabled", "true",
            "spark.dynamicAllocation.shuffleTracking.enabled", "true",
            "spark.dynamicAllocation.shuffleTracking.timeout", "3s",
            "spark.dynamicAllocation.executorIdleTimeout", "3s",
            "spark.dynamicAllocation.schedulerBacklogTimeout", "1s",
            "spark.dynamicAllocation.maxExecutors", "3",
            "spark.decommission.enabled", "true")
        .forEach(builder::config);
    spark = builder.getOrCreate();
  }

  @AfterAll
  static void stop() {
    try (FakeCluster ignored = cluster) {
      if (spark != null) {
        spark.stop();
      }
    }
  }

  @Test
  @Order(1)
  void executorsRunOnTheNodesThatTheirSelectorNames() throws Exception {
    HeldTasks tasks = new HeldTasks(folder.resolve("nodes"));
    CompletableFuture<List<Ran>> job = tasks.run(spark, 2);
    tasks.awaitStarted(2);
    Set<String> addresses =
        cluster.executors().stream()
            .map(each -> each.getStatus().getPodIP())
            .collect(Collectors.toSet());
    assertThat(cluster.executors())
        .hasSize(2)
        .allSatisfy(each -> assertThat(each.getSpec().getNodeName()).isEqualTo("cpu-1"));
    tasks.release();
    assertThat(job.get())
        .extracting(Ran::host)
        .doesNotHaveDuplicates()
        .allSatisfy(host -> assertThat(addresses).contains(host));
  }

  @Test
  @Order(2)
  void aKilledExecutorIsReplaced() throws Exception {
    HeldTasks tasks = new HeldTasks(folder.resolve("killed"));
    CompletableFuture<List<Ran>> job = tasks.run(spark, 2);
    String victim = tasks.awaitStarted(2).get(0).executor();
    cluster.kill(executor(victim));
    assertThat(tasks.awaitStarted(3)).extracting(Ran::executor).contains(victim);
    tasks.release();
    assertThat(job.get()).extracting(Ran::executor).hasSize(2).doesNotContain(victim);
  }

  @Test
  @Order(3)
  void aReclaimedExecutorFinishesItsTask() throws Exception {
    HeldTasks tasks = new HeldTasks(folder.resolve("reclaimed"));
    CompletableFuture<List<Ran>> job = tasks.run(spark, 1);
    String leaving = tasks.awaitStarted(1).get(0).executor();
    Pod pod = executor(leaving);
    cluster.reclaim(pod, Duration.ofSeconds(60));
    cluster.awaitPod("it terminates", each -> isTerminating(each, pod));
    tasks.release();
    assertThat(job.get()).extracting(Ran::executor).containsExactly(leaving);
    assertThat(tasks.awaitStarted(1)).hasSize(1);
    cluster.awaitNoPod("the reclaimed one", each -> isSame(each, pod));
  }

  @Test
  @Order(4)
  void gpuTasksGetTheirAddressesAndAPodTooManyWaits() throws Exception {
    ResourceProfile profile =
        new ResourceProfileBuilder()
            .require(
                new ExecutorResourceRequests()
                    .cores(1)
                    .memory("512m")
                    .resource("gpu", 1, cluster.gpuDiscoveryScript().toString(), "nvidia.com"))
            .require(new TaskResourceRequests().cpus(1).resource("gpu", 1))
            .build();
    HeldTasks tasks = new HeldTasks(folder.resolve("gpu"));
    CompletableFuture<List<Ran>> job = tasks.run(spark, 3, profile);
    List<Ran> first = tasks.awaitStarted(2);
    assertThat(first).extracting(Ran::gpus).containsExactlyInAnyOrder(List.of("0"), List.of("1"));
    assertThat(first)
        .allSatisfy(
            ran -> assertThat(executor(ran.executor()).getSpec().getNodeName()).isEqualTo("gpu-1"));
    Pod waiting =
        cluster.awaitPod(
            "one is unschedulable",
            pod ->
                pod.getStatus().getConditions().stream()
                    .anyMatch(c -> "Unschedulable".equals(c.getReason())));
    assertThat(waiting.getStatus().getPhase()).isEqualTo("Pending");
    assertThat(waiting.getStatus().getConditions().get(0).getMessage())
        .startsWith("0/3 nodes are available: 1 Insufficient nvidia.com/gpu, 2 node(s) didn't");
    tasks.release();
    assertThat(job.get()).hasSize(3);
  }

  @Test
  @Order(5)
  void idleExecutorsLeave() {
    cluster.awaitNoPod("executors after their idle timeout", pod -> true);
  }

  @Test
  @Order(6)
  void aDriverAsksForWhatItsRoleAllows() {
    assumeThat(cluster.mock()).as("a real server tells it in its audit log").isPresent();
    assertThat(cluster.mock().orElseThrow().requests())
        .extracting(asked -> asked.verb() + " " + asked.resource())
        .contains("create pods", "create configmaps", "watch pods", "list pods")
        .isSubsetOf(
            "create pods",
            "get pods",
            "list pods",
            "watch pods",
            "delete pods",
            "deletecollection pods",
            "patch pods",
            "create configmaps");
  }

  private static Pod executor(String id) {
    return cluster.executors().stream()
        .filter(pod -> id.equals(pod.getMetadata().getLabels().get("spark-exec-id")))
        .findFirst()
        .orElseThrow(
            () -> new IllegalStateException("no executor " + id + ":\n" + cluster.describe()));
  }

  private static boolean isTerminating(Pod each, Pod pod) {
    return isSame(each, pod) && each.getMetadata().getDeletionTimestamp() != null;
  }

  private static boolean isSame(Pod each, Pod pod) {
    return each.getMetadata().getUid().equals(pod.getMetadata().getUid());
  }
}
