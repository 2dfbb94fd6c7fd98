package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two driver processes that fill the same column at once. */
class TwoDriversIT {
  private static final int ROWS = 6_000;
  private static final double SECONDS_PER_ROW = 0.003;

  @TempDir private Path folder;
  private CountedBackfill job;

  @BeforeEach
  void table() {
    job = new CountedBackfill(new SparkDistribution(folder), folder, ROWS, 6, SECONDS_PER_ROW);
  }

  @Test
  void bothEndWellAndComputeEachRowOnce() throws Exception {
    try (SparkRun first = ready("first");
        SparkRun second = ready("second")) {
      startBoth(first, second);
      second.awaitText("waits for job first, which fills this column since");
      assertThat(first.alive()).isTrue();
      assertThat(CountedBackfill.result(first).get("fragments_committed").asInt()).isEqualTo(6);
      var result = CountedBackfill.result(second);
      assertThat(result.get("status").asText()).isEqualTo("DONE");
      assertThat(result.get("fragments_skipped").asInt()).isEqualTo(6);
      assertThat(result.get("rows_computed").asInt()).isZero();
    }
    assertThat(job.rowsThatAreRight()).isEqualTo(ROWS);
    assertThat(job.calls()).isEqualTo(ROWS);
  }

  @Test
  void theSecondTakesOverAtOnceFromAKilledOne() throws Exception {
    try (SparkRun first = ready("first");
        SparkRun second = ready("second")) {
      startBoth(first, second);
      second.awaitText("waits for job first");
      job.awaitCalls(first, ROWS / 3);
      first.kill();
      long killedAt = System.nanoTime();
      long calls = job.calls();
      assertThat(calls).isLessThan(ROWS);
      job.awaitCalls(second, calls + 1);
      Duration idle = Duration.ofNanos(System.nanoTime() - killedAt);
      System.out.printf("KILLED: the waiting driver computed after %d ms%n", idle.toMillis());
      // Shorter than the lease of 15 s, which a driver of another machine would wait for.
      assertThat(idle).isLessThan(Duration.ofSeconds(10));
      assertThat(CountedBackfill.result(second).get("status").asText()).isEqualTo("DONE");
    }
    System.out.printf("KILLED: taken over: %,d of %,d calls repeated%n", job.repeatedCalls(), ROWS);
    assertThat(job.rowsThatAreRight()).isEqualTo(ROWS);
    assertThat(job.repeatedCalls()).isLessThanOrEqualTo(Math.round(2 * 1.75 / SECONDS_PER_ROW));
  }

  /** A driver that is up and waits for its turn. */
  private SparkRun ready(String jobId) {
    SparkRun run =
        job.startHeld(
            folder.resolve("go-" + jobId),
            "checkpoint_interval => '1s'",
            "job_id => '" + jobId + "'");
    run.awaitText("READY");
    job.declared();
    return run;
  }

  /** Lets the first begin, and the second when the first is at work. */
  private void startBoth(SparkRun first, SparkRun second) throws IOException {
    Files.createFile(folder.resolve("go-first"));
    job.awaitCalls(first, 1);
    assertThat(second.alive()).isTrue();
    Files.createFile(folder.resolve("go-second"));
  }
}
