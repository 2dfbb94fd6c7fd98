package io.lancebackfill.cluster.check;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Quantity;
import io.lancebackfill.cluster.spark.GroupPlacement;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What a pod takes of its node, as the scheduler counts it. */
final class PodRequests {
  private PodRequests() {}

  /**
   * Amounts by resource, in cores, bytes and devices; a pod also takes one place of those that its
   * node has for any.
   */
  static Map<String, BigDecimal> of(Pod pod) {
    Map<String, BigDecimal> sum = sum(pod.getSpec().getContainers());
    for (Container container : pod.getSpec().getInitContainers()) {
      sum(List.of(container)).forEach((name, amount) -> sum.merge(name, amount, BigDecimal::max));
    }
    Map<String, Quantity> overhead = pod.getSpec().getOverhead();
    if (overhead != null) {
      overhead.forEach((name, q) -> sum.merge(name, q.getNumericalAmount(), BigDecimal::add));
    }
    sum.put("pods", BigDecimal.ONE);
    return sum;
  }

  private static Map<String, BigDecimal> sum(List<Container> containers) {
    Map<String, BigDecimal> sum = new TreeMap<>();
    for (Container container : containers) {
      if (container.getResources() != null) {
        Map<String, Quantity> effective = new HashMap<>();
        if (container.getResources().getLimits() != null) {
          effective.putAll(container.getResources().getLimits());
        }
        if (container.getResources().getRequests() != null) {
          effective.putAll(container.getResources().getRequests());
        }
        effective.forEach((name, q) -> sum.merge(name, q.getNumericalAmount(), BigDecimal::add));
      }
    }
    return sum;
  }

  /** An ended pod takes nothing, and one that keeps room for executors gives it up. */
  static boolean yields(Pod pod) {
    Map<String, String> labels = pod.getMetadata().getLabels();
    if (labels != null && labels.containsKey(GroupPlacement.WARM_LABEL)) {
      return true;
    }
    String phase = pod.getStatus() == null ? null : pod.getStatus().getPhase();
    return "Succeeded".equals(phase) || "Failed".equals(phase);
  }

  /** An amount as people write it: bytes in Gi or Mi, all else as a plain number. */
  static String text(String resource, BigDecimal amount) {
    if (resource.equals("memory") || resource.equals("ephemeral-storage")) {
      BigDecimal mib = amount.divide(BigDecimal.valueOf(1L << 20), 0, RoundingMode.DOWN);
      BigDecimal gib = BigDecimal.valueOf(1024);
      return mib.remainder(gib).signum() == 0
          ? mib.divide(gib).toPlainString() + "Gi"
          : mib.toPlainString() + "Mi";
    }
    return amount.signum() == 0 ? "0" : amount.stripTrailingZeros().toPlainString();
  }
}
