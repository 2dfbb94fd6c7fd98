package io.lancebackfill.progress;

import io.lancebackfill.state.JobCounts;
import io.lancebackfill.state.JobStatus;
import java.time.Duration;

/**
 * A job that another one follows, which computes from the values that it commits. Tells its own
 * listener all that it is told.
 */
public final class FollowedJob implements JobListener {
  private final JobListener listener;
  private long steps;
  private boolean over;

  public FollowedJob(JobListener listener) {
    this.listener = listener;
  }

  /** Its commits so far, and its end. What they attached is in the table. */
  public synchronized long steps() {
    return steps;
  }

  /**
   * Waits until it commits, or is over.
   *
   * @param seen its steps when the caller last read the table
   * @return false if it is over and there have been no more steps
   */
  public synchronized boolean awaitBeyond(long seen) throws InterruptedException {
    while (steps == seen && !over) {
      wait();
    }
    return steps != seen;
  }

  /** It makes no more commits, whatever became of it. */
  public synchronized void over() {
    if (!over) {
      over = true;
      steps++;
      notifyAll();
    }
  }

  @Override
  public void committed(JobInfo job, JobCounts counts, long version) {
    listener.committed(job, counts, version);
    synchronized (this) {
      steps++;
      notifyAll();
    }
  }

  @Override
  public void planned(JobInfo job, JobCounts counts, long rowsToCompute, int slots) {
    listener.planned(job, counts, rowsToCompute, slots);
  }

  @Override
  public void running(
      JobInfo job, JobCounts counts, long rowsDone, long rowsToCompute, Duration elapsed) {
    listener.running(job, counts, rowsDone, rowsToCompute, elapsed);
  }

  @Override
  public void notice(JobInfo job, String message) {
    listener.notice(job, message);
  }

  @Override
  public void ended(
      JobInfo job, JobStatus status, JobCounts counts, Duration elapsed, String message) {
    listener.ended(job, status, counts, elapsed, message);
  }
}
