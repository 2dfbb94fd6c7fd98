package io.lancebackfill.cluster.harness;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.ContainerStateTerminated;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import io.lancebackfill.cluster.harness.api.MockApiServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pods of plain shells; FakeClusterIT has Spark in them. */
class TestFakeCluster {
  private static final String IMAGE = "tools:1";
  private static final String FOREVER = "while true; do sleep 0.1; done";

  @TempDir static Path inImage;

  private static FakeCluster cluster;

  @BeforeAll
  static void start() throws IOException {
    Files.writeString(inImage.resolve("hello"), "hello from the image");
    cluster =
        FakeCluster.in(Path.of("target/fake-cluster/TestFakeCluster"))
            .node(NodeSpec.named("cpu-1").withLabel("pool", "cpu").withCapacity("cpu", "2"))
            .node(
                NodeSpec.named("gpu-1")
                    .withLabel("pool", "gpu")
                    .withTaint("nvidia.com/gpu", "present", "NoSchedule")
                    .withCapacity(NodeSpec.GPU, "3"))
            .image(
                IMAGE,
                LocalImage.of("")
                    .withPath("/opt/files", inImage)
                    .withEnvironment("FROM_IMAGE", "yes"))
            .start();
  }

  @AfterAll
  static void stop() {
    if (cluster != null) {
      cluster.close();
    }
  }

  @AfterEach
  void removePods() {
    cluster.client().pods().withGracePeriod(0).delete();
    cluster.awaitNoPod("any", pod -> true);
    cluster.client().v1().events().delete();
    cluster.client().configMaps().delete();
    cluster.client().secrets().delete();
  }

  @Test
  void containerRunsAndItsExitCodeIsOnThePod() {
    create("good", "cat /opt/files/hello; echo $FROM_IMAGE $MINE");
    create("bad", "exit 3");
    awaitPhase("good", "Succeeded");
    assertThat(cluster.log("good")).isEqualTo("hello from the imageyes mine\n");
    assertThat(terminated(awaitPhase("bad", "Failed")))
        .extracting(ContainerStateTerminated::getExitCode, ContainerStateTerminated::getReason)
        .containsExactly(3, "Error");
  }

  @Test
  void theMockGivesLogs() {
    assumeThat(cluster.mock()).as("a real server asks a real kubelet").isPresent();
    create("a", "echo one; echo two");
    awaitPhase("a", "Succeeded");
    assertThat(cluster.client().pods().withName("a").getLog()).isEqualTo("one\ntwo");
    assertThat(cluster.client().pods().withName("a").tailingLines(1).getLog()).isEqualTo("two");
  }

  @Test
  void eachPodHasItsOwnAddress() {
    create("a", "echo $ADDRESS");
    create("b", "echo $ADDRESS");
    Pod a = awaitPhase("a", "Succeeded");
    Pod b = awaitPhase("b", "Succeeded");
    assertThat(a.getStatus().getPodIP()).startsWith("127.").isNotEqualTo(b.getStatus().getPodIP());
    assertThat(cluster.log("a")).isEqualTo(a.getStatus().getPodIP() + "\n");
  }

  @Test
  void unschedulablePodSaysWhy() {
    create("a", FOREVER, p -> p.editSpec().addToNodeSelector("pool", "tpu").endSpec());
    create("b", FOREVER, p -> requesting(p, Map.of("cpu", "3")));
    assertThat(unschedulable("a"))
        .isEqualTo(
            "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1"
                + " node(s) had untolerated taint {nvidia.com/gpu: present}. preemption: 0/2 nodes"
                + " are available: 2 Preemption is not helpful for scheduling.");
    assertThat(unschedulable("b"))
        .startsWith("0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint");
    assertThat(cluster.client().v1().events().list().getItems())
        .filteredOn(event -> event.getInvolvedObject().getName().equals("a"))
        .extracting(event -> event.getReason() + " " + event.getMessage())
        .containsExactly("FailedScheduling " + unschedulable("a"));
  }

  @Test
  void aNewNodeTakesPodsThatWaited() {
    create("a", FOREVER, p -> p.editSpec().addToNodeSelector("pool", "late").endSpec());
    unschedulable("a");
    cluster.addNode(NodeSpec.named("late-1").withLabel("pool", "late"));
    assertThat(awaitPhase("a", "Running").getSpec().getNodeName()).isEqualTo("late-1");
    cluster.client().nodes().withName("late-1").delete();
  }

  @Test
  void podsOfANodeHoldDifferentDevices() {
    create("a", "echo $NVIDIA_VISIBLE_DEVICES; " + FOREVER, p -> withGpus(p, 1));
    awaitPhase("a", "Running");
    create("b", "echo $NVIDIA_VISIBLE_DEVICES; " + FOREVER, p -> withGpus(p, 2));
    awaitPhase("b", "Running");
    create("c", FOREVER, p -> withGpus(p, 1));
    assertThat(unschedulable("c")).contains("2 Insufficient nvidia.com/gpu");
    awaitLog("a", "0\n");
    awaitLog("b", "1,2\n");
    cluster.client().pods().withName("a").withGracePeriod(0).delete();
    assertThat(awaitPhase("c", "Running").getSpec().getNodeName()).isEqualTo("gpu-1");
  }

  @Test
  void endsOfPodsAreToldAsKubernetesTellsThem() {
    for (String name : List.of("killed", "oom", "evicted")) {
      create(name, FOREVER);
      awaitPhase(name, "Running");
    }
    cluster.kill(pod("killed"));
    assertThat(terminated(awaitPhase("killed", "Failed")))
        .extracting(ContainerStateTerminated::getExitCode, ContainerStateTerminated::getReason)
        .containsExactly(137, "Error");
    cluster.oomKill(pod("oom"));
    assertThat(terminated(awaitPhase("oom", "Failed")))
        .extracting(ContainerStateTerminated::getExitCode, ContainerStateTerminated::getReason)
        .containsExactly(137, "OOMKilled");
    cluster.evict(pod("evicted"));
    assertThat(awaitPhase("evicted", "Failed").getStatus())
        .extracting("reason", "message")
        .containsExactly("Evicted", "The node was low on resource: memory.");
  }

  @Test
  void shutdownOfANodeEndsItsPodsOnly() {
    create("here", FOREVER);
    create("there", FOREVER, p -> withGpus(p, 1));
    awaitPhase("here", "Running");
    awaitPhase("there", "Running");
    cluster.shutDown("gpu-1");
    assertThat(awaitPhase("there", "Failed").getStatus().getReason()).isEqualTo("Terminated");
    assertThat(pod("here").getStatus().getPhase()).isEqualTo("Running");
  }

  @Test
  void aReclaimedPodGetsNoticeAndMayFinish() {
    create(
        "a",
        "trap 'echo noticed; sleep 0.3; echo finished; exit 0' PWR; echo ready; " + FOREVER,
        p ->
            p.editSpec()
                .editFirstContainer()
                .withNewLifecycle()
                .withNewPreStop()
                .withNewExec()
                .withCommand("/opt/decom.sh")
                .endExec()
                .endPreStop()
                .endLifecycle()
                .endContainer()
                .endSpec());
    awaitPhase("a", "Running");
    awaitLog("a", "ready\n");
    cluster.reclaim(pod("a"), Duration.ofSeconds(30));
    cluster.awaitNoPod("a", pod -> true);
    assertThat(cluster.log("a")).isEqualTo("ready\nnoticed\nfinished\n");
  }

  @Test
  void whatIgnoresItsNoticeIsKilledWhenThatIsOver() {
    create("a", "trap 'echo no' TERM; echo ready; " + FOREVER);
    awaitPhase("a", "Running");
    awaitLog("a", "ready\n");
    cluster.reclaim(pod("a"), Duration.ofSeconds(1));
    cluster.awaitNoPod("a", pod -> true);
    assertThat(cluster.log("a")).isEqualTo("ready\nno\n");
  }

  @Test
  void aPodWaitsForWhatItMounts() {
    create(
        "a",
        "cat /etc/app/text",
        p ->
            p.editSpec()
                .addNewVolume()
                .withName("app")
                .withNewConfigMap()
                .withName("app")
                .endConfigMap()
                .endVolume()
                .editFirstContainer()
                .addNewVolumeMount()
                .withName("app")
                .withMountPath("/etc/app")
                .endVolumeMount()
                .endContainer()
                .endSpec());
    assertThat(waiting("a", "ContainerCreating")).contains("configmap \"app\" not found");
    cluster
        .client()
        .configMaps()
        .resource(
            new ConfigMapBuilder()
                .withNewMetadata()
                .withName("app")
                .endMetadata()
                .addToData("text", "see /etc/app/other\n")
                .build())
        .create();
    awaitPhase("a", "Succeeded");
    assertThat(cluster.log("a")).matches("see /.*/volumes/app/other\n");
  }

  @Test
  void variablesComeFromSecrets() {
    create(
        "a",
        "echo $TOKEN",
        p ->
            p.editSpec()
                .editFirstContainer()
                .addNewEnv()
                .withName("TOKEN")
                .withNewValueFrom()
                .withNewSecretKeyRef("token", "s", null)
                .endValueFrom()
                .endEnv()
                .endContainer()
                .endSpec());
    assertThat(waiting("a", "CreateContainerConfigError")).isEqualTo("secret \"s\" not found");
    cluster
        .client()
        .secrets()
        .resource(
            new SecretBuilder()
                .withNewMetadata()
                .withName("s")
                .endMetadata()
                .addToData("token", "aHVzaA==")
                .build())
        .create();
    awaitPhase("a", "Succeeded");
    assertThat(cluster.log("a")).isEqualTo("hush\n");
  }

  @Test
  void anUnknownImageCannotBePulled() {
    create(
        "a",
        "exit 0",
        p -> p.editSpec().editFirstContainer().withImage("no:1").endContainer().endSpec());
    assertThat(waiting("a", "ImagePullBackOff")).contains("no:1");
  }

  @Test
  void closingFailsWhenAPodIsLeft(@TempDir Path folder) throws IOException {
    FakeCluster other = FakeCluster.in(folder.resolve("c")).start(new MockApiServer());
    other.client().pods().resource(new PodBuilder(shell("left", "exit 0")).build()).create();
    assertThatThrownBy(() -> other.close(Duration.ofMillis(200)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("pod left, Pending");
  }

  private static PodBuilder requesting(PodBuilder pod, Map<String, String> amounts) {
    amounts.forEach(
        (resource, amount) ->
            pod.editSpec()
                .editFirstContainer()
                .editOrNewResources()
                .addToLimits(resource, new Quantity(amount))
                .endResources()
                .endContainer()
                .endSpec());
    return pod;
  }

  private static PodBuilder withGpus(PodBuilder pod, int gpus) {
    return requesting(pod, Map.of(NodeSpec.GPU, String.valueOf(gpus)))
        .editSpec()
        .addNewToleration()
        .withKey("nvidia.com/gpu")
        .withOperator("Exists")
        .endToleration()
        .endSpec();
  }

  private static void create(String name, String script) {
    create(name, script, UnaryOperator.identity());
  }

  private static void create(String name, String script, UnaryOperator<PodBuilder> change) {
    PodBuilder pod = change.apply(new PodBuilder(shell(name, script)));
    cluster.client().pods().resource(pod.build()).create();
  }

  private static Pod shell(String name, String script) {
    return new PodBuilder()
        .withNewMetadata()
        .withName(name)
        .endMetadata()
        .withNewSpec()
        .withRestartPolicy("Never")
        .addNewContainer()
        .withName("c")
        .withImage(IMAGE)
        .withCommand("sh", "-c", script)
        .addNewEnv()
        .withName("MINE")
        .withValue("mine")
        .endEnv()
        .addNewEnv()
        .withName("ADDRESS")
        .withNewValueFrom()
        .withNewFieldRef(null, "status.podIP")
        .endValueFrom()
        .endEnv()
        .endContainer()
        .endSpec()
        .build();
  }

  private static Pod pod(String name) {
    return cluster.client().pods().withName(name).get();
  }

  private static Pod awaitPhase(String name, String phase) {
    return cluster.awaitPod(
        name + " is " + phase,
        pod ->
            pod.getMetadata().getName().equals(name) && pod.getStatus().getPhase().equals(phase));
  }

  private static void awaitLog(String name, String text) {
    cluster.awaitLog(name, text::equals);
  }

  private static ContainerStateTerminated terminated(Pod pod) {
    return pod.getStatus().getContainerStatuses().get(0).getState().getTerminated();
  }

  private static String unschedulable(String name) {
    return cluster
        .awaitPod(
            name + " is unschedulable",
            pod ->
                pod.getMetadata().getName().equals(name)
                    && pod.getStatus().getConditions().stream()
                        .anyMatch(c -> "Unschedulable".equals(c.getReason())))
        .getStatus()
        .getConditions()
        .get(0)
        .getMessage();
  }

  private static String waiting(String name, String reason) {
    return cluster
        .awaitPod(
            name + " waits: " + reason,
            pod ->
                pod.getMetadata().getName().equals(name)
                    && pod.getStatus().getContainerStatuses().stream()
                        .anyMatch(
                            c ->
                                c.getState().getWaiting() != null
                                    && c.getState().getWaiting().getReason().equals(reason)))
        .getStatus()
        .getContainerStatuses()
        .get(0)
        .getState()
        .getWaiting()
        .getMessage();
  }
}
