package io.lancebackfill.cluster.check;

import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** What to change so that a pod finds a node. */
final class Remedies {
  private static final int SHOWN = 5;

  private Remedies() {}

  /** From the nodes that the selector means; where it means none, that is what to change. */
  static String of(List<NodeFit> nodes) {
    List<NodeFit> selected = nodes.stream().filter(NodeFit::selected).toList();
    Set<String> remedies = new LinkedHashSet<>();
    if (selected.isEmpty()) {
      remedies.add(labels());
    }
    if (selected.stream().anyMatch(NodeFit::fitsEmpty)) {
      full(selected).forEach(resource -> remedies.add(wait(resource)));
      return sentence(remedies);
    }
    selected.forEach(node -> node.taints().forEach(taint -> remedies.add(tolerate(taint))));
    if (selected.stream().anyMatch(NodeFit::cordoned)) {
      remedies.add("take the cordon off: kubectl uncordon");
    }
    selected.stream()
        .flatMap(node -> node.tooSmall().keySet().stream())
        .sorted()
        .forEach(resource -> remedies.add(shrink(resource)));
    return sentence(remedies);
  }

  /**
   * From what the scheduler says, where nodes cannot be seen. It looks at resources last, so a node
   * that lacks some is one that the selector and the tolerations mean: the others do not matter.
   */
  static String of(SchedulerMessage message) {
    Set<String> remedies = new LinkedHashSet<>();
    for (SchedulerMessage.Reason reason : message.reasons()) {
      if (message.mayPass() && reason.kind() != SchedulerMessage.Kind.RESOURCE) {
        continue;
      }
      switch (reason.kind()) {
        case RESOURCE -> remedies.add(wait(reason.subject()));
        case TAINT -> remedies.add(tolerate(reason.subject()));
        case LABELS -> remedies.add(labels());
        case CORDONED -> remedies.add("take the cordon off: kubectl uncordon");
        case VOLUME -> remedies.add("mend the volume that it names: kubectl describe pvc");
        case OTHER -> remedies.add("look at kubectl describe pod");
      }
    }
    return sentence(remedies);
  }

  private static String labels() {
    return "give the group a node_selector whose labels its pool's nodes have, or label the nodes";
  }

  private static String tolerate(String taint) {
    return "give the group a toleration of " + taint;
  }

  private static String wait(String resource) {
    return "wait until others give back "
        + resource
        + ", add nodes to the pool, or lower "
        + field(resource)
        + " or max_replicas of the group";
  }

  private static String shrink(String resource) {
    return "lower " + field(resource) + " of the group, or use nodes with more " + resource;
  }

  private static String field(String resource) {
    return switch (resource) {
      case "cpu" -> "num_cpus";
      case "memory" -> "memory";
      case "pods" -> "replicas";
      default ->
          resource.contains("gpu") || resource.startsWith("nvidia.com/")
              ? "num_gpus"
              : "extended_resources";
    };
  }

  private static Set<String> full(List<NodeFit> selected) {
    return selected.stream()
        .filter(NodeFit::fitsEmpty)
        .flatMap(node -> node.full().keySet().stream())
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static String sentence(Set<String> remedies) {
    String text = String.join("; ", remedies);
    return text.isEmpty()
        ? text
        : text.substring(0, 1).toUpperCase(Locale.ROOT) + text.substring(1);
  }

  /** The reasons of a few nodes, those that the selector means first. */
  static String reasons(List<NodeFit> nodes) {
    List<NodeFit> sorted =
        nodes.stream().sorted(Comparator.comparing(node -> !node.selected())).toList();
    String text =
        sorted.stream().limit(SHOWN).map(NodeFit::reasons).collect(Collectors.joining("; "));
    return sorted.size() > SHOWN ? text + "; and " + (sorted.size() - SHOWN) + " more" : text;
  }
}
