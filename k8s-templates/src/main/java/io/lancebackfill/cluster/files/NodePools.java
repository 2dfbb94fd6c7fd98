package io.lancebackfill.cluster.files;

import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.PodSize.Gpus;
import io.lancebackfill.cluster.Toleration;
import io.lancebackfill.cluster.WorkerGroup;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** How to make the node pool of each group, on GKE and on EKS. */
final class NodePools {
  /** Labels that only the provider sets. */
  private static final Pattern PROVIDERS =
      Pattern.compile(
          "((.*\\.)?(kubernetes|k8s)\\.io|cloud\\.google\\.com|eks\\.amazonaws\\.com|karpenter\\.sh)/.*");

  private NodePools() {}

  static String of(ClusterSpec cluster) {
    StringBuilder text =
        new StringBuilder(
            """
            # Node pools of cluster %s

            One pool for each worker group, with the labels of its node_selector and the taints that
            it tolerates. What is written in capitals is yours to fill in. A node keeps about a tenth
            of its memory and some of a core for itself: choose a machine with more than one pod needs.
            """
                .formatted(cluster.name()));
    cluster.workerGroups().forEach(group -> text.append(section(group)));
    return text.toString();
  }

  private static String section(WorkerGroup group) {
    Gpus gpus = group.size().gpus();
    String needs =
        "%d CPUs, %dMi%s"
            .formatted(
                group.size().cpus(),
                group.size().memoryMib(),
                gpus == null ? "" : ", " + gpus.count() + " " + gpus.resource());
    return """

        ## %s

        Each pod needs %s.%s

        GKE:

        ```
        %s
        ```

        EKS, in the file of `eksctl create nodegroup --config-file`:

        ```
        %s
        ```

        Nodes that are there already:

        ```
        %s
        ```
        """
        .formatted(group.name(), needs, providers(group), gke(group), eks(group), existing(group));
  }

  private static String providers(WorkerGroup group) {
    String labels =
        new TreeMap<>(group.pod().placement().nodeSelector())
            .entrySet().stream()
                .filter(label -> PROVIDERS.matcher(label.getKey()).matches())
                .map(label -> label.getKey() + "=" + label.getValue())
                .collect(Collectors.joining(", "));
    return labels.isEmpty()
        ? ""
        : " The provider itself sets the labels " + labels + ": choose a pool that has them.";
  }

  private static Map<String, String> labels(WorkerGroup group) {
    Map<String, String> labels = new TreeMap<>(group.pod().placement().nodeSelector());
    labels.keySet().removeIf(key -> PROVIDERS.matcher(key).matches());
    return labels;
  }

  /** Taints that the group tolerates by name; a GPU pool's taint is the resource's name. */
  private static List<Toleration> taints(WorkerGroup group) {
    return group.pod().placement().tolerations().stream()
        .filter(toleration -> toleration.key() != null)
        .filter(toleration -> !PROVIDERS.matcher(toleration.key()).matches())
        .toList();
  }

  private static String value(Toleration toleration) {
    return Objects.requireNonNullElse(toleration.value(), "present");
  }

  private static String effect(Toleration toleration) {
    return Objects.requireNonNullElse(toleration.effect(), "NoSchedule");
  }

  private static String most(WorkerGroup group) {
    Integer most = group.scaling().most();
    return most == null ? "MAX_NODES" : most.toString();
  }

  private static String gke(WorkerGroup group) {
    List<String> words = new ArrayList<>();
    words.add("gcloud container node-pools create " + group.name() + " --cluster CLUSTER");
    words.add("--machine-type MACHINE_TYPE --num-nodes " + group.scaling().least());
    words.add(
        "--enable-autoscaling --min-nodes "
            + group.scaling().least()
            + " --max-nodes "
            + most(group));
    Gpus gpus = group.size().gpus();
    if (gpus != null) {
      words.add(
          "--accelerator type=GPU_TYPE,count=" + gpus.count() + ",gpu-driver-version=default");
    }
    if (!labels(group).isEmpty()) {
      words.add("--node-labels=" + joined(labels(group)));
    }
    String taints =
        taints(group).stream()
            // GKE itself gives GPU nodes this taint.
            .filter(t -> gpus == null || !gpus.resource().equals(t.key()))
            .map(t -> t.key() + "=" + value(t) + ":" + effect(t))
            .collect(Collectors.joining(","));
    if (!taints.isEmpty()) {
      words.add("--node-taints=" + taints);
    }
    if (group.spot()) {
      words.add("--spot");
    }
    return String.join(" \\\n  ", words);
  }

  private static String joined(Map<String, String> labels) {
    return labels.entrySet().stream()
        .map(label -> label.getKey() + "=" + label.getValue())
        .collect(Collectors.joining(","));
  }

  private static String eks(WorkerGroup group) {
    StringBuilder text = new StringBuilder("managedNodeGroups:\n");
    text.append("- name: ").append(group.name()).append('\n');
    text.append("  instanceTypes: [INSTANCE_TYPE]\n");
    text.append("  minSize: ").append(group.scaling().least()).append('\n');
    text.append("  desiredCapacity: ").append(group.scaling().least()).append('\n');
    text.append("  maxSize: ").append(most(group)).append('\n');
    text.append("  spot: ").append(group.spot()).append('\n');
    if (!labels(group).isEmpty()) {
      text.append("  labels:\n");
      labels(group)
          .forEach(
              (key, label) ->
                  text.append("    ").append(key).append(": \"").append(label).append("\"\n"));
    }
    if (!taints(group).isEmpty()) {
      text.append("  taints:\n");
      for (Toleration taint : taints(group)) {
        text.append("  - key: ").append(taint.key()).append('\n');
        text.append("    value: \"").append(value(taint)).append("\"\n");
        text.append("    effect: ").append(effect(taint)).append('\n');
      }
    }
    return text.toString().stripTrailing();
  }

  private static String existing(WorkerGroup group) {
    List<String> lines = new ArrayList<>();
    labels(group)
        .forEach((key, label) -> lines.add("kubectl label node NODE " + key + "=" + label));
    for (Toleration taint : taints(group)) {
      lines.add(
          "kubectl taint node NODE " + taint.key() + "=" + value(taint) + ":" + effect(taint));
    }
    return lines.isEmpty() ? "kubectl get nodes # any of them will do" : String.join("\n", lines);
  }
}
