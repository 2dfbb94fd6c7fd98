package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

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
    try (SparkRun first = start();
        SparkRun second = job.start("checkpoint_interval => '1s'", "job_id => 'second'")) {
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
    try (SparkRun first = start();
        SparkRun second = job.start("checkpoint_interval => '1s'", "job_id => 'second'")) {
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

  /** The first driver, which is at work when this returns. */
  private SparkRun start() {
    SparkRun first = job.start("checkpoint_interval => '1s'", "job_id => 'first'");
    first.awaitText("READY");
    job.declared();
    job.awaitCalls(first, 1);
    return first;
  }
}
