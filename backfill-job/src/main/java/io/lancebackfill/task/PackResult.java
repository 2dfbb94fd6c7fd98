package io.lancebackfill.task;

import java.io.Serializable;
import java.util.List;

/**
 * What a pack of tasks reports.
 *
 * @param results of its first tasks, in their order; the others were not run to their end, and are
 *     to be run again
 * @param nanos how long the tasks with results took together
 * @param apart whether the others are to run each for itself: one of them failed, and which row of
 *     which fragment it was is certain only then
 * @param times when the pack began and its first row came, seen from its end
 */
public record PackResult(List<TaskResult> results, long nanos, boolean apart, Times times)
    implements Serializable {
  /**
   * In nanoseconds.
   *
   * @param sinceBegin how long ago the pack began
   * @param sinceFirstRow how long ago its first computed row came; -1 if none did
   */
  public record Times(long sinceBegin, long sinceFirstRow, StartWaits waits)
      implements Serializable {}
}
