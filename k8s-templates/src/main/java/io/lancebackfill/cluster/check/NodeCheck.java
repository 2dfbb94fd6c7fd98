package io.lancebackfill.cluster.check;

import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.Pod;
import io.lancebackfill.cluster.PodSize.Gpus;
import io.lancebackfill.cluster.WorkerGroup;
import io.lancebackfill.cluster.check.Finding.Severity;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/** Whether a group's pods find nodes. */
final class NodeCheck {
  private final List<Node> nodes;
  private final List<Pod> pods;

  NodeCheck(List<Node> nodes, List<Pod> pods) {
    this.nodes = nodes;
    this.pods = pods;
  }

  List<Finding> of(WorkerGroup group, Pod pod) {
    List<NodeFit> fits = nodes.stream().map(node -> NodeFit.of(pod, node, pods)).toList();
    List<NodeFit> selected = fits.stream().filter(NodeFit::selected).toList();
    Gpus gpus = group.size().gpus();
    if (gpus != null && nodes.stream().noneMatch(node -> offers(node, gpus.resource()))) {
      return List.of(
          new Finding(
              FindingCode.GPU_NOT_OFFERED,
              selected.isEmpty() ? Severity.WARNING : Severity.ERROR,
              "no node offers " + gpus.resource() + ", which group " + group.name() + " needs",
              "of " + nodes.size() + " nodes none has it in status.allocatable",
              "Install the device plugin of the GPUs, give gpu_resource the name that nodes offer,"
                  + " or add nodes to the pool if no autoscaler does"));
    }
    if (selected.isEmpty()) {
      return List.of(
          new Finding(
              FindingCode.NO_NODE_SELECTED,
              Severity.WARNING,
              "no node has the labels of group " + group.name(),
              offered(group),
              "Label the pool's nodes, give the node_selector that they have, or add nodes if no"
                  + " autoscaler does"));
    }
    List<NodeFit> fit = selected.stream().filter(NodeFit::fitsEmpty).toList();
    if (fit.isEmpty()) {
      return List.of(
          new Finding(
              FindingCode.POD_FITS_NO_NODE,
              Severity.ERROR,
              "no node can take a pod of group " + group.name(),
              Remedies.reasons(selected),
              Remedies.of(selected)));
    }
    List<Finding> findings = new ArrayList<>();
    if (fit.stream().noneMatch(NodeFit::fitsNow)) {
      findings.add(
          new Finding(
              FindingCode.POOL_FULL,
              Severity.WARNING,
              "the nodes of group " + group.name() + " are full",
              Remedies.reasons(fit),
              Remedies.of(fit)));
    }
    long holds = fit.stream().mapToLong(NodeFit::holds).sum();
    Integer most = group.scaling().most();
    if (most != null && most > holds) {
      findings.add(
          new Finding(
              FindingCode.POOL_TOO_SMALL,
              Severity.WARNING,
              "the pool of group " + group.name() + " does not hold max_replicas",
              fit.size() + " nodes hold " + holds + " pods of this size, of " + most,
              "Lower max_replicas to " + holds + ", or add nodes if no autoscaler does"));
    }
    uneven(group, pod, fit).ifPresent(findings::add);
    return findings;
  }

  private Optional<Finding> uneven(WorkerGroup group, Pod pod, List<NodeFit> fit) {
    for (NodeFit node : fit) {
      for (Node each : nodes) {
        if (each.getMetadata().getName().equals(node.node())) {
          List<String> left = NodeFit.leftOver(pod, each, node.holds());
          if (!left.isEmpty()) {
            return Optional.of(
                new Finding(
                    FindingCode.POOL_UNEVEN,
                    Severity.INFO,
                    "nodes of group " + group.name() + " stay unused in part",
                    "node "
                        + node.node()
                        + " holds "
                        + node.holds()
                        + " pods and has then left "
                        + String.join(", ", left),
                    "Give the group's pods the shares of a node that the nodes have"));
          }
        }
      }
    }
    return Optional.empty();
  }

  private static boolean offers(Node node, String resource) {
    return node.getStatus() != null
        && node.getStatus().getAllocatable() != null
        && node.getStatus().getAllocatable().containsKey(resource)
        && node.getStatus().getAllocatable().get(resource).getNumericalAmount().signum() > 0;
  }

  /** For each label of the selector the values that nodes have. */
  private String offered(WorkerGroup group) {
    List<String> labels = new ArrayList<>();
    group
        .pod()
        .placement()
        .nodeSelector()
        .forEach(
            (key, value) -> {
              TreeSet<String> values = new TreeSet<>();
              for (Node node : nodes) {
                if (node.getMetadata().getLabels() != null
                    && node.getMetadata().getLabels().containsKey(key)) {
                  values.add(node.getMetadata().getLabels().get(key));
                }
              }
              labels.add(
                  key
                      + "="
                      + value
                      + " is wanted, and of "
                      + nodes.size()
                      + " nodes "
                      + (values.isEmpty() ? "none has the label" : "some have " + values));
            });
    labels.sort(null);
    return labels.isEmpty() ? "there are no nodes" : String.join("; ", labels);
  }
}
