package io.lancebackfill.cluster.check;

import io.fabric8.kubernetes.api.model.ContainerStateRunning;
import io.fabric8.kubernetes.api.model.ContainerStatus;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodCondition;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What pods waited for before their containers ran. Read from the pods alone, so that a driver
 * without the right to read events knows it; Kubernetes keeps most of these times in whole seconds.
 *
 * @param node the longest from a pod's creation until it had a node, where nodes are added on
 *     demand their start as well
 * @param imagePull the longest from there until its container ran: its volumes, its image
 */
public record PodStart(Duration node, Duration imagePull) {

  /**
   * Of executors that run, or empty if the pod of none of them is there any more.
   *
   * @throws io.fabric8.kubernetes.client.KubernetesClientException if pods cannot be read
   */
  public static Optional<PodStart> ofExecutors(
      KubernetesClient client, String namespace, String applicationId, Collection<String> ids) {
    return longest(
        client
            .pods()
            .inNamespace(namespace)
            .withLabel("spark-app-selector", applicationId)
            .withLabelIn("spark-exec-id", ids.toArray(String[]::new))
            .list()
            .getItems());
  }

  static Optional<PodStart> longest(List<Pod> pods) {
    return pods.stream()
        .flatMap(pod -> of(pod).stream())
        .reduce(
            (a, b) ->
                new PodStart(longer(a.node(), b.node()), longer(a.imagePull(), b.imagePull())));
  }

  private static Optional<PodStart> of(Pod pod) {
    Instant created = at(pod.getMetadata().getCreationTimestamp());
    Instant scheduled =
        PodSymptoms.condition(pod, "PodScheduled", "True")
            .map(PodCondition::getLastTransitionTime)
            .map(PodStart::at)
            .orElse(null);
    if (created == null || scheduled == null) {
      return Optional.empty();
    }
    return pod.getStatus().getContainerStatuses().stream()
        .flatMap(PodStart::startedAt)
        .max(Instant::compareTo)
        .map(started -> new PodStart(between(created, scheduled), between(scheduled, started)));
  }

  private static Stream<Instant> startedAt(ContainerStatus container) {
    ContainerStateRunning running =
        container.getState() == null ? null : container.getState().getRunning();
    return Stream.ofNullable(running == null ? null : at(running.getStartedAt()));
  }

  private static @Nullable Instant at(@Nullable String time) {
    return time == null ? null : Instant.parse(time);
  }

  /** Not below zero: one of the times has been cut to seconds, the other may not. */
  private static Duration between(Instant from, Instant to) {
    return to.isBefore(from) ? Duration.ZERO : Duration.between(from, to);
  }

  private static Duration longer(Duration a, Duration b) {
    return a.compareTo(b) > 0 ? a : b;
  }
}
