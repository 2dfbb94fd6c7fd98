package io.lancebackfill.cluster.spark;

import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.PodSize;
import io.lancebackfill.cluster.WorkerGroup;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Which group of a cluster runs what. */
public final class WorkerGroups {
  private static final Comparator<WorkerGroup> SMALLEST =
      Comparator.comparing(
          WorkerGroup::size,
          Comparator.comparingInt(PodSize::gpuCount)
              .thenComparingLong(PodSize::memoryMib)
              .thenComparingInt(PodSize::cpus));

  private WorkerGroups() {}

  /**
   * The smallest group that has what a task needs. Functions without GPUs go to groups without
   * them, unless one with GPUs is named.
   *
   * @param named the only group to take; null is any
   * @throws GroupUnfitException with what each group lacks
   */
  public static WorkerGroup fitting(ClusterSpec cluster, TaskNeeds needs, @Nullable String named) {
    if (named != null && cluster.group(named).isEmpty()) {
      throw new GroupUnfitException(
          "cluster "
              + cluster.name()
              + " has no worker group '"
              + named
              + "'. Name one of "
              + cluster.workerGroups().stream().map(WorkerGroup::name).toList()
              + ", or none.");
    }
    List<String> unfit = new ArrayList<>();
    List<WorkerGroup> fit = new ArrayList<>();
    for (WorkerGroup group : cluster.workerGroups()) {
      if (named != null && !group.name().equals(named)) {
        continue;
      }
      List<String> shortfalls = TaskShape.shortfalls(group.size(), needs);
      if (!shortfalls.isEmpty()) {
        unfit.add(group.name() + " has " + String.join(", ", shortfalls));
      } else if (named == null && needs.gpus() == 0 && group.hasGpus()) {
        unfit.add(group.name() + " has GPUs, which are kept for functions that need them");
      } else {
        fit.add(group);
      }
    }
    return fit.stream()
        .min(SMALLEST)
        .orElseThrow(
            () ->
                new GroupUnfitException(
                    "no worker group of cluster "
                        + cluster.name()
                        + " has what the function needs: "
                        + (unfit.isEmpty() ? "there is none" : String.join("; ", unfit))
                        + ". Ask for less, name a group, or add one that has it."));
  }

  /**
   * The group of the session's own executors, on which everything runs that is no function's: the
   * first without GPUs, else the first. Empty if the cluster has no groups.
   */
  public static Optional<WorkerGroup> ofSession(ClusterSpec cluster) {
    List<WorkerGroup> groups = cluster.workerGroups();
    return groups.stream()
        .filter(group -> !group.hasGpus())
        .findFirst()
        .or(() -> groups.stream().findFirst());
  }
}
