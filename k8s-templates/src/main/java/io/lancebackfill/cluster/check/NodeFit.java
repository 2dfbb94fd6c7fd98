package io.lancebackfill.cluster.check;

import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.Taint;
import io.fabric8.kubernetes.api.model.Toleration;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * Whether a node takes a pod, by every filter at once: the scheduler tells the first that fails.
 * Affinities, volumes and ports are not looked at; the pods of groups have none.
 *
 * @param labels of the selector that the node lacks, with what it has instead
 * @param cordoned nothing new is put there
 * @param taints that are not tolerated, as {@code key=value:effect}
 * @param tooSmall resources of which the whole node has less than the pod requests, with numbers
 * @param full resources of which what is free is too little now, with numbers
 * @param holds pods of this kind that the node would hold if it were empty
 */
record NodeFit(
    String node,
    List<String> labels,
    boolean cordoned,
    List<String> taints,
    Map<String, String> tooSmall,
    Map<String, String> full,
    int holds) {

  static NodeFit of(Pod pod, Node node, List<Pod> podsOfCluster) {
    Map<String, BigDecimal> requests = PodRequests.of(pod);
    Map<String, BigDecimal> allocatable = allocatable(node);
    Map<String, BigDecimal> free = free(node, allocatable, podsOfCluster);
    Map<String, String> tooSmall = new TreeMap<>();
    Map<String, String> full = new TreeMap<>();
    int holds = Integer.MAX_VALUE;
    for (Map.Entry<String, BigDecimal> request : requests.entrySet()) {
      String resource = request.getKey();
      BigDecimal wanted = request.getValue();
      BigDecimal whole = allocatable.getOrDefault(resource, BigDecimal.ZERO);
      BigDecimal left = free.getOrDefault(resource, BigDecimal.ZERO);
      if (wanted.signum() <= 0) {
        continue;
      }
      holds = Math.min(holds, whole.divideToIntegralValue(wanted).intValue());
      if (whole.compareTo(wanted) < 0) {
        tooSmall.put(resource, numbers(resource, whole, wanted, "has"));
      } else if (left.compareTo(wanted) < 0) {
        full.put(resource, numbers(resource, left.max(BigDecimal.ZERO), wanted, "has free"));
      }
    }
    return new NodeFit(
        node.getMetadata().getName(),
        missingLabels(pod, node),
        node.getSpec() != null && Boolean.TRUE.equals(node.getSpec().getUnschedulable()),
        taints(pod, node),
        tooSmall,
        full,
        holds);
  }

  private static String numbers(String resource, BigDecimal has, BigDecimal wanted, String verb) {
    return "%s %s %s of %s"
        .formatted(
            verb, resource, PodRequests.text(resource, has), PodRequests.text(resource, wanted));
  }

  private static Map<String, BigDecimal> allocatable(Node node) {
    Map<String, BigDecimal> amounts = new TreeMap<>();
    if (node.getStatus() != null && node.getStatus().getAllocatable() != null) {
      node.getStatus()
          .getAllocatable()
          .forEach((name, quantity) -> amounts.put(name, amount(quantity)));
    }
    return amounts;
  }

  private static BigDecimal amount(Quantity quantity) {
    return quantity.getNumericalAmount();
  }

  private static Map<String, BigDecimal> free(
      Node node, Map<String, BigDecimal> allocatable, List<Pod> podsOfCluster) {
    Map<String, BigDecimal> free = new HashMap<>(allocatable);
    for (Pod other : podsOfCluster) {
      if (node.getMetadata().getName().equals(other.getSpec().getNodeName())
          && !PodRequests.yields(other)) {
        PodRequests.of(other)
            .forEach((name, used) -> free.computeIfPresent(name, (n, left) -> left.subtract(used)));
      }
    }
    return free;
  }

  private static List<String> missingLabels(Pod pod, Node node) {
    Map<String, String> selector =
        Objects.requireNonNullElse(pod.getSpec().getNodeSelector(), Map.of());
    Map<String, String> has = Objects.requireNonNullElse(node.getMetadata().getLabels(), Map.of());
    List<String> missing = new ArrayList<>();
    new TreeMap<>(selector)
        .forEach(
            (key, value) -> {
              if (!value.equals(has.get(key))) {
                missing.add(
                    has.containsKey(key)
                        ? "has " + key + "=" + has.get(key) + ", not " + value
                        : "has no label " + key);
              }
            });
    return List.copyOf(missing);
  }

  private static List<String> taints(Pod pod, Node node) {
    List<String> taints = new ArrayList<>();
    if (node.getSpec() != null) {
      for (Taint taint : node.getSpec().getTaints()) {
        if (!"PreferNoSchedule".equals(taint.getEffect())
            && pod.getSpec().getTolerations().stream().noneMatch(t -> tolerates(t, taint))) {
          String value = taint.getValue() == null ? "" : "=" + taint.getValue();
          taints.add(taint.getKey() + value + ":" + taint.getEffect());
        }
      }
    }
    return List.copyOf(taints);
  }

  private static boolean tolerates(Toleration toleration, Taint taint) {
    boolean exists = "Exists".equals(toleration.getOperator());
    String key = toleration.getKey();
    String effect = toleration.getEffect();
    boolean sameKey = (key == null || key.isEmpty()) ? exists : key.equals(taint.getKey());
    boolean sameEffect = effect == null || effect.isEmpty() || effect.equals(taint.getEffect());
    boolean sameValue =
        exists
            || Objects.requireNonNullElse(toleration.getValue(), "")
                .equals(Objects.requireNonNullElse(taint.getValue(), ""));
    return sameKey && sameEffect && sameValue;
  }

  /**
   * What a node would have left when it holds as many of these pods as it can, where that is more
   * than half: {@code cpu 12 of 16}. Of pods with devices only those are looked at.
   */
  static List<String> leftOver(Pod pod, Node node, int holds) {
    Map<String, BigDecimal> requests = PodRequests.of(pod);
    boolean devices = requests.keySet().stream().anyMatch(name -> name.contains("/"));
    List<String> left = new ArrayList<>();
    allocatable(node)
        .forEach(
            (name, whole) -> {
              BigDecimal used =
                  requests.getOrDefault(name, BigDecimal.ZERO).multiply(BigDecimal.valueOf(holds));
              boolean counts = devices ? name.contains("/") : name.equals("cpu");
              if (counts
                  && used.signum() > 0
                  && used.multiply(BigDecimal.valueOf(2)).compareTo(whole) < 0) {
                left.add(
                    name
                        + " "
                        + PodRequests.text(name, whole.subtract(used))
                        + " of "
                        + PodRequests.text(name, whole));
              }
            });
    return left;
  }

  /** Whether the selector means this node. */
  boolean selected() {
    return labels.isEmpty();
  }

  /** Whether the node would take the pod if it were empty. */
  boolean fitsEmpty() {
    return labels.isEmpty() && !cordoned && taints.isEmpty() && tooSmall.isEmpty();
  }

  boolean fitsNow() {
    return fitsEmpty() && full.isEmpty();
  }

  /** Everything that speaks against the node: {@code node gpu-1 has ..., has ...}. */
  String reasons() {
    List<String> all = new ArrayList<>(labels);
    if (cordoned) {
      all.add("is cordoned");
    }
    taints.forEach(taint -> all.add("has the taint " + taint + ", which is not tolerated"));
    all.addAll(tooSmall.values());
    all.addAll(full.values());
    return "node " + node + (all.isEmpty() ? " has room" : " " + String.join(", ", all));
  }
}
