package io.lancebackfill.run;

import static io.lancebackfill.run.TaskResources.size;
import static io.lancebackfill.run.TaskResources.text;
import static io.lancebackfill.run.TaskResources.unavailable;

import io.lancebackfill.error.Faults;
import io.lancebackfill.resource.FunctionResources;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.resource.ExecutorResourceRequests;
import org.apache.spark.resource.ResourceProfile;
import org.apache.spark.resource.ResourceProfileBuilder;
import org.apache.spark.resource.TaskResourceProfile;
import org.apache.spark.resource.TaskResourceRequests;

/**
 * The resource profile of a job's tasks on a cluster. Without dynamic allocation it is one of tasks
 * alone, on the executors that there are; with it a full one, for which Spark starts executors, if
 * those of the session have too little.
 */
final class ClusterProfile {
  private static final String GPU = "gpu";
  private static final String EXECUTOR_GPUS = "spark.executor.resource.gpu.amount";
  private static final String TASK_GPUS = "spark.task.resource.gpu.amount";
  private static final String DISCOVERY = "spark.executor.resource.gpu.discoveryScript";

  /** As Spark: what an executor may use beside its heap, where nothing else is set. */
  private static final double OVERHEAD = 0.1;

  private static final long LEAST_OVERHEAD = 384L << 20;

  /** Equal profiles of a session are one: Spark keeps executors for each apart. */
  private static final Map<Key, ResourceProfile> KNOWN = new ConcurrentHashMap<>();

  private record Key(String application, boolean full, int cpus, double gpus, long memory) {}

  /**
   * What is known of a session on a cluster.
   *
   * @param application its id
   * @param cpus of all executors
   * @param executors that there are now, 1 or more
   */
  record Cluster(SparkConf conf, String master, String application, int cpus, int executors) {
    static Cluster of(SparkContext context) {
      return new Cluster(
          context.getConf(),
          context.master(),
          context.applicationId(),
          context.defaultParallelism(),
          TaskRunner.processes(context));
    }
  }

  private final Cluster cluster;
  private final SparkConf conf;
  private final FunctionResources asked;
  private final boolean python;
  private final List<String> notes = new ArrayList<>();
  private final Faults faults = new Faults();
  private final boolean dynamic;

  /** Of an executor; 0 if the cluster decides. */
  private final int cores;

  private final int gpus;
  private final long memory;
  private int cpus;

  private ClusterProfile(Cluster cluster, FunctionResources asked, boolean python) {
    this.cluster = cluster;
    this.conf = cluster.conf();
    this.asked = asked;
    this.python = python;
    this.dynamic = conf.getBoolean("spark.dynamicAllocation.enabled", false);
    boolean standalone = cluster.master().startsWith("spark://");
    this.cores = conf.getInt("spark.executor.cores", standalone ? 0 : 1);
    this.gpus = conf.getInt(EXECUTOR_GPUS, 0);
    long heap = conf.getSizeAsBytes("spark.executor.memory", "1g");
    this.memory = heap + overhead(heap);
    this.cpus = (int) Math.ceil(Math.max(asked.cpus(), conf.getInt("spark.task.cpus", 1)));
  }

  static TaskResources of(Cluster cluster, FunctionResources asked, boolean python) {
    return new ClusterProfile(cluster, asked, python).resources();
  }

  private long overhead(long heap) {
    long least = Math.max((long) (heap * OVERHEAD), LEAST_OVERHEAD);
    return conf.contains("spark.executor.memoryOverhead")
        ? conf.getSizeAsMb("spark.executor.memoryOverhead", "384m") << 20
        : least;
  }

  private TaskResources resources() {
    if (asked.cpus() > 1 && asked.cpus() != cpus) {
      notes.add(
          "num_cpus is %s; Spark counts whole ones, and a task gets %d"
              .formatted(text(asked.cpus()), cpus));
    }
    double gpusOfTask = wholeOrShare();
    boolean suffice =
        gpusOfTask <= gpus && asked.memoryBytes() <= memory && (cores == 0 || cpus <= cores);
    boolean full = dynamic && !suffice;
    if (!dynamic) {
      requireOf(gpusOfTask);
    }
    faults.throwIfAny();
    if (!full && asked.memoryBytes() > 0) {
      shareMemory();
    }
    Key key =
        new Key(cluster.application(), full, cpus, gpusOfTask, full ? asked.memoryBytes() : 0);
    Supplier<TaskResourceRequests> task =
        () -> {
          TaskResourceRequests requests = new TaskResourceRequests().cpus(cpus);
          return gpusOfTask == 0 ? requests : requests.resource(GPU, gpusOfTask);
        };
    ResourceProfile profile =
        KNOWN.computeIfAbsent(
            key,
            k ->
                full
                    ? full(task.get(), gpusOfTask)
                    : new TaskResourceProfile(task.get().requests()));
    int slots = Math.max(1, cluster.cpus() / cpus);
    if (gpusOfTask > 0 && gpus > 0) {
      slots = Math.min(slots, cluster.executors() * TaskResources.gpuTasks(gpusOfTask, gpus));
    }
    return new TaskResources(slots, 0, Optional.of(profile), List.copyOf(notes));
  }

  /** Spark knows parts of up to a half, and whole ones. */
  private double wholeOrShare() {
    double each = asked.gpus();
    if (each == 0 || each == Math.rint(each) || each <= 0.5) {
      return each;
    }
    notes.add(
        "num_gpus is %s; Spark gives a half or less, or whole ones, and a task gets %d"
            .formatted(text(each), (int) Math.ceil(each)));
    return Math.ceil(each);
  }

  /** What executors of the session can never give. */
  private void requireOf(double gpusOfTask) {
    String orDynamic =
        " Or set spark.dynamicAllocation.enabled=true, with which Spark starts executors for this function.";
    if (gpusOfTask > gpus) {
      unavailable(
          faults,
          "num_gpus is %s, and an executor of this session has %s. Set %s to %d or more, with %s, when the session starts.%s"
              .formatted(
                  text(asked.gpus()),
                  gpus == 0 ? "none" : gpus,
                  EXECUTOR_GPUS,
                  (int) Math.ceil(gpusOfTask),
                  DISCOVERY,
                  orDynamic));
    } else if (gpusOfTask > 0) {
      requireShares(gpusOfTask, orDynamic);
    }
    if (cores > 0 && cpus > cores) {
      unavailable(
          faults,
          "num_cpus is %s, and an executor of this session has %d. Set spark.executor.cores to %d or more when the session starts, or ask for fewer.%s"
              .formatted(text(asked.cpus()), cores, cpus, orDynamic));
    }
    if (asked.memoryBytes() > memory) {
      unavailable(
          faults,
          "memory is %s, and an executor of this session has %s. Raise %s when the session starts, or ask for less.%s"
              .formatted(
                  size(asked.memoryBytes()),
                  size(memory),
                  python ? "spark.executor.memoryOverhead" : "spark.executor.memory",
                  orDynamic));
    }
  }

  /**
   * Executors of Spark 3.5 cut their GPUs once, by the session's own setting; a task gets such
   * parts whatever its profile says.
   */
  private void requireShares(double gpusOfTask, String orDynamic) {
    double part = conf.getDouble(TASK_GPUS, 1);
    int parts = part < 1 ? FunctionResources.sharesOf(part) : 1;
    int wanted = gpusOfTask < 1 ? FunctionResources.sharesOf(gpusOfTask) : 1;
    if (wanted < parts) {
      unavailable(
          faults,
          "num_gpus is %s, and the executors of this session give their GPUs away in %d parts, since %s is %s: other tasks would run on the same one. Set it to %s when the session starts.%s"
              .formatted(
                  text(asked.gpus()), parts, TASK_GPUS, text(part), text(gpusOfTask), orDynamic));
    } else if (wanted > parts) {
      notes.add(
          "num_gpus is %s, and the executors of this session give their GPUs away in %d parts: fewer tasks share one than could. Set %s=%s when the session starts"
              .formatted(text(asked.gpus()), parts, TASK_GPUS, text(gpusOfTask)));
    }
  }

  /** Spark counts no memory of tasks: those that an executor has room for are held by CPUs. */
  private void shareMemory() {
    long fit = memory / asked.memoryBytes();
    if (cores > 0 && fit < cores / cpus) {
      cpus = (int) Math.ceil(cores / (double) fit);
      notes.add(
          "memory is %s, and an executor has %s: a task takes %d of its %d CPUs, so that no more than %d run at once"
              .formatted(size(asked.memoryBytes()), size(memory), cpus, cores, cores / cpus));
    }
  }

  private ResourceProfile full(TaskResourceRequests task, double gpusOfTask) {
    int gpusOfExecutor =
        (int) Math.max(Math.ceil(gpusOfTask), gpusOfTask > 0 ? Math.max(1, gpus) : 0);
    int tasks =
        gpusOfTask > 0
            ? TaskResources.gpuTasks(gpusOfTask, gpusOfExecutor)
            : Math.max(1, cores / cpus);
    ExecutorResourceRequests executor = new ExecutorResourceRequests().cores(tasks * cpus);
    long heap = conf.getSizeAsBytes("spark.executor.memory", "1g");
    long forTasks = tasks * asked.memoryBytes();
    executor.memory((Math.max(heap, python ? 0 : forTasks) >> 20) + "m");
    executor.memoryOverhead((Math.max(overhead(heap), python ? forTasks : 0) >> 20) + "m");
    if (gpusOfTask > 0) {
      executor.resource(
          GPU,
          gpusOfExecutor,
          conf.get(DISCOVERY, ""),
          conf.get("spark.executor.resource.gpu.vendor", "nvidia.com"));
    }
    return new ResourceProfileBuilder().require(executor).require(task).build();
  }
}
