package io.lancebackfill.context;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.spark.ExecutorAllocationClient;
import org.apache.spark.SparkContext;
import org.apache.spark.status.api.v1.ExecutorSummary;
import scala.collection.JavaConverters;

/** The executors that a session has, and the end of idle ones before Spark ends them. */
public final class SessionExecutors {
  private static final String DYNAMIC = "spark.dynamicAllocation.enabled";
  private static final String LEAST = "spark.dynamicAllocation.minExecutors";
  private static final String DRIVER = "driver";

  private final SparkContext context;

  public SessionExecutors(SparkContext context) {
    this.context = context;
  }

  /**
   * An executor.
   *
   * @param profile number of its resource profile; 0 is the session's own
   * @param since when it came
   */
  public record Listed(
      String id, String host, int profile, int slots, int runningTasks, Instant since) {}

  /** Those that are there, without the driver's own threads in local mode. */
  public List<Listed> list() {
    return summaries().stream()
        .map(
            executor ->
                new Listed(
                    executor.id(),
                    executor.hostPort(),
                    executor.resourceProfileId(),
                    executor.maxTasks(),
                    executor.activeTasks(),
                    executor.addTime().toInstant()))
        .toList();
  }

  private List<ExecutorSummary> summaries() {
    return JavaConverters.seqAsJavaList(context.statusStore().executorList(true)).stream()
        .filter(executor -> !executor.id().equals(DRIVER))
        .toList();
  }

  /**
   * Ends executors that run nothing and keep nothing of other queries: no cached blocks, no shuffle
   * files. As many of a profile stay as the session's minimum says. Without dynamic allocation all
   * stay, since nothing would start them again.
   *
   * @param keep ids of those that stay
   * @return the ids of those that end
   */
  public List<String> release(Set<String> keep) {
    if (!context.getConf().getBoolean(DYNAMIC, false)
        || !(context.schedulerBackend() instanceof ExecutorAllocationClient client)) {
      return List.of();
    }
    int least = context.getConf().getInt(LEAST, 0);
    Map<Integer, Integer> ofProfile = new HashMap<>();
    List<ExecutorSummary> all = new ArrayList<>(summaries());
    all.forEach(executor -> ofProfile.merge(executor.resourceProfileId(), 1, Integer::sum));
    List<String> ending = new ArrayList<>();
    // The status store hears of the end of a task late: those that seem busy come last, and whether
    // they are is known to the scheduler, which ends none that is.
    all.sort(Comparator.comparingInt(ExecutorSummary::activeTasks));
    for (ExecutorSummary executor : all) {
      int left = ofProfile.getOrDefault(executor.resourceProfileId(), 0);
      boolean empty = executor.rddBlocks() == 0 && executor.totalShuffleWrite() == 0;
      if (empty && left > least && !keep.contains(executor.id())) {
        ofProfile.put(executor.resourceProfileId(), left - 1);
        ending.add(executor.id());
      }
    }
    if (ending.isEmpty()) {
      return List.of();
    }
    // As dynamic allocation itself ends idle ones: its target is what tasks need, which is none.
    return JavaConverters.seqAsJavaList(
        client.killExecutors(
            JavaConverters.asScalaBuffer(ending).toSeq(),
            /* adjustTargetNumExecutors= */ false,
            /* countFailures= */ false,
            /* force= */ false));
  }
}
