package io.lancebackfill.cluster.harness;

import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.Taint;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A node of a test cluster.
 *
 * @param capacity all of it allocatable; quantities in Kubernetes' notation
 */
public record NodeSpec(
    String name, Map<String, String> labels, List<Taint> taints, Map<String, String> capacity) {
  /** The resource that device plugins of NVIDIA report. */
  public static final String GPU = "nvidia.com/gpu";

  public NodeSpec {
    labels = Map.copyOf(labels);
    taints = List.copyOf(taints);
    capacity = Map.copyOf(capacity);
  }

  /** A node of 4 CPUs, 8 GiB, 100 GiB of disk and room for 110 pods, without taints. */
  public static NodeSpec named(String name) {
    return new NodeSpec(
        name,
        Map.of("kubernetes.io/hostname", name, "kubernetes.io/os", "linux"),
        List.of(),
        Map.of("cpu", "4", "memory", "8Gi", "ephemeral-storage", "100Gi", "pods", "110"));
  }

  /** The node with one more label. */
  public NodeSpec withLabel(String key, String value) {
    Map<String, String> more = new LinkedHashMap<>(labels);
    more.put(key, value);
    return new NodeSpec(name, more, taints, capacity);
  }

  /** The node with one more taint; effect NoSchedule, PreferNoSchedule or NoExecute. */
  public NodeSpec withTaint(String key, String value, String effect) {
    List<Taint> more = new ArrayList<>(taints);
    more.add(new Taint(effect, key, null, value));
    return new NodeSpec(name, labels, more, capacity);
  }

  /** The node with another amount of a resource, as {@code cpu}, {@code memory} or {@link #GPU}. */
  public NodeSpec withCapacity(String resource, String quantity) {
    Map<String, String> more = new LinkedHashMap<>(capacity);
    more.put(resource, quantity);
    return new NodeSpec(name, labels, taints, more);
  }

  /** Creates the node; a real server drops the status of a new one, and taints it. */
  void create(KubernetesClient client) {
    Node node = node();
    client.nodes().resource(node).create();
    client
        .nodes()
        .withName(name)
        .editStatus(
            now -> {
              now.setStatus(node.getStatus());
              return now;
            });
    client
        .nodes()
        .withName(name)
        .edit(
            now -> {
              now.getSpec().setTaints(taints);
              return now;
            });
  }

  private Node node() {
    Map<String, Quantity> amounts = new LinkedHashMap<>();
    capacity.forEach((resource, quantity) -> amounts.put(resource, new Quantity(quantity)));
    return new NodeBuilder()
        .withNewMetadata()
        .withName(name)
        .withLabels(labels)
        .endMetadata()
        .withNewSpec()
        .withTaints(taints)
        .endSpec()
        .withNewStatus()
        .withCapacity(amounts)
        .withAllocatable(amounts)
        .addNewCondition()
        .withType("Ready")
        .withStatus("True")
        .withReason("KubeletReady")
        .withLastHeartbeatTime(Instant.now().toString())
        .endCondition()
        .endStatus()
        .build();
  }
}
