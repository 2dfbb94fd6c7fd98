package io.lancebackfill.cluster.spark;

import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.HeadGroup;
import io.lancebackfill.cluster.PodSize;
import io.lancebackfill.cluster.WorkerGroup;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What a job requests of a cluster.
 *
 * @param group of its executors
 * @param tasks as they run in one pod
 * @param executors pods, at most the group's max_replicas
 * @param concurrency tasks that then run at once, at most as many as were asked for
 * @param head null where the driver is no pod
 */
public record Sizing(
    WorkerGroup group, TaskShape tasks, int executors, int concurrency, @Nullable HeadGroup head) {

  /**
   * The requests of a job.
   *
   * @param concurrency tasks that shall run at once, 1 or more
   * @param driverPod the driver is a pod of the head group
   * @throws IllegalArgumentException if the group has not what a task needs
   */
  public static Sizing of(
      ClusterSpec cluster, WorkerGroup group, TaskNeeds needs, int concurrency, boolean driverPod) {
    if (concurrency < 1) {
      throw new IllegalArgumentException("concurrency is " + concurrency + ", give 1 or more");
    }
    TaskShape tasks = TaskShape.of(group.size(), needs);
    int wanted = (concurrency + tasks.tasks() - 1) / tasks.tasks();
    Integer most = group.scaling().most();
    int executors = most == null ? wanted : Math.min(wanted, most);
    return new Sizing(
        group,
        tasks,
        executors,
        (int) Math.min(concurrency, (long) executors * tasks.tasks()),
        driverPod ? cluster.headGroup() : null);
  }

  /** Cores that pods request, the driver's included. */
  public long cpus() {
    return (long) executors * group.size().cpus() + (head == null ? 0 : head.size().cpus());
  }

  /** MiB that pods request, the driver's included. */
  public long memoryMib() {
    return executors * group.size().memoryMib() + (head == null ? 0 : head.size().memoryMib());
  }

  /** GPUs that pods request: none if the tasks need none. */
  public long gpus() {
    return tasks.gpus() > 0 ? (long) executors * group.size().gpuCount() : 0;
  }

  /** A text table, one line for each kind of pod and one for their sum. */
  public String table() {
    StringBuilder table = new StringBuilder();
    line(table, List.of("pods", "count", "cpus", "memory", "heap", "overhead", "gpus", "tasks"));
    if (head != null) {
      PodSize size = head.size();
      row(table, "driver", 1, size, size.heapMib(), size.overheadMib(), 0, 0);
    }
    int gpusOfPod = tasks.gpus() > 0 ? group.size().gpuCount() : 0;
    row(
        table,
        group.name(),
        executors,
        group.size(),
        tasks.heapMib(),
        tasks.overheadMib(),
        gpusOfPod,
        tasks.tasks());
    line(
        table,
        List.of(
            "in all",
            String.valueOf(executors + (head == null ? 0 : 1)),
            String.valueOf(cpus()),
            memory(memoryMib()),
            "",
            "",
            String.valueOf(gpus()),
            String.valueOf(concurrency)));
    return table.toString();
  }

  private static void row(
      StringBuilder table,
      String name,
      int count,
      PodSize size,
      long heapMib,
      long overheadMib,
      int gpus,
      int tasks) {
    line(
        table,
        List.of(
            name,
            String.valueOf(count),
            String.valueOf(size.cpus()),
            memory(size.memoryMib()),
            memory(heapMib),
            memory(overheadMib),
            String.valueOf(gpus),
            String.valueOf(tasks)));
  }

  private static void line(StringBuilder table, List<String> cells) {
    StringBuilder line = new StringBuilder("%-16s".formatted(cells.get(0)));
    cells.subList(1, cells.size()).forEach(cell -> line.append("%10s".formatted(cell)));
    table.append(line.toString().stripTrailing()).append('\n');
  }

  private static String memory(long mib) {
    return mib % 1024 == 0 ? mib / 1024 + "Gi" : String.format(Locale.ROOT, "%.1fGi", mib / 1024.0);
  }
}
