package io.lancebackfill.run;

import io.lancebackfill.cluster.check.ExecutorLoss;
import io.lancebackfill.cluster.check.Finding;
import io.lancebackfill.cluster.check.FindingCode;
import io.lancebackfill.task.ProcessLoss;
import io.lancebackfill.task.ProcessLoss.Cause;
import java.util.Optional;
import java.util.regex.Pattern;
import org.apache.spark.ExceptionFailure;
import org.apache.spark.ExecutorLostFailure;
import org.apache.spark.TaskFailedReason;

/** Tells a process that ran out of memory from one that crashed and from one whose node went. */
final class LossCauses {
  /**
   * 52 is how Spark ends an executor whose heap is full; YARN says it in words. 137 is SIGKILL: the
   * kernel's, for memory, or anybody's, and Kubernetes alone tells which.
   */
  private static final Pattern OUT_OF_MEMORY =
      Pattern.compile(
          "exited with code 52\\b|exceeding (physical |virtual )?memory limits"
              + "|java\\.lang\\.OutOfMemoryError|SparkOutOfMemoryError");

  private LossCauses() {}

  /**
   * Why an attempt of a task came to nothing.
   *
   * @param kubernetes whether the executor was a pod
   */
  static ProcessLoss of(TaskFailedReason failed, boolean kubernetes) {
    String text = failed.toErrorString();
    if (failed instanceof ExceptionFailure) {
      text = text.lines().findFirst().orElse(text); // its trace is in the executor's log
    }
    if (!failed.countTowardsTaskFailures()) {
      return new ProcessLoss(Cause.CLUSTER, text);
    }
    if (kubernetes && failed instanceof ExecutorLostFailure lost) {
      Optional<Finding> finding = ExecutorLoss.of(lost.execId(), text);
      if (finding.isPresent()) {
        return new ProcessLoss(cause(finding.get().code()), finding.get().toString());
      }
    }
    return new ProcessLoss(OUT_OF_MEMORY.matcher(text).find() ? Cause.MEMORY : Cause.CRASH, text);
  }

  private static Cause cause(FindingCode code) {
    return switch (code) {
      case EXECUTOR_OUT_OF_MEMORY -> Cause.MEMORY;
      case EXECUTOR_KILLED -> Cause.KILLED;
      case POD_EVICTED, POD_DELETED, NODE_LOST -> Cause.CLUSTER;
      default -> Cause.CRASH;
    };
  }
}
