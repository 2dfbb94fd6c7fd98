package io.lancebackfill.cluster.check;

import io.lancebackfill.cluster.check.Finding.Severity;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Why an executor ended, from the reason that Spark gives its listeners: by then it has deleted the
 * pod. It is the only place that tells an executor that ran out of memory from one whose node went.
 */
public final class ExecutorLoss {
  private static final Pattern EXIT_CODE = Pattern.compile("exited with exit code (-?\\d+)");
  private static final Pattern BRIEF = Pattern.compile("brief reason: (\\S+)");
  private static final Pattern MESSAGE = Pattern.compile("following message: ([^\\n]*)");
  private static final Pattern NODE_WENT =
      Pattern.compile(
          "brief reason: (Terminated|NodeLost|NodeShutdown|Shutdown|Preempting)|node shutdown");
  private static final Pattern DELETED =
      Pattern.compile("deleted by a user or the framework|was not found in the cluster");

  /** With which Spark ends an executor after an OutOfMemoryError. */
  private static final String HEAP_FULL = "52";

  private ExecutorLoss() {}

  /**
   * The finding, or empty where nothing was lost: the executor was idle, or left in good order.
   *
   * @param reason of Spark's SparkListenerExecutorRemoved
   */
  public static Optional<Finding> of(String executorId, String reason) {
    return symptom(reason).map(symptom -> symptom.finding("executor " + executorId));
  }

  private static Optional<PodSymptoms.Symptom> symptom(String reason) {
    if (reason.contains("OOMKilled")) {
      return Optional.of(PodSymptoms.outOfMemory(cause(reason) + ", OOMKilled"));
    } else if (first(BRIEF, reason).filter("Evicted"::equals).isPresent()) {
      return Optional.of(
          PodSymptoms.evicted(first(MESSAGE, reason).orElse("Spark tells no message")));
    } else if (NODE_WENT.matcher(reason).find()) {
      return Optional.of(
          PodSymptoms.nodeLost(first(MESSAGE, reason).orElse("Spark tells no message")));
    } else if (DELETED.matcher(reason).find()) {
      return Optional.of(
          new PodSymptoms.Symptom(
              FindingCode.POD_DELETED,
              Severity.WARNING,
              "somebody deleted",
              "Spark found its pod gone while it worked",
              "Nothing if a node was drained: the work is done again from its last checkpoint"));
    }
    Optional<String> code = first(EXIT_CODE, reason);
    if (code.filter(HEAP_FULL::equals).isPresent()) {
      return Optional.of(PodSymptoms.outOfMemory(cause(reason) + ", its heap was full"));
    }
    if (code.filter("137"::equals).isPresent()) {
      return Optional.of(PodSymptoms.killed(cause(reason)));
    }
    return code.filter(c -> !c.equals("0")).map(c -> PodSymptoms.endedByError(cause(reason)));
  }

  private static String cause(String reason) {
    return first(EXIT_CODE, reason).map(code -> "exit code " + code).orElse("no exit code");
  }

  private static Optional<String> first(Pattern pattern, String reason) {
    Matcher matcher = pattern.matcher(reason);
    return matcher.find() ? Optional.of(matcher.group(1).strip()) : Optional.empty();
  }
}
