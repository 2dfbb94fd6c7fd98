package io.lancebackfill.run;

import io.lancebackfill.task.ProcessLoss;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.spark.ExecutorLostFailure;
import org.apache.spark.TaskFailedReason;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.scheduler.SparkListenerTaskEnd;

/**
 * Why the first attempts of one job group's tasks came to nothing. Only the driver is told: to an
 * executor a task that was preempted looks like one that took its process down.
 */
final class LostAttempts extends SparkListener {
  /** Spark tells listeners late when it is busy; a result may be there before. */
  private static final long PATIENCE_SECONDS = 10;

  private static final String JOB_GROUP = "spark.jobGroup.id";

  private record Place(int stageId, int partition) {}

  private final String jobGroup;
  private final boolean kubernetes;
  private final Set<Integer> stages = new HashSet<>();
  private final Map<Place, ProcessLoss> losses = new HashMap<>();
  private final Map<Place, String> executors = new HashMap<>();

  /**
   * @param kubernetes whether executors are pods, whose ends Spark tells in other words
   */
  LostAttempts(String jobGroup, boolean kubernetes) {
    this.jobGroup = jobGroup;
    this.kubernetes = kubernetes;
  }

  @Override
  public synchronized void onJobStart(SparkListenerJobStart job) {
    if (job.properties() != null && jobGroup.equals(job.properties().getProperty(JOB_GROUP))) {
      job.stageIds().foreach(id -> stages.add((Integer) id));
    }
  }

  @Override
  public synchronized void onTaskEnd(SparkListenerTaskEnd end) {
    if (!stages.contains(end.stageId())
        || end.taskInfo().attemptNumber() > 0
        || !(end.reason() instanceof TaskFailedReason failed)) {
      return;
    }
    Place place = new Place(end.stageId(), end.taskInfo().partitionId());
    losses.put(place, LossCauses.of(failed, kubernetes));
    if (failed instanceof ExecutorLostFailure lost) {
      executors.put(place, lost.execId());
    }
    notifyAll();
  }

  /** How the first attempt of a task ended, if Spark says so in time. */
  synchronized ProcessLoss of(int stageId, int partition) throws InterruptedException {
    Place place = new Place(stageId, partition);
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (!losses.containsKey(place)) {
      long left = TimeUnit.NANOSECONDS.toMillis(until - System.nanoTime());
      if (left <= 0) {
        return new ProcessLoss(
            ProcessLoss.Cause.CRASH, "Spark lost the process of an earlier attempt.");
      }
      wait(left);
    }
    return losses.get(place);
  }

  /** Whether the executor that was lost with a task took another one of the group with it. */
  synchronized boolean inCompany(int stageId, int partition) {
    String executor = executors.get(new Place(stageId, partition));
    return executor != null && executors.values().stream().filter(executor::equals).count() > 1;
  }
}
