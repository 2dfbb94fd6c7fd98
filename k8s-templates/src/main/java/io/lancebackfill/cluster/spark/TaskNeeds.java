package io.lancebackfill.cluster.spark;

/**
 * What one task of a function needs.
 *
 * @param cpus above 0; Spark counts whole ones, and rounds up
 * @param gpus 0 is none; a share of one up to a half, or whole ones, and anything else is rounded
 *     up
 * @param memoryBytes 0 where the function does not say
 * @param python the memory is that of a Python worker, outside of the JVM's heap
 */
public record TaskNeeds(double cpus, double gpus, long memoryBytes, boolean python) {
  public TaskNeeds {
    if (!(cpus > 0) || !(gpus >= 0) || memoryBytes < 0) {
      throw new IllegalArgumentException(
          "cpus " + cpus + ", gpus " + gpus + ", memory " + memoryBytes + ": one is too small");
    }
  }

  /** One CPU and nothing else. */
  public static TaskNeeds oneCpu() {
    return new TaskNeeds(1, 0, 0, false);
  }

  int wholeCpus() {
    return (int) Math.ceil(cpus);
  }

  /** GPUs as Spark gives them: whole ones, or a share that divides one evenly. */
  double grantedGpus() {
    return gpus > 0.5 ? Math.ceil(gpus) : gpus;
  }

  long memoryMib() {
    return -Math.floorDiv(-memoryBytes, 1L << 20);
  }
}
