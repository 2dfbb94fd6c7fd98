package io.lancebackfill.run;

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

  /**
   * The end of a first attempt.
   *
   * @param counts whether it may be the task's own doing; false if its executor was preempted,
   *     decommissioned or stopped by the cluster manager, and for tasks that were killed
   * @param reason in Spark's words
   */
  record Loss(boolean counts, String reason) {}

  private record Place(int stageId, int partition) {}

  private final String jobGroup;
  private final Set<Integer> stages = new HashSet<>();
  private final Map<Place, Loss> losses = new HashMap<>();
  private final Map<Place, String> executors = new HashMap<>();

  LostAttempts(String jobGroup) {
    this.jobGroup = jobGroup;
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
    losses.put(place, new Loss(failed.countTowardsTaskFailures(), failed.toErrorString()));
    if (failed instanceof ExecutorLostFailure lost) {
      executors.put(place, lost.execId());
    }
    notifyAll();
  }

  /** How the first attempt of a task ended, if Spark says so in time. */
  synchronized Loss of(int stageId, int partition) throws InterruptedException {
    Place place = new Place(stageId, partition);
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (!losses.containsKey(place)) {
      long left = TimeUnit.NANOSECONDS.toMillis(until - System.nanoTime());
      if (left <= 0) {
        return new Loss(true, "Spark lost the process of an earlier attempt.");
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
