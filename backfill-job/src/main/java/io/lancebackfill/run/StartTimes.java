package io.lancebackfill.run;

import io.lancebackfill.cluster.check.PodStart;
import io.lancebackfill.error.RootCause;
import io.lancebackfill.state.Json;
import io.lancebackfill.task.PackResult;
import io.lancebackfill.task.StartWaits;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.apache.spark.SparkContext;
import org.apache.spark.resource.ResourceProfile;
import org.apache.spark.status.api.v1.ExecutorSummary;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Option;
import scala.collection.JavaConverters;

/**
 * How long a job's first tasks and rows took to come, and what they waited for. Told by the tasks'
 * results; nothing is asked of executors for it, and Kubernetes once, beside the job. Used by the
 * thread that drives the job.
 */
public final class StartTimes {
  private static final Logger LOG = LoggerFactory.getLogger(StartTimes.class);
  private static final double NANOS = 1e9;

  private final long calledAt;
  private final Function<List<String>, Optional<PodStart>> podsOf;
  private final long calledAtMs = System.currentTimeMillis();
  private final Map<String, Double> steps = new LinkedHashMap<>();
  private boolean sawExecutors;

  /** Asked for beside the job: nothing waits for it. */
  private CompletableFuture<Optional<PodStart>> pods =
      CompletableFuture.completedFuture(Optional.empty());

  /**
   * @param calledAt when the job was called for, by {@link System#nanoTime}
   * @param podsOf what the pods of executors, given by their ids, waited for; on Kubernetes
   */
  public StartTimes(long calledAt, Function<List<String>, Optional<PodStart>> podsOf) {
    this.calledAt = calledAt;
    this.podsOf = podsOf;
  }

  /** Tasks are given to Spark: what the driver does before is done. */
  void submitting() {
    steps.computeIfAbsent("driver", step -> (System.nanoTime() - calledAt) / NANOS);
  }

  /** A pack has come back, right now. */
  void came(PackResult result, SparkContext context, Optional<ResourceProfile> profile) {
    long now = System.nanoTime();
    PackResult.Times times = result.times();
    least("first_task", now - times.sinceBegin() - calledAt);
    if (times.sinceFirstRow() >= 0) {
      least("first_row", now - times.sinceFirstRow() - calledAt);
    }
    StartWaits waits = times.waits();
    most("manifest", waits.manifest());
    most("python", waits.python());
    most("function", waits.function());
    if (!sawExecutors && !context.isLocal()) {
      sawExecutors = true;
      executors(context, profile);
    }
  }

  private void least(String step, long nanos) {
    steps.merge(step, Math.max(0, nanos) / NANOS, Math::min);
  }

  private void most(String step, long nanos) {
    if (nanos >= 0) {
      steps.merge(step, nanos / NANOS, Math::max);
    }
  }

  private void executors(SparkContext context, Optional<ResourceProfile> profile) {
    Option<org.apache.spark.ExecutorAllocationManager> dynamic =
        context.executorAllocationManager();
    int id = dynamic.isDefined() ? profile.map(ResourceProfile::id).orElse(0) : -1;
    long first = Long.MAX_VALUE;
    int granted = 0;
    List<String> came = new ArrayList<>();
    for (ExecutorSummary executor :
        JavaConverters.seqAsJavaList(context.statusStore().executorList(true))) {
      if (!executor.id().equals("driver") && (id < 0 || executor.resourceProfileId() == id)) {
        granted++;
        long addedAt = executor.addTime().toInstant().toEpochMilli();
        first = Math.min(first, addedAt);
        if (addedAt >= calledAtMs) {
          came.add(executor.id());
        }
      }
    }
    Option<Object> asked =
        dynamic.isDefined()
            ? dynamic.get().numExecutorsTargetPerResourceProfileId().get(id)
            : Option.empty();
    if (asked.isDefined()) {
      steps.put("executors_requested", ((Integer) asked.get()).doubleValue());
    } else if (context.getConf().contains("spark.executor.instances")) {
      steps.put(
          "executors_requested", (double) context.getConf().getInt("spark.executor.instances", 0));
    }
    steps.put("executors_granted", (double) granted);
    if (granted > 0) {
      steps.put("first_executor", Math.max(0, first - calledAtMs) / 1e3);
    }
    if (context.master().startsWith("k8s") && !came.isEmpty()) {
      pods = CompletableFuture.supplyAsync(() -> pods(came));
    }
  }

  private Optional<PodStart> pods(List<String> executors) {
    try {
      return podsOf.apply(executors);
    } catch (RuntimeException | LinkageError e) {
      LOG.info("What executors' pods waited for is not known: {}", RootCause.of(e));
      return Optional.empty();
    }
  }

  private static double seconds(Duration time) {
    return time.toMillis() / 1e3;
  }

  /** What is known, to the millisecond; as JSON. */
  public String json() {
    pods.getNow(Optional.empty())
        .ifPresent(
            start -> {
              steps.put("node", seconds(start.node()));
              steps.put("image_pull", seconds(start.imagePull()));
            });
    Map<String, Double> rounded = new LinkedHashMap<>();
    steps.forEach((step, seconds) -> rounded.put(step, Math.round(seconds * 1e3) / 1e3));
    return Json.write(rounded);
  }
}
