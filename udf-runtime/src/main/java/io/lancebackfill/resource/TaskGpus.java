package io.lancebackfill.resource;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkContext$;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskKilledException;
import org.jspecify.annotations.Nullable;

/**
 * The GPUs of a running task. On a cluster Spark gives them; where the driver runs the tasks
 * itself, it has none to give, and tasks take their shares here, over all jobs of the process.
 */
public final class TaskGpus {
  private static final Map<Long, List<String>> TAKEN = new ConcurrentHashMap<>();
  private static @Nullable SharesOf shares;

  /** Of one session: the next one in the process may have been given other GPUs. */
  private record SharesOf(String application, GpuShares gpus) {}

  private TaskGpus() {}

  /** The addresses of the task's GPUs, as Spark or CUDA names them; empty without any. */
  public static List<String> of(TaskContext task) {
    var gpu = task.resourcesJMap().get("gpu");
    return gpu == null
        ? TAKEN.getOrDefault(task.taskAttemptId(), List.of())
        : List.of(gpu.addresses());
  }

  /** What tells a Python worker which GPUs it may use, before it imports anything. */
  public static Map<String, String> environment(TaskContext task) {
    List<String> addresses = of(task);
    return addresses.isEmpty() ? Map.of() : Map.of(LocalGpus.VISIBLE, String.join(",", addresses));
  }

  /**
   * Runs the body with as many GPUs, if the driver runs this task itself: elsewhere Spark sees to
   * them. Waits until they are free.
   */
  public static <T> T holding(double gpus, Supplier<T> body) {
    SparkContext context = localDriver();
    TaskContext task = TaskContext.get();
    if (gpus == 0 || context == null || task == null) {
      return body.get();
    }
    GpuShares of = shares(context);
    List<String> taken;
    try {
      taken = of.take(gpus, task::killTaskIfInterrupted);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new TaskKilledException("interrupted while it waited for a GPU");
    }
    TAKEN.put(task.taskAttemptId(), taken);
    try {
      return body.get();
    } finally {
      TAKEN.remove(task.taskAttemptId());
      of.give(taken, gpus);
    }
  }

  private static synchronized GpuShares shares(SparkContext context) {
    SharesOf known = shares;
    if (known == null || !known.application().equals(context.applicationId())) {
      known = new SharesOf(context.applicationId(), new GpuShares(LocalGpus.addresses(context)));
      shares = known;
    }
    return known.gpus();
  }

  /** The context whose tasks run in this process; null on an executor. */
  private static @Nullable SparkContext localDriver() {
    scala.Option<SparkContext> active = SparkContext$.MODULE$.getActive();
    return active.isDefined() && active.get().isLocal() ? active.get() : null;
  }
}
