package io.lancebackfill.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.task.ProcessLoss;
import io.lancebackfill.task.ProcessLoss.Cause;
import org.apache.spark.ExecutorLostFailure;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import scala.Option;

/** Reasons in the words of Spark 3.5.5's schedulers. */
class TestLossCauses {
  private static ProcessLoss of(String reason, boolean byTheApp, boolean kubernetes) {
    return LossCauses.of(new ExecutorLostFailure("3", byTheApp, Option.apply(reason)), kubernetes);
  }

  @ParameterizedTest
  @CsvSource({
    "Command exited with code 137, true, CRASH",
    "Command exited with code 52, true, MEMORY",
    "Command exited with code 134, true, CRASH",
    "Command exited with code 525, true, CRASH",
    "'Container killed by YARN for exceeding physical memory limits. 2 GB of 2 GB used.', true, MEMORY",
    "Remote RPC client disassociated. Likely due to containers exceeding thresholds, true, CRASH",
    "worker lost: 10.0.0.1 got disassociated, false, CLUSTER",
    "Executor killed by driver., false, CLUSTER",
  })
  void onStandaloneAndYarn(String reason, boolean byTheApp, Cause cause) {
    ProcessLoss loss = of(reason, byTheApp, false);
    assertThat(loss.cause()).isEqualTo(cause);
    assertThat(loss.reason()).contains("ExecutorLostFailure (executor 3", reason);
  }

  private static final String EXITED =
      """

      The executor with id 3 exited with exit code %s.
      The API gave the following brief reason: %s
      The API gave the following message: %s
      \t termination reason: %s
      """;

  @ParameterizedTest
  @CsvSource({
    "'137(SIGKILL, possible container OOM)', N/A, N/A, OOMKilled, MEMORY, EXECUTOR_OUT_OF_MEMORY",
    "'52(JVM OOM)', N/A, N/A, Error, MEMORY, EXECUTOR_OUT_OF_MEMORY",
    "'137(SIGKILL, possible container OOM)', N/A, N/A, Error, KILLED, EXECUTOR_KILLED",
    "-1(unexpected), Evicted, The node was low on resource: memory., N/A, CLUSTER, POD_EVICTED",
    "143(SIGTERM), Terminated, imminent node shutdown, Error, CLUSTER, NODE_LOST",
    "134(SIGABRT), N/A, N/A, Error, CRASH, EXECUTOR_FAILED",
  })
  void onKubernetes(
      String exit, String brief, String message, String end, Cause cause, String code) {
    ProcessLoss loss = of(EXITED.formatted(exit, brief, message, end), true, true);
    assertThat(loss.cause()).isEqualTo(cause);
    assertThat(loss.reason()).startsWith("[" + code + "] ");
  }

  @Test
  void aPodThatWasDeletedIsTheClustersDoing() {
    assertThat(of("The executor with id 3 was deleted by a user or the framework.", false, true))
        .extracting(ProcessLoss::cause)
        .isEqualTo(Cause.CLUSTER);
  }
}
