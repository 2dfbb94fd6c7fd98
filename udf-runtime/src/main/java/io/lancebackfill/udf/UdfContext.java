package io.lancebackfill.udf;

import io.lancebackfill.resource.TaskGpus;
import java.util.List;
import java.util.Map;
import org.apache.spark.TaskContext;

/**
 * What a function may know of the task that runs it.
 *
 * @param partition the task's partition, from 0
 * @param attempt the task attempt's id, unique within the application
 * @param options the options that the function was registered with
 * @param gpuAddresses the addresses of the GPUs assigned to this task, as Spark or CUDA names them;
 *     empty without GPUs
 */
public record UdfContext(
    int partition, long attempt, Map<String, String> options, List<String> gpuAddresses) {
  public UdfContext {
    options = Map.copyOf(options);
    gpuAddresses = List.copyOf(gpuAddresses);
  }

  /** What Spark tells of a running task. */
  public static UdfContext of(TaskContext task, Map<String, String> options) {
    return new UdfContext(task.partitionId(), task.taskAttemptId(), options, TaskGpus.of(task));
  }
}
