package io.lancebackfill.cluster.harness;

import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What is said about pods in messages. */
final class PodText {
  private PodText() {}

  /** Name, phase, node, why it waits or ended. */
  static String describe(Pod pod) {
    PodStatus status = pod.getStatus();
    List<String> parts = new ArrayList<>();
    parts.add(pod.getMetadata().getName());
    parts.add(status.getPhase());
    parts.add("on " + pod.getSpec().getNodeName());
    if (pod.getMetadata().getDeletionTimestamp() != null) {
      parts.add("terminating");
    }
    if (status.getReason() != null) {
      parts.add(status.getReason() + ": " + status.getMessage());
    }
    status.getConditions().stream()
        .filter(condition -> condition.getMessage() != null)
        .forEach(condition -> parts.add(condition.getMessage()));
    status.getContainerStatuses().stream()
        .filter(each -> each.getState().getRunning() == null)
        .forEach(each -> parts.add(each.getState().toString()));
    return String.join(", ", parts);
  }

  /** Whether it is Spark's: driver or executor. */
  static boolean hasRole(Pod pod, String role) {
    Map<String, String> labels = pod.getMetadata().getLabels();
    return labels != null && role.equals(labels.get("spark-role"));
  }
}
