package io.lancebackfill.cluster;

import io.lancebackfill.cluster.PodSize.Gpus;
import io.lancebackfill.cluster.fields.SpecProblem;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The traps that definitions run into, by place. */
final class SpecWarnings {
  private static final long GPU_MEMORY_MIB = 4096;

  /** Machine types offer about 1 to 16 GiB a core; outside of that one of the two stays unused. */
  private static final long LEAST_MIB_PER_CPU = 1024;

  private static final long MOST_MIB_PER_CPU = 16_384;
  private static final Pattern FIXED_TAG = Pattern.compile(".+:[^/]+|.+@sha256:.+");

  private final ClusterSpec spec;
  private final List<SpecProblem> warnings = new ArrayList<>();

  private SpecWarnings(ClusterSpec spec) {
    this.spec = spec;
  }

  static List<SpecProblem> of(ClusterSpec spec) {
    SpecWarnings warnings = new SpecWarnings(spec);
    warnings.collect();
    return List.copyOf(warnings.warnings);
  }

  private void collect() {
    image("image", spec.image());
    if (spec.headGroup() != null) {
      image("head_group.image", spec.headGroup().pod().image());
    }
    for (int i = 0; i < spec.workerGroups().size(); i++) {
      group("worker_groups[" + i + "]", spec.workerGroups().get(i));
    }
    if (!spec.workerGroups().isEmpty()
        && spec.workerGroups().stream().allMatch(WorkerGroup::hasGpus)) {
      warn(
          "worker_groups",
          "all have GPUs, so reading and planning run on GPU nodes too, without their GPUs",
          "add a group without GPUs");
    }
    twins();
    oneForAllGroups();
  }

  private void image(String path, @Nullable String image) {
    if (image != null && (!FIXED_TAG.matcher(image).matches() || image.endsWith(":latest"))) {
      warn(
          path,
          "'" + image + "' has no fixed tag, so executors may start from different images",
          "give a version or a digest");
    }
  }

  private void group(String path, WorkerGroup group) {
    PodSize size = group.size();
    image(path + ".image", group.pod().image());
    long perCpu = size.memoryMib() / size.cpus();
    if (perCpu > MOST_MIB_PER_CPU) {
      warn(
          path + ".memory",
          perCpu + "Mi for each CPU is more than most machine types have: CPUs stay unused",
          "give more num_cpus or less memory, or use nodes that are rich in memory");
    } else if (perCpu < LEAST_MIB_PER_CPU) {
      warn(
          path + ".memory",
          perCpu + "Mi for each CPU is less than a task with its Python worker takes",
          "give at least 1Gi for each CPU");
    }
    if (group.scaling().most() == null) {
      warn(
          path + ".max_replicas",
          "without it Spark asks for as many pods as there are tasks",
          "give as many as the pool's nodes hold");
    }
    Gpus gpus = size.gpus();
    if (gpus != null) {
      gpus(path, group, gpus);
    }
    Integer grace = group.pod().terminationGracePeriodSeconds();
    if (group.spot() && grace != null && grace < 30) {
      warn(
          path + ".termination_grace_period_seconds",
          grace + " s is less than any spot notice: running tasks are cut off",
          "give 30 or more");
    }
  }

  private void gpus(String path, WorkerGroup group, Gpus gpus) {
    if (group.size().memoryMib() < GPU_MEMORY_MIB) {
      warn(
          path + ".memory",
          group.size().memoryMib() + "Mi is little for a GPU worker: loading a model fills it",
          "give 4Gi or more");
    }
    if (spec.type() == ClusterType.KUBERNETES
        && !group.pod().placement().tolerates(gpus.resource())) {
      warn(
          path + ".tolerations",
          "GPU nodes usually have the taint " + gpus.resource() + ", which is not tolerated",
          "give {key: " + gpus.resource() + ", operator: Exists, effect: NoSchedule}");
    }
  }

  private void twins() {
    Map<List<Object>, Integer> seen = new HashMap<>();
    for (int i = 0; i < spec.workerGroups().size(); i++) {
      PodSize size = spec.workerGroups().get(i).size();
      Integer first = seen.putIfAbsent(List.of(size.cpus(), size.memoryMib(), size.gpuCount()), i);
      if (first != null) {
        warn(
            "worker_groups[" + i + "]",
            "it has the CPUs, memory and GPUs of "
                + spec.workerGroups().get(first).name()
                + ", which every function then gets",
            "name the group in the call, or give them different sizes");
      }
    }
  }

  /** What Spark has once for all executors, whatever their profile. */
  private void oneForAllGroups() {
    one(
        "min_replicas",
        group -> group.scaling().least(),
        "Spark keeps the least of them for each group",
        "deploy the warm pool for the groups that should have more");
    one(
        "idle_timeout_seconds",
        group -> group.scaling().idleTimeout().toSeconds(),
        "Spark has one for all, the shortest",
        "give all groups the same");
    one(
        "replicas",
        group -> group.scaling().replicas(),
        "Spark starts each group with the least of them",
        "give all groups the same");
    for (int i = 0; i < spec.workerGroups().size(); i++) {
      WorkerGroup group = spec.workerGroups().get(i);
      if (!group.hasGpus()
          && spec.workerGroups().stream()
              .map(other -> other.size().gpus())
              .anyMatch(
                  gpus -> gpus != null && group.pod().placement().tolerates(gpus.resource()))) {
        warn(
            "worker_groups[" + i + "].tolerations",
            "the group has no GPUs and tolerates the taint of nodes that do, so it may fill them",
            "leave the toleration out, or give a node_selector that keeps it off them");
      }
    }
  }

  private void one(
      String field, Function<WorkerGroup, Object> value, String problem, String remedy) {
    List<WorkerGroup> groups = spec.workerGroups();
    List<String> values =
        groups.stream().map(group -> group.name() + " " + value.apply(group)).toList();
    if (groups.stream().map(value).distinct().count() > 1) {
      warn(
          "worker_groups." + field,
          problem + ", and they differ: " + String.join(", ", values),
          remedy);
    }
  }

  private void warn(String path, String problem, String remedy) {
    warnings.add(new SpecProblem(path, problem, remedy));
  }
}
