package io.lancebackfill.run;

import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import io.lancebackfill.resource.FunctionResources;
import io.lancebackfill.resource.LocalGpus;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Optional;
import org.apache.spark.SparkContext;
import org.apache.spark.resource.ResourceProfile;

/**
 * How the tasks of a job get what its function asks for, in this session.
 *
 * @param slots tasks that can run at once, as far as it is known: executors come and go
 * @param most tasks that may be with Spark at once; 0 where Spark itself sees to it
 * @param profile what Spark is asked for; empty where the session's own tasks have it
 * @param notes what is not done to the letter, for the user
 */
public record TaskResources(
    int slots, int most, Optional<ResourceProfile> profile, List<String> notes) {

  /**
   * Works it out. Starts nothing.
   *
   * @param python whether Python workers take the memory, beside the executor's own
   * @throws BackfillException RESOURCES_UNAVAILABLE with a line for each thing that this session
   *     can never give
   */
  public static TaskResources of(SparkContext context, FunctionResources asked, boolean python) {
    int all = Math.max(1, context.defaultParallelism());
    if (asked.gpus() == 0 && asked.memoryBytes() == 0 && asked.cpus() <= 1) {
      return new TaskResources(all, 0, Optional.empty(), List.of());
    }
    return context.isLocal()
        ? local(context, asked, all)
        : ClusterProfile.of(ClusterProfile.Cluster.of(context), asked, python);
  }

  private static TaskResources local(SparkContext context, FunctionResources asked, int cpus) {
    int gpus = asked.gpus() == 0 ? 0 : LocalGpus.addresses(context).size();
    long memory = physicalMemory();
    Faults faults = new Faults();
    if (asked.cpus() > cpus) {
      unavailable(
          faults,
          "num_cpus is %s, and this session, %s, runs on %d. Start it with spark.master=local[%d], or ask for fewer."
              .formatted(
                  text(asked.cpus()), context.master(), cpus, (int) Math.ceil(asked.cpus())));
    }
    if (asked.gpus() > gpus) {
      unavailable(
          faults,
          "num_gpus is %s, and this machine has %s. GPUs are those of spark.driver.resource.gpu.amount, else those that CUDA_VISIBLE_DEVICES names, else those that nvidia-smi lists: set one of them, or ask for fewer."
              .formatted(text(asked.gpus()), gpus == 0 ? "none" : Integer.toString(gpus)));
    }
    if (asked.memoryBytes() > memory) {
      unavailable(
          faults,
          "memory is %s, and this machine has %s. Ask for less."
              .formatted(size(asked.memoryBytes()), size(memory)));
    }
    faults.throwIfAny();
    int most = cpus;
    if (asked.cpus() > 1) {
      most = Math.min(most, (int) (cpus / asked.cpus()));
    }
    if (asked.gpus() > 0) {
      most = Math.min(most, gpuTasks(asked.gpus(), gpus));
    }
    if (asked.memoryBytes() > 0) {
      most = (int) Math.min(most, memory / asked.memoryBytes());
    }
    return new TaskResources(most, most < cpus ? most : 0, Optional.empty(), List.of());
  }

  /** Tasks that so many GPUs serve at once. */
  static int gpuTasks(double each, int gpus) {
    return each <= 1 ? gpus * FunctionResources.sharesOf(each) : gpus / (int) Math.ceil(each);
  }

  static void unavailable(Faults faults, String problem) {
    faults.add(BackfillErrorCode.RESOURCES_UNAVAILABLE, problem);
  }

  static String text(double amount) {
    return amount == Math.rint(amount) ? Long.toString((long) amount) : Double.toString(amount);
  }

  /** In MiB, as Spark's own messages. */
  static String size(long bytes) {
    return (bytes >> 20) + " MiB";
  }

  /** Of the machine, or of the container that this process runs in. */
  private static long physicalMemory() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getTotalMemorySize();
  }

  /**
   * Tasks that may be with Spark at once.
   *
   * @param concurrency of the call; 0 for as many as there are, as here
   */
  public int atMost(int concurrency) {
    return most == 0 || concurrency == 0
        ? Math.max(most, concurrency)
        : Math.min(most, concurrency);
  }
}
