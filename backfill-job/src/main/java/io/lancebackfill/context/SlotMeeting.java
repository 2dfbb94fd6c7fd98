package io.lancebackfill.context;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskKilledException;

/**
 * Where the tasks of one executor wait for each other, so that each is on a slot of its own. A
 * barrier of Spark's would do, but does not go with dynamic allocation.
 */
final class SlotMeeting {
  private static final Map<String, SlotMeeting> OPEN = new ConcurrentHashMap<>();
  private static final long LOOK_MS = 100;

  private final AtomicInteger came = new AtomicInteger();
  private final CountDownLatch all;

  private SlotMeeting(int expected) {
    this.all = new CountDownLatch(expected);
  }

  /**
   * Waits for the other tasks of this process: some may be kept out by tasks of other jobs.
   *
   * @param key of the meeting
   * @param expected tasks
   * @return how many have come
   */
  static int attend(String key, int expected, Duration most) {
    SlotMeeting meeting = OPEN.computeIfAbsent(key, k -> new SlotMeeting(expected));
    meeting.came.incrementAndGet();
    meeting.all.countDown();
    try {
      waitFor(meeting.all, most);
    } finally {
      OPEN.remove(key, meeting);
    }
    return meeting.came.get();
  }

  /** Waits until Spark ends the task, or the time is over. */
  static void hold(Duration most) {
    waitFor(new CountDownLatch(1), most);
  }

  private static void waitFor(CountDownLatch latch, Duration most) {
    TaskContext task = TaskContext.get();
    long until = System.nanoTime() + most.toNanos();
    try {
      while (!latch.await(LOOK_MS, TimeUnit.MILLISECONDS) && System.nanoTime() < until) {
        if (task != null) {
          task.killTaskIfInterrupted();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new TaskKilledException("interrupted while it waited for other tasks");
    }
  }
}
