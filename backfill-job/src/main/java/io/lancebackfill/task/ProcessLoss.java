package io.lancebackfill.task;

import java.io.Serializable;

/**
 * The loss of a process that ran a task.
 *
 * @param reason in the words of Spark or of the cluster
 */
public record ProcessLoss(Cause cause, String reason) implements Serializable {
  /** Whose doing it was, as far as anybody says. */
  public enum Cause {
    /** The task's own, as far as is known: a crash, or an end that nothing explains. */
    CRASH,
    /** The process used more memory than it may. */
    MEMORY,
    /** Something killed it, and nothing says that it was for memory. */
    KILLED,
    /** The cluster took it, or its node went. */
    CLUSTER
  }
}
