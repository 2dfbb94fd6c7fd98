package io.lancebackfill.cluster.spark;

import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.PodSize.Gpus;
import io.lancebackfill.cluster.WorkerGroup;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.resource.ExecutorResourceRequests;
import org.apache.spark.resource.ResourceProfile;
import org.apache.spark.resource.ResourceProfileBuilder;
import org.apache.spark.resource.TaskResourceRequests;

/**
 * A group as Spark's resource profile. Equal profiles of an application are one: Spark keeps
 * executors for each profile apart.
 */
public final class GroupProfiles {
  /** What Spark calls GPUs, whatever the nodes call them. */
  static final String GPU = "gpu";

  private static final Map<Key, ResourceProfile> KNOWN = new ConcurrentHashMap<>();

  private record Key(String application, WorkerGroup group, TaskShape tasks) {}

  private GroupProfiles() {}

  /**
   * The profile of a group for tasks that need this. Tasks without GPUs get executors without: a
   * group's GPUs are left to those that need them.
   *
   * @param application Spark's id of it
   * @throws IllegalArgumentException if the group has not what a task needs
   */
  public static ResourceProfile of(String application, WorkerGroup group, TaskNeeds needs) {
    TaskShape tasks = TaskShape.of(group.size(), needs);
    return KNOWN.computeIfAbsent(new Key(application, group, tasks), key -> build(group, tasks));
  }

  /**
   * Whether the session's own executors are this group's and fit the tasks, so that no profile is
   * needed and no second set of executors is started.
   */
  public static boolean areOfSession(ClusterSpec cluster, WorkerGroup group, TaskNeeds needs) {
    TaskShape tasks = TaskShape.of(group.size(), needs);
    return WorkerGroups.ofSession(cluster).filter(group::equals).isPresent()
        && tasks.cpus() == 1
        && tasks.gpus() == 0
        && tasks.overheadMib() == group.size().overheadMib();
  }

  private static ResourceProfile build(WorkerGroup group, TaskShape tasks) {
    ExecutorResourceRequests executor =
        new ExecutorResourceRequests()
            .cores(group.size().cpus())
            .memory(tasks.heapMib() + "m")
            .memoryOverhead(tasks.overheadMib() + "m");
    TaskResourceRequests task = new TaskResourceRequests().cpus(tasks.cpus());
    Gpus gpus = group.size().gpus();
    if (gpus != null && tasks.gpus() > 0) {
      executor.resource(GPU, gpus.count(), gpus.discoveryScript(), vendor(gpus));
      task.resource(GPU, tasks.gpus());
    }
    return new ResourceProfileBuilder().require(executor).require(task).build();
  }

  /** The domain of {@code nvidia.com/gpu}. */
  static String vendor(Gpus gpus) {
    return gpus.resource().substring(0, gpus.resource().indexOf('/'));
  }
}
