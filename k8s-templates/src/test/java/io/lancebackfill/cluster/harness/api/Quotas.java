package io.lancebackfill.cluster.harness.api;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.ResourceQuota;
import io.fabric8.kubernetes.api.model.ResourceRequirements;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The ResourceQuotas of a namespace against its pods: how many, and what they request or limit. */
final class Quotas {
  private Quotas() {}

  /** The words in which the API server refuses a pod that is over a quota. */
  static Optional<String> exceeded(
      Pod pod, List<GenericKubernetesResource> quotas, List<GenericKubernetesResource> pods) {
    for (GenericKubernetesResource each : quotas) {
      ResourceQuota quota =
          Serialization.unmarshal(Serialization.asJson(each), ResourceQuota.class);
      List<Pod> live =
          pods.stream()
              .map(p -> Serialization.unmarshal(Serialization.asJson(p), Pod.class))
              .filter(p -> !ended(p))
              .toList();
      Map<String, Quantity> over = new TreeMap<>(quota.getSpec().getHard());
      over.entrySet().removeIf(hard -> fits(hard.getKey(), hard.getValue(), pod, live));
      if (!over.isEmpty()) {
        return Optional.of(
            String.format(
                "pods \"%s\" is forbidden: exceeded quota: %s, requested: %s, used: %s, limited: %s",
                pod.getMetadata().getName(),
                quota.getMetadata().getName(),
                amounts(over, List.of(pod)),
                amounts(over, live),
                over.toString().replaceAll("[{} ]", "")));
      }
    }
    return Optional.empty();
  }

  private static boolean fits(String resource, Quantity hard, Pod pod, List<Pod> live) {
    BigDecimal wanted = amount(resource, pod);
    return wanted.signum() == 0
        || wanted.add(sum(resource, live)).compareTo(hard.getNumericalAmount()) <= 0;
  }

  private static String amounts(Map<String, Quantity> over, List<Pod> pods) {
    Map<String, String> amounts = new TreeMap<>();
    over.keySet()
        .forEach(
            resource ->
                amounts.put(resource, sum(resource, pods).stripTrailingZeros().toPlainString()));
    return amounts.toString().replaceAll("[{} ]", "");
  }

  private static BigDecimal sum(String resource, List<Pod> pods) {
    return pods.stream().map(p -> amount(resource, p)).reduce(BigDecimal.ZERO, BigDecimal::add);
  }

  private static BigDecimal amount(String resource, Pod pod) {
    if (resource.equals("pods") || resource.equals("count/pods")) {
      return BigDecimal.ONE;
    }
    boolean limit = resource.startsWith("limits.");
    String name = resource.replaceFirst("^(requests|limits)\\.", "");
    return pod.getSpec().getContainers().stream()
        .map(Container::getResources)
        .map(all -> amount(all, name, limit))
        .reduce(BigDecimal.ZERO, BigDecimal::add);
  }

  private static BigDecimal amount(ResourceRequirements all, String name, boolean limit) {
    if (all == null) {
      return BigDecimal.ZERO;
    }
    Quantity limited = all.getLimits() == null ? null : all.getLimits().get(name);
    Quantity requested = all.getRequests() == null ? null : all.getRequests().get(name);
    Quantity counted = limit || requested == null ? limited : requested;
    return counted == null ? BigDecimal.ZERO : counted.getNumericalAmount();
  }

  private static boolean ended(Pod pod) {
    return pod.getStatus() != null
        && List.of("Succeeded", "Failed").contains(String.valueOf(pod.getStatus().getPhase()));
  }
}
