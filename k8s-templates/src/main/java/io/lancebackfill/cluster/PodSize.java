package io.lancebackfill.cluster;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What one pod requests.
 *
 * @param cpus whole cores: an executor runs as many tasks of one CPU
 * @param memoryMib of the whole pod: its request and its limit
 * @param overheadMib of those, outside of the JVM's heap: Python workers, Arrow, native libraries
 * @param gpus null of a group without any
 * @param cpuLimit a quantity; null is no limit
 * @param extendedResources quantities by name: {@code ephemeral-storage}, {@code example.com/fpga}
 */
public record PodSize(
    int cpus,
    long memoryMib,
    long overheadMib,
    @Nullable Gpus gpus,
    @Nullable String cpuLimit,
    Map<String, String> extendedResources) {
  public PodSize {
    extendedResources = Map.copyOf(extendedResources);
  }

  /**
   * The GPUs of a pod.
   *
   * @param count at least 1
   * @param resource as nodes offer it, {@code nvidia.com/gpu}
   * @param discoveryScript a program in the image that prints the addresses as Spark's JSON
   */
  public record Gpus(int count, String resource, String discoveryScript) {}

  /** The JVM's heap, in MiB. */
  public long heapMib() {
    return memoryMib - overheadMib;
  }

  /** GPUs of one pod, 0 where there are none. */
  public int gpuCount() {
    return gpus == null ? 0 : gpus.count();
  }
}
