package io.lancebackfill.run;

import java.util.Optional;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.resource.ExecutorResourceRequest;
import org.apache.spark.resource.ResourceProfile;

/** How much memory an executor may use, for messages. */
public final class ExecutorMemory {
  private static final double OVERHEAD = 0.1;
  private static final long LEAST_OVERHEAD_MIB = 384;

  private ExecutorMemory() {}

  /**
   * The limits in words.
   *
   * @param profile of the tasks; empty for the session's own
   */
  public static String of(SparkContext context, Optional<ResourceProfile> profile) {
    if (context.isLocal()) {
      return "The driver, which runs the tasks, has %d MiB of heap."
          .formatted(Runtime.getRuntime().maxMemory() >> 20);
    }
    SparkConf conf = context.getConf();
    long heap =
        amount(profile, ResourceProfile.MEMORY())
            .orElseGet(() -> conf.getSizeAsMb("spark.executor.memory", "1g"));
    long beside =
        amount(profile, ResourceProfile.OVERHEAD_MEM())
            .orElseGet(
                () ->
                    conf.contains("spark.executor.memoryOverhead")
                        ? conf.getSizeAsMb("spark.executor.memoryOverhead", "384m")
                        : Math.max((long) (heap * OVERHEAD), LEAST_OVERHEAD_MIB));
    return "An executor has %d MiB of heap, and %d MiB beside it for Python workers and all else."
        .formatted(heap, beside);
  }

  private static Optional<Long> amount(Optional<ResourceProfile> profile, String resource) {
    return profile
        .map(of -> of.executorResourcesJMap().get(resource))
        .map(ExecutorResourceRequest::amount);
  }
}
