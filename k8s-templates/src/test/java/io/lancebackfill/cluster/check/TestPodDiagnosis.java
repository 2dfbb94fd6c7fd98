package io.lancebackfill.cluster.check;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.ContainerState;
import io.fabric8.kubernetes.api.model.ContainerStateBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.PodStatus;
import io.fabric8.kubernetes.api.model.PodStatusBuilder;
import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.check.Finding.Severity;
import io.lancebackfill.cluster.spark.ExecutorGroupStep;
import io.lancebackfill.cluster.spark.GroupPods;
import io.lancebackfill.cluster.spark.OrphanedPods;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class TestPodDiagnosis {
  private static final String TAINT =
      "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had"
          + " untolerated taint {nvidia.com/gpu: present}. preemption: 0/2 nodes are available: 2"
          + " Preemption is not helpful for scheduling.";
  private static final String FULL =
      "0/2 nodes are available: 1 Insufficient nvidia.com/gpu, 1 node(s) didn't match Pod's node"
          + " affinity/selector. preemption: 0/2 nodes are available: 1 No preemption victims found"
          + " for incoming pod, 1 Preemption is not helpful for scheduling.";

  private static final ClusterSpec CLUSTER =
      ClusterSpec.parse(
          """
          name: c
          type: kubernetes
          namespace: ml
          image: i:1
          worker_groups:
          - {name: cpu, memory: 4Gi, node_selector: {pool: cpu}}
          - {name: gpu, num_cpus: 64, memory: 4Gi, num_gpus: 1, node_selector: {pool: gpu}}
          """);

  private ScriptedApiServer server;

  @BeforeEach
  void start() {
    server = new ScriptedApiServer();
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private List<Finding> diagnose() {
    return new PodDiagnosis(server.client(), "ml").application("app-1");
  }

  private static Pod pod(String name, String group, PodStatus status) {
    return new PodBuilder(GroupPods.sample(CLUSTER, CLUSTER.group(group).orElseThrow(), name))
        .editMetadata()
        .addToLabels("spark-app-selector", "app-1")
        .addToLabels("spark-role", "executor")
        .endMetadata()
        .withStatus(status)
        .build();
  }

  private static PodStatus unschedulable(String message) {
    return new PodStatusBuilder()
        .withPhase("Pending")
        .addNewCondition()
        .withType("PodScheduled")
        .withStatus("False")
        .withReason("Unschedulable")
        .withMessage(message)
        .endCondition()
        .build();
  }

  private static PodStatus container(String phase, ContainerState state) {
    return new PodStatusBuilder()
        .withPhase(phase)
        .addNewContainerStatus()
        .withName(GroupPods.CONTAINER)
        .withState(state)
        .endContainerStatus()
        .build();
  }

  private static PodStatus waiting(String reason, String message) {
    return container(
        "Pending",
        new ContainerStateBuilder()
            .withNewWaiting()
            .withReason(reason)
            .withMessage(message)
            .endWaiting()
            .build());
  }

  private static PodStatus terminated(int exitCode, String reason) {
    return container(
        "Failed",
        new ContainerStateBuilder()
            .withNewTerminated()
            .withExitCode(exitCode)
            .withReason(reason)
            .endTerminated()
            .build());
  }

  private void nodes() {
    server.node("cpu-1", Map.of("pool", "cpu"), "", "cpu", "4", "memory", "16Gi");
    server.node(
        "gpu-1",
        Map.of("pool", "gpu"),
        "nvidia.com/gpu",
        "cpu",
        "4",
        "memory",
        "16Gi",
        "nvidia.com/gpu",
        "2");
  }

  @Test
  void withPodsAloneTheSchedulersReasonIsTold() {
    server.hidden.addAll(List.of("nodes", "events"));
    server.add(pod("e1", "gpu", unschedulable(TAINT)));
    server.add(pod("e2", "gpu", unschedulable(TAINT)));

    assertThat(diagnose())
        .extracting(Finding::toString)
        .containsExactly(
            "[POD_UNSCHEDULABLE] no node takes 2 pods (e1, e2): the scheduler says: 1 of 2 node(s)"
                + " didn't match Pod's node affinity/selector, 1 of 2 node(s) had untolerated taint"
                + " {nvidia.com/gpu: present}. Give the group a node_selector whose labels its"
                + " pool's nodes have, or label the nodes; give the group a toleration of"
                + " nvidia.com/gpu.");
    assertThat(diagnose()).extracting(Finding::severity).containsExactly(Severity.ERROR);
  }

  @Test
  void withNodesWhatTheFirstFilterHidesIsToldToo() {
    nodes();
    server.add(pod("e1", "gpu", unschedulable(TAINT)));

    assertThat(diagnose())
        .extracting(Finding::toString)
        .containsExactly(
            "[POD_UNSCHEDULABLE] no node takes pod e1: the scheduler says: 1 of 2 node(s) didn't"
                + " match Pod's node affinity/selector, 1 of 2 node(s) had untolerated taint"
                + " {nvidia.com/gpu: present}; node gpu-1 has the taint"
                + " nvidia.com/gpu=present:NoSchedule, which is not tolerated, has cpu 4 of 64; node"
                + " cpu-1 has pool=cpu, not gpu, has cpu 4 of 64, has nvidia.com/gpu 0 of 1. Give"
                + " the group a toleration of nvidia.com/gpu=present:NoSchedule; lower num_cpus of"
                + " the group, or use nodes with more cpu.");
  }

  @Test
  void aFullPoolMayPass() {
    server.hidden.add("nodes");
    server.add(pod("e1", "gpu", unschedulable(FULL)));

    assertThat(diagnose())
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.severity()).isEqualTo(Severity.WARNING);
              assertThat(finding.remedy())
                  .isEqualTo(
                      "Wait until others give back nvidia.com/gpu, add nodes to the pool, or lower"
                          + " num_gpus or max_replicas of the group");
            });
  }

  @Test
  void theAutoscalersWordCounts() {
    server.event(
        server.add(pod("up", "gpu", unschedulable(FULL))),
        "TriggeredScaleUp",
        "pod triggered scale-up: [{gpu-pool 0->1 (max: 4)}]");
    server.event(
        server.add(pod("stuck", "cpu", unschedulable(FULL))),
        "NotTriggerScaleUp",
        "pod didn't trigger scale-up: 1 max node group size reached");

    assertThat(diagnose())
        .extracting(f -> f.code() + " " + f.severity() + " " + f.cause())
        .satisfiesExactlyInAnyOrder(
            up -> assertThat(up).startsWith("POD_STARTING INFO").contains("gpu-pool 0->1 (max: 4)"),
            stuck ->
                assertThat(stuck)
                    .startsWith("POD_UNSCHEDULABLE ERROR")
                    .contains("max node group size reached", "there are no nodes"));
  }

  @ParameterizedTest
  @CsvSource({
    "ErrImagePull, IMAGE_PULL_FAILED",
    "ImagePullBackOff, IMAGE_PULL_FAILED",
    "InvalidImageName, IMAGE_PULL_FAILED",
    "CreateContainerConfigError, CONTAINER_CONFIG_INVALID",
    "RunContainerError, CONTAINER_START_FAILED",
    "ContainerCreating, POD_STARTING"
  })
  void ofAContainerThatWaits(String reason, FindingCode code) {
    server.add(pod("e1", "cpu", waiting(reason, "secret \"hugging-face\" not found")));

    assertThat(diagnose())
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.code()).isEqualTo(code);
              assertThat(finding.cause()).startsWith(reason);
              assertThat(finding.problem()).endsWith(" pod e1");
            });
  }

  @Test
  void ofAVolumeThatCannotBeMounted() {
    server.event(
        server.add(pod("e1", "cpu", waiting("ContainerCreating", null))),
        "FailedMount",
        "MountVolume.SetUp failed for volume \"v\": configmap \"gone\" not found");

    assertThat(diagnose())
        .singleElement()
        .hasToString(
            "[VOLUME_MOUNT_FAILED] a volume is missing to pod e1: FailedMount: MountVolume.SetUp failed"
                + " for volume \"v\": configmap \"gone\" not found. Create what the volume names, or"
                + " mend its claim.");
  }

  static Stream<Arguments> ends() {
    return Stream.of(
        Arguments.of(
            terminated(137, "OOMKilled"),
            FindingCode.EXECUTOR_OUT_OF_MEMORY,
            "exit code 137, OOMKilled"),
        Arguments.of(terminated(137, "Error"), FindingCode.EXECUTOR_KILLED, "exit code 137, Error"),
        Arguments.of(terminated(1, "Error"), FindingCode.EXECUTOR_FAILED, "exit code 1, Error"),
        Arguments.of(
            new PodStatusBuilder()
                .withPhase("Failed")
                .withReason("Evicted")
                .withMessage("The node was low on resource: memory.")
                .build(),
            FindingCode.POD_EVICTED,
            "The node was low on resource: memory."),
        Arguments.of(
            new PodStatusBuilder()
                .withPhase("Failed")
                .withReason("Terminated")
                .withMessage("Pod was terminated in response to imminent node shutdown.")
                .build(),
            FindingCode.NODE_LOST,
            "Terminated: Pod was terminated in response to imminent node shutdown."),
        Arguments.of(
            new PodStatusBuilder(terminated(143, "Error"))
                .addNewCondition()
                .withType("DisruptionTarget")
                .withStatus("True")
                .withReason("DeletionByTaintManager")
                .withMessage("Taint manager: deleting due to NoExecute taint")
                .endCondition()
                .build(),
            FindingCode.NODE_LOST,
            "DeletionByTaintManager: Taint manager: deleting due to NoExecute taint"),
        Arguments.of(
            new PodStatusBuilder().withPhase("Unknown").build(),
            FindingCode.NODE_LOST,
            "its node does not answer"),
        Arguments.of(
            new PodStatusBuilder()
                .withPhase("Failed")
                .withReason("UnexpectedAdmissionError")
                .build(),
            FindingCode.EXECUTOR_FAILED,
            "UnexpectedAdmissionError: no message"));
  }

  @ParameterizedTest
  @MethodSource("ends")
  void ofAPodThatEnded(PodStatus status, FindingCode code, String cause) {
    server.add(pod("e1", "cpu", status));

    assertThat(diagnose())
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.code()).isEqualTo(code);
              assertThat(finding.cause()).isEqualTo(cause);
              assertThat(finding.remedy()).isNotEmpty();
            });
  }

  @Test
  void podsThatRunOrEndedWellAreNoFinding() {
    server.add(pod("runs", "cpu", new PodStatusBuilder().withPhase("Running").build()));
    server.add(pod("done", "cpu", new PodStatusBuilder().withPhase("Succeeded").build()));
    server.add(
        new PodBuilder(pod("other", "cpu", unschedulable(TAINT)))
            .editMetadata()
            .addToLabels("spark-app-selector", "app-2")
            .endMetadata()
            .build());

    assertThat(diagnose()).isEmpty();
  }

  @Test
  void aPlacementThatWasUnreadableIsTold() {
    server.add(
        new PodBuilder(pod("e1", "cpu", unschedulable(TAINT)))
            .editMetadata()
            .addToAnnotations(ExecutorGroupStep.FAULT, "memory: it is missing")
            .endMetadata()
            .build());

    assertThat(diagnose())
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.code()).isEqualTo(FindingCode.PLACEMENT_UNREADABLE);
              assertThat(finding.cause()).endsWith("memory: it is missing");
            });
  }

  @Test
  void aGroupWithoutAnyPodIsAskedForByADryRun() {
    server.add(pod("runs", "cpu", new PodStatusBuilder().withPhase("Running").build()));
    server.refusal =
        Map.entry(403, "pods \"x\" is forbidden: exceeded quota: q, requested: pods=1");

    assertThat(
            new PodDiagnosis(server.client(), "ml")
                .application("app-1", CLUSTER, CLUSTER.workerGroups()))
        .extracting(finding -> finding.code() + " " + finding.problem())
        .containsExactly("QUOTA_EXCEEDED the API server refuses pods of group gpu");
  }

  @Test
  void whatADeadDriverLeftIsRemoved() {
    // Of the one that runs, the driver may be at other work by now.
    for (String application : List.of("dead", "live", "other", "running")) {
      server.add(
          new PodBuilder()
              .withNewMetadata()
              .withName(application + "-exec-1")
              .addToLabels("spark-app-selector", application)
              .addToLabels("spark-role", "executor")
              .addToLabels("lance-backfill/job", application.equals("other") ? "day" : "night")
              .endMetadata()
              .withNewSpec()
              .endSpec()
              .withNewStatus()
              .withPhase(application.equals("running") ? "Running" : "Pending")
              .endStatus()
              .build());
      server
          .client()
          .configMaps()
          .inNamespace("ml")
          .resource(
              new ConfigMapBuilder()
                  .withNewMetadata()
                  .withName(application + "-conf-map")
                  .addToLabels("spark-app-selector", application)
                  .endMetadata()
                  .build())
          .create();
    }

    assertThat(OrphanedPods.remove(server.client(), "ml", "night", "live")).containsExactly("dead");

    assertThat(server.client().pods().inNamespace("ml").list().getItems())
        .extracting(pod -> pod.getMetadata().getName())
        .containsExactlyInAnyOrder("live-exec-1", "other-exec-1", "running-exec-1");
    assertThat(server.client().configMaps().inNamespace("ml").list().getItems())
        .extracting(map -> map.getMetadata().getName())
        .containsExactlyInAnyOrder("live-conf-map", "other-conf-map", "running-conf-map");
    assertThat(OrphanedPods.remove(server.client(), "ml", "night", "live")).isEmpty();
  }

  @Test
  void podsThatMayNotBeListed() {
    server.hidden.add("pods");

    assertThat(diagnose())
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.code()).isEqualTo(FindingCode.RIGHTS_MISSING);
              assertThat(finding.cause()).contains("cannot list resource \"pods\"");
            });
  }
}
