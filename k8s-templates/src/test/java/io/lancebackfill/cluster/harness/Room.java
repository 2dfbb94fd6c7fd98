package io.lancebackfill.cluster.harness;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.Taint;
import io.fabric8.kubernetes.api.model.Toleration;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/** Whether a pod fits a node, and if not, why: those filters of the scheduler that Spark meets. */
final class Room {
  private Room() {}

  /** Empty if the pod fits; else the scheduler's words from the first filter that says no. */
  static List<String> reasons(Pod pod, Node node, List<Pod> podsOfCluster) {
    if (pod.getSpec().getAffinity() != null) {
      throw new UnsupportedOperationException(
          "pod "
              + pod.getMetadata().getName()
              + " has an affinity, which the test scheduler does not know: use a node selector");
    }
    if (Boolean.TRUE.equals(node.getSpec().getUnschedulable())) {
      return List.of("node(s) were unschedulable");
    }
    for (Taint taint : node.getSpec().getTaints()) {
      if (!"PreferNoSchedule".equals(taint.getEffect())
          && pod.getSpec().getTolerations().stream().noneMatch(t -> tolerates(t, taint))) {
        return List.of(
            String.format(
                "node(s) had untolerated taint {%s: %s}",
                taint.getKey(), Objects.toString(taint.getValue(), "")));
      }
    }
    Map<String, String> selector = pod.getSpec().getNodeSelector();
    if (selector != null
        && !node.getMetadata().getLabels().entrySet().containsAll(selector.entrySet())) {
      return List.of("node(s) didn't match Pod's node affinity/selector");
    }
    return shortOf(pod, node, podsOfCluster);
  }

  private static List<String> shortOf(Pod pod, Node node, List<Pod> podsOfCluster) {
    Map<String, BigDecimal> free = free(node, podsOfCluster);
    List<String> reasons = new ArrayList<>();
    requests(pod)
        .forEach(
            (resource, wanted) -> {
              BigDecimal there = free.getOrDefault(resource, BigDecimal.ZERO);
              if (wanted.signum() > 0 && there.compareTo(wanted) < 0) {
                reasons.add(resource.equals("pods") ? "Too many pods" : "Insufficient " + resource);
              }
            });
    return reasons;
  }

  static boolean ended(Pod pod) {
    return pod.getStatus() != null
        && List.of("Succeeded", "Failed").contains(String.valueOf(pod.getStatus().getPhase()));
  }

  /** Allocatable less the requests of the node's pods that have not ended. */
  static Map<String, BigDecimal> free(Node node, List<Pod> podsOfCluster) {
    Map<String, BigDecimal> free = new TreeMap<>();
    node.getStatus()
        .getAllocatable()
        .forEach((resource, quantity) -> free.put(resource, quantity.getNumericalAmount()));
    for (Pod pod : podsOfCluster) {
      if (node.getMetadata().getName().equals(pod.getSpec().getNodeName()) && !ended(pod)) {
        requests(pod)
            .forEach(
                (resource, used) ->
                    free.computeIfPresent(resource, (r, had) -> had.subtract(used)));
      }
    }
    return free;
  }

  /** What a pod requests; a limit stands in for a request that is absent, as the API says. */
  static Map<String, BigDecimal> requests(Pod pod) {
    Map<String, BigDecimal> requests = new LinkedHashMap<>();
    requests.put("pods", BigDecimal.ONE);
    for (Container container : pod.getSpec().getContainers()) {
      Map<String, Quantity> effective = new LinkedHashMap<>();
      if (container.getResources() != null) {
        if (container.getResources().getLimits() != null) {
          effective.putAll(container.getResources().getLimits());
        }
        if (container.getResources().getRequests() != null) {
          effective.putAll(container.getResources().getRequests());
        }
      }
      effective.forEach(
          (resource, quantity) ->
              requests.merge(resource, quantity.getNumericalAmount(), BigDecimal::add));
    }
    return requests;
  }

  private static boolean tolerates(Toleration toleration, Taint taint) {
    return (isEmpty(toleration.getEffect()) || toleration.getEffect().equals(taint.getEffect()))
        && (isEmpty(toleration.getKey()) || toleration.getKey().equals(taint.getKey()))
        && ("Exists".equals(toleration.getOperator())
            || Objects.toString(toleration.getValue(), "")
                .equals(Objects.toString(taint.getValue(), "")));
  }

  private static boolean isEmpty(String text) {
    return text == null || text.isEmpty();
  }
}
