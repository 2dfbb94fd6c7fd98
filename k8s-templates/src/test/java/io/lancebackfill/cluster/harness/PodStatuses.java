package io.lancebackfill.cluster.harness;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerStateBuilder;
import io.fabric8.kubernetes.api.model.ContainerStatus;
import io.fabric8.kubernetes.api.model.ContainerStatusBuilder;
import io.fabric8.kubernetes.api.model.PodStatus;
import io.fabric8.kubernetes.api.model.PodStatusBuilder;
import java.time.Instant;
import java.util.List;

/** The status of a pod at each step of its life, as scheduler and kubelet write it. */
final class PodStatuses {
  private PodStatuses() {}

  static PodStatus scheduled(PodStatus before) {
    return condition(builder(before), "PodScheduled", "True").withPhase("Pending").build();
  }

  static PodStatus unschedulable(PodStatus before, String message) {
    return builder(before)
        .withPhase("Pending")
        .removeMatchingFromConditions(c -> "PodScheduled".equals(c.getType()))
        .addNewCondition()
        .withType("PodScheduled")
        .withStatus("False")
        .withReason("Unschedulable")
        .withMessage(message)
        .withLastTransitionTime(Instant.now().toString())
        .endCondition()
        .build();
  }

  /** On a node, but not started: the image or something that the container needs is missing. */
  static PodStatus waiting(PodStatus before, Container container, String reason, String message) {
    return ready(builder(before), "False")
        .withPhase("Pending")
        .withContainerStatuses(
            status(
                container,
                false,
                new ContainerStateBuilder()
                    .withNewWaiting()
                    .withReason(reason)
                    .withMessage(message)
                    .endWaiting()))
        .build();
  }

  static PodStatus running(PodStatus before, Container container, String address) {
    String now = Instant.now().toString();
    return ready(builder(before), "True")
        .withPhase("Running")
        .withPodIP(address)
        .withPodIPs(List.of())
        .addNewPodIP(address)
        .withHostIP("127.0.0.1")
        .withStartTime(now)
        .withContainerStatuses(
            status(
                container,
                true,
                new ContainerStateBuilder().withNewRunning().withStartedAt(now).endRunning()))
        .build();
  }

  static PodStatus exited(PodStatus before, Container container, int code, String reason) {
    return ready(builder(before), "False")
        .withPhase(code == 0 ? "Succeeded" : "Failed")
        .withContainerStatuses(
            status(
                container,
                false,
                new ContainerStateBuilder()
                    .withNewTerminated()
                    .withExitCode(code)
                    .withReason(reason)
                    .withStartedAt(before.getStartTime())
                    .withFinishedAt(Instant.now().toString())
                    .endTerminated()))
        .build();
  }

  /** Ended by the node, not by the container: evicted, or shut down with its node. */
  static PodStatus ended(PodStatus before, String reason, String message) {
    return ready(builder(before), "False")
        .withPhase("Failed")
        .withReason(reason)
        .withMessage(message)
        .withContainerStatuses(List.of())
        .build();
  }

  private static PodStatusBuilder builder(PodStatus before) {
    return before == null ? new PodStatusBuilder() : new PodStatusBuilder(before);
  }

  /** Spark's allocator waits for its driver's pod to be Ready. */
  private static PodStatusBuilder ready(PodStatusBuilder status, String value) {
    return condition(condition(status, "ContainersReady", value), "Ready", value);
  }

  private static PodStatusBuilder condition(PodStatusBuilder status, String type, String value) {
    return status
        .removeMatchingFromConditions(c -> type.equals(c.getType()))
        .addNewCondition()
        .withType(type)
        .withStatus(value)
        .withLastTransitionTime(Instant.now().toString())
        .endCondition();
  }

  private static ContainerStatus status(
      Container container, boolean ready, ContainerStateBuilder state) {
    return new ContainerStatusBuilder()
        .withName(container.getName())
        .withImage(container.getImage())
        .withImageID(container.getImage())
        .withRestartCount(0)
        .withReady(ready)
        .withStarted(ready)
        .withState(state.build())
        .build();
  }
}
