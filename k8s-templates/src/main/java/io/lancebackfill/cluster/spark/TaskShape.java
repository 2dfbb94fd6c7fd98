package io.lancebackfill.cluster.spark;

import io.lancebackfill.cluster.PodSize;
import java.util.ArrayList;
import java.util.List;

/**
 * Tasks of one function in a pod of one size.
 *
 * @param tasks that run at once in a pod, 1 or more
 * @param cpus of each, as Spark is told; more than the function asked for where memory allows fewer
 *     tasks than CPUs do, since Spark counts no memory of tasks
 * @param gpus of each, 0 for none
 * @param heapMib of the pod's JVM
 * @param overheadMib of the pod, outside of the heap
 */
public record TaskShape(int tasks, int cpus, double gpus, long heapMib, long overheadMib) {
  /** Below that Spark refuses an executor; a little more lets it work. */
  private static final long LEAST_HEAP_MIB = 512;

  /**
   * The tasks that a pod runs at once.
   *
   * @throws IllegalArgumentException if not even one fits; {@link #shortfalls} says why
   */
  public static TaskShape of(PodSize size, TaskNeeds needs) {
    List<String> shortfalls = shortfalls(size, needs);
    if (!shortfalls.isEmpty()) {
      throw new IllegalArgumentException(String.join(", ", shortfalls));
    }
    int tasks = size.cpus() / needs.wholeCpus();
    double gpus = needs.grantedGpus();
    if (gpus > 0) {
      int byGpus =
          gpus < 1 ? size.gpuCount() * (int) Math.floor(1 / gpus) : size.gpuCount() / (int) gpus;
      tasks = Math.min(tasks, byGpus);
    }
    int cpus = needs.wholeCpus();
    if (needs.memoryMib() > 0 && room(size, needs.python()) / needs.memoryMib() < tasks) {
      int byMemory = (int) (room(size, needs.python()) / needs.memoryMib());
      cpus = (size.cpus() + byMemory - 1) / byMemory;
      tasks = Math.min(tasks, size.cpus() / cpus);
    }
    long overhead = size.overheadMib();
    if (needs.python()) {
      overhead = Math.max(overhead, tasks * needs.memoryMib());
    }
    return new TaskShape(tasks, cpus, gpus, size.memoryMib() - overhead, overhead);
  }

  /** What a pod of this size lacks for one task, in words with both numbers; empty if it fits. */
  public static List<String> shortfalls(PodSize size, TaskNeeds needs) {
    List<String> shortfalls = new ArrayList<>();
    if (needs.wholeCpus() > size.cpus()) {
      shortfalls.add("num_cpus " + size.cpus() + " of " + needs.wholeCpus());
    }
    if (Math.ceil(needs.gpus()) > size.gpuCount()) {
      shortfalls.add("num_gpus " + size.gpuCount() + " of " + (int) Math.ceil(needs.gpus()));
    }
    long room = room(size, needs.python());
    if (needs.memoryMib() > room) {
      shortfalls.add(
          "memory "
              + room
              + "Mi of "
              + needs.memoryMib()
              + "Mi"
              + (needs.python()
                  ? " (the pod's " + size.memoryMib() + "Mi less " + LEAST_HEAP_MIB + "Mi of heap)"
                  : " (the heap of the pod's " + size.memoryMib() + "Mi)"));
    }
    return shortfalls;
  }

  private static long room(PodSize size, boolean python) {
    return python
        ? Math.max(size.overheadMib(), size.memoryMib() - LEAST_HEAP_MIB)
        : size.heapMib();
  }
}
