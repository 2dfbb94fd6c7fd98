package io.lancebackfill.context;

import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.compute.ArrowFunction;
import io.lancebackfill.config.Durations;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.environment.WorkerEnvironment;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.RootCause;
import io.lancebackfill.run.TaskResources;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaFutureAction;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.resource.ResourceProfile;
import org.jspecify.annotations.Nullable;

/**
 * Has executors, Python workers and what those load there before a job needs them. Each step is a
 * Spark job with a task for each slot. Used once.
 */
public final class WarmUp {
  private static final String DYNAMIC = "spark.dynamicAllocation.enabled";
  private static final long LOOK_MS = 100;

  private final SparkContext context;
  private final Place place;
  private final Content content;
  private final AdmissionWatch admission;
  private final ExecutorsOfProfile ofProfile;
  private final long deadline;

  /**
   * Where.
   *
   * @param cluster that the call names, or null
   * @param resources of the tasks
   * @param gpus of a task
   * @param executors how many there shall be; 0 for one at least
   * @param timeout of all steps together
   */
  public record Place(
      @Nullable ClusterSpec cluster,
      TaskResources resources,
      double gpus,
      int executors,
      Duration timeout) {}

  /**
   * What.
   *
   * @param program that Python workers run
   * @param environment that is installed for them, or null
   * @param function that they load, or null
   * @param table that keeps the function, or null
   */
  public record Content(
      String program,
      @Nullable WorkerEnvironment environment,
      @Nullable ArrowFunction function,
      @Nullable DatasetRef table) {}

  /**
   * What was done.
   *
   * @param name executors, manifest, python or function
   * @param detail where, and what of it could not be had
   */
  public record Step(String name, double seconds, String detail) {}

  /**
   * @param notices is told what a user should know meanwhile
   */
  public WarmUp(SparkContext context, Place place, Content content, Consumer<String> notices) {
    this.context = context;
    this.place = place;
    this.content = content;
    Optional<ResourceProfile> profile = place.resources.profile();
    this.admission = AdmissionWatch.of(context, place.cluster, profile, place.timeout, notices);
    this.ofProfile = new ExecutorsOfProfile(context, profile);
    this.deadline = System.nanoTime() + place.timeout.toNanos();
  }

  /**
   * Takes the steps.
   *
   * @throws BackfillException ADMISSION_TIMEOUT if no executor comes, or a step is not done, in
   *     time; JOB_INTERRUPTED; and what keeps a function's workers from running
   */
  public List<Step> run() {
    List<Step> steps = new ArrayList<>();
    steps.add(executors());
    if (content.environment != null) {
      steps.add(onSlots("manifest", new SlotWork.Install(content.environment, content.program)));
    }
    steps.add(onSlots("python", new SlotWork.Start(content.program, content.environment)));
    if (content.function != null && content.table != null) {
      steps.add(onSlots("function", new SlotWork.Load(content.function, content.table)));
    }
    return steps;
  }

  private Map<String, Integer> slots() {
    return context.isLocal() ? Map.of("driver", place.resources.slots()) : ofProfile.slots();
  }

  private Step executors() {
    long started = System.nanoTime();
    List<String> notes = new ArrayList<>(place.resources.notes());
    boolean dynamic = context.getConf().getBoolean(DYNAMIC, false);
    if (!context.isLocal()) {
      if (!dynamic && place.executors > 0) {
        notes.add("none is requested without " + DYNAMIC + "=true");
      }
      await(dynamic ? Math.max(1, place.executors) : 1, dynamic);
    }
    Map<String, Integer> slots = slots();
    if (dynamic && !context.isLocal() && slots.size() < place.executors) {
      notes.add("%d were asked for".formatted(place.executors));
    }
    notes.add(0, counted(slots));
    double seconds = context.isLocal() ? 0 : seconds(started);
    return new Step("executors", seconds, String.join("; ", notes));
  }

  /** Dynamic allocation asks for executors while tasks wait, and for no more than they need. */
  private void await(int wanted, boolean dynamic) {
    if (ofProfile.slots().size() >= wanted) {
      return;
    }
    Duration left = Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
    JavaFutureAction<List<Integer>> holding =
        submit(
            dynamic ? wanted * perExecutor() : 1,
            numbers -> {
              SlotMeeting.hold(left);
              return numbers;
            });
    try {
      while (ofProfile.slots().size() < wanted) {
        boolean late = System.nanoTime() >= deadline;
        if (over(holding) || (late && ofProfile.any())) {
          return;
        }
        admission.tick();
      }
    } finally {
      holding.cancel(true);
    }
  }

  private int perExecutor() {
    ResourceProfile profile =
        place
            .resources
            .profile()
            .orElseGet(() -> context.resourceProfileManager().defaultResourceProfile());
    return Math.max(1, profile.maxTasksPerExecutor(context.getConf()));
  }

  private Step onSlots(String name, SlotWork.Work work) {
    long started = System.nanoTime();
    Map<String, Integer> slots = slots();
    int tasks = Math.max(1, slots.values().stream().mapToInt(Integer::intValue).sum());
    SlotWork each =
        new SlotWork(UUID.randomUUID().toString(), new HashMap<>(slots), place.gpus, work);
    JavaFutureAction<List<SlotWork.Done>> running = submit(tasks, each);
    Map<String, Integer> met = new HashMap<>();
    try {
      while (!over(running)) {
        admission.tick();
        if (System.nanoTime() >= deadline) {
          throw new BackfillException(
              BackfillErrorCode.ADMISSION_TIMEOUT,
              "Step %s of warm_up, on %s, is not done in %s. Other jobs may have the slots, or what it loads takes longer: give it a longer timeout. What was started stays."
                  .formatted(name, counted(slots), Durations.format(place.timeout)));
        }
      }
      for (SlotWork.Done done : result(name, running)) {
        done.throwIfFailed();
        met.merge(done.executor(), done.met(), Math::max);
      }
    } finally {
      running.cancel(true);
    }
    String detail = counted(met);
    return new Step(
        name,
        seconds(started),
        met.equals(slots) ? detail : detail + "; other jobs had the rest of " + counted(slots));
  }

  private <T> JavaFutureAction<List<T>> submit(
      int tasks, FlatMapFunction<java.util.Iterator<Integer>, T> work) {
    JavaRDD<T> rdd =
        JavaSparkContext.fromSparkContext(context)
            .parallelize(IntStream.range(0, tasks).boxed().toList(), tasks)
            .mapPartitions(work);
    place.resources.profile().ifPresent(rdd::withResources);
    return rdd.collectAsync();
  }

  /** Whether it has ended; waits a little. */
  private static boolean over(JavaFutureAction<?> action) {
    try {
      action.get(LOOK_MS, TimeUnit.MILLISECONDS);
      return true;
    } catch (TimeoutException e) {
      return false;
    } catch (ExecutionException e) {
      return true;
    } catch (InterruptedException e) {
      throw interrupted(e);
    }
  }

  private static <T> T result(String step, JavaFutureAction<T> ended) {
    try {
      return ended.get();
    } catch (ExecutionException e) {
      throw new BackfillException(
          BackfillErrorCode.TASK_FAILED,
          "Spark gave up the tasks of step %s of warm_up: %s. Look at the executors' logs, and call it again."
              .formatted(step, RootCause.of(e)),
          e);
    } catch (InterruptedException e) {
      throw interrupted(e);
    }
  }

  private static BackfillException interrupted(InterruptedException e) {
    Thread.currentThread().interrupt();
    return new BackfillException(
        BackfillErrorCode.JOB_INTERRUPTED,
        "The warm-up was interrupted. What was started stays; the same call goes on from there.",
        e);
  }

  private static double seconds(long started) {
    return (System.nanoTime() - started) / 1e9;
  }

  private static String counted(Map<String, Integer> slots) {
    int all = slots.values().stream().mapToInt(Integer::intValue).sum();
    return "%d executor%s, %d slot%s"
        .formatted(slots.size(), slots.size() == 1 ? "" : "s", all, all == 1 ? "" : "s");
  }
}
