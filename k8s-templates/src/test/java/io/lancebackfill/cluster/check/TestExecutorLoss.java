package io.lancebackfill.cluster.check;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Reasons as Spark 3.5.5 gives them. */
class TestExecutorLoss {
  private static final String EXITED =
      """

      The executor with id 1 exited with exit code %s.



      The API gave the following brief reason: %s
      The API gave the following message: %s
      The API gave the following container statuses:


      \t container name: spark-kubernetes-executor
      \t container state: terminated
      \t exit code: 1
      \t termination reason: %s
      """;

  @ParameterizedTest
  @CsvSource({
    "'137(SIGKILL, possible container OOM)', N/A, N/A, OOMKilled, EXECUTOR_OUT_OF_MEMORY,"
        + " 'exit code 137, OOMKilled'",
    "'137(SIGKILL, possible container OOM)', N/A, N/A, Error, EXECUTOR_KILLED, exit code 137",
    "'52(JVM OOM)', N/A, N/A, Error, EXECUTOR_OUT_OF_MEMORY, 'exit code 52, its heap was full'",
    "-1(unexpected), Evicted, The node was low on resource: memory., N/A, POD_EVICTED,"
        + " The node was low on resource: memory.",
    "143(SIGTERM), Terminated, Pod was terminated in response to imminent node shutdown., Error,"
        + " NODE_LOST, Pod was terminated in response to imminent node shutdown.",
    "1(app error), N/A, N/A, Error, EXECUTOR_FAILED, exit code 1"
  })
  void ofAnExitedExecutor(
      String exit, String brief, String message, String end, FindingCode code, String cause) {
    assertThat(ExecutorLoss.of("1", EXITED.formatted(exit, brief, message, end)))
        .hasValueSatisfying(
            finding -> {
              assertThat(finding.code()).isEqualTo(code);
              assertThat(finding.cause()).isEqualTo(cause);
              assertThat(finding.problem()).endsWith(" executor 1");
            });
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "The executor with id 1 was deleted by a user or the framework.",
        "The executor with ID 1 (registered at 1 ms) was not found in the cluster at the polling"
            + " time (2 ms) which is after the accepted detect delta time (30000 ms)"
      })
  void ofADeletedPod(String reason) {
    assertThat(ExecutorLoss.of("1", reason))
        .hasValueSatisfying(
            finding -> assertThat(finding.code()).isEqualTo(FindingCode.POD_DELETED));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Executor decommission: spark scale down",
        "Executor killed by driver.",
        "The executor with id 1 exited with exit code 0(success)."
      })
  void whatLeftInGoodOrderIsNoLoss(String reason) {
    assertThat(ExecutorLoss.of("1", reason)).isEmpty();
  }
}
