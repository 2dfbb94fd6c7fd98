package io.lancebackfill.progress;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.progress.JobListener.JobInfo;
import io.lancebackfill.state.JobCounts;
import io.lancebackfill.state.JobStatus;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TestConsoleProgress {
  private static final JobInfo JOB = new JobInfo("j", "t", "v");
  private static final JobCounts COUNTS = new JobCounts(4, 1, 0, 0, 0, 0, 1, 0);

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private long nowMs;
  private final ConsoleProgress progress =
      new ConsoleProgress(
          new PrintStream(bytes, true, StandardCharsets.UTF_8), () -> nowMs * 1_000_000);

  private List<String> lines() {
    return bytes.toString(StandardCharsets.UTF_8).lines().toList();
  }

  private void running(long atMs, long rowsDone, long rows) {
    nowMs = atMs;
    progress.running(JOB, COUNTS, rowsDone, rows, Duration.ofMillis(atMs));
  }

  @Test
  void speaksEveryTwoSeconds() {
    nowMs = 500;
    progress.planned(JOB, COUNTS, 1000, 2);
    running(2499, 300, 1000);
    assertThat(lines()).hasSize(1);
    running(2500, 400, 1000);
    running(4499, 500, 1000);
    assertThat(lines()).hasSize(2);
    running(4500, 600, 1000);
    assertThat(lines()).hasSize(3);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "0 | 0 | 100 %  0 of 0 rows, 0 rows/s | time left unknown",
        "0 | 1000 | 0 %  0 of 1,000 rows, 0 rows/s | time left unknown",
        "10 | 1000 | 1 %  10 of 1,000 rows, 5 rows/s | time left unknown",
        "11 | 1000 | 1 %  11 of 1,000 rows, 6 rows/s | 3 min 00 s left",
        "500 | 1000 | 50 %  500 of 1,000 rows, 250 rows/s | 2 s left",
        // Rows of attempts that failed count too: never more than there are.
        "1500 | 1000 | 100 %  1,000 of 1,000 rows, 750 rows/s | 0 s left",
        "101 | 1000000 | 0 %  101 of 1,000,000 rows, 51 rows/s | 5 h 30 min left",
      })
  void saysHowFarItIs(long done, long rows, String expected, String left) {
    running(2000, done, rows);
    assertThat(lines()).hasSize(1);
    assertThat(lines().get(0).replaceFirst("^backfill v:\\s+", ""))
        .isEqualTo(expected + ", 1 of 4 fragments committed, " + left);
  }

  @Test
  void saysHowItEnded() {
    progress.ended(JOB, JobStatus.DONE, COUNTS, Duration.ofMillis(9_990), "");
    progress.ended(
        JOB,
        JobStatus.PAUSED,
        new JobCounts(4, 3, 0, 1500, 20, 0, 2, 0),
        Duration.ofSeconds(75),
        "More is left.");
    assertThat(lines())
        .containsExactly(
            "backfill v: DONE in 10.0 s: 0 rows computed, 1 fragments committed in 1 commit",
            "backfill v: PAUSED in 1 min 15 s: 1,500 rows computed and 20 taken over from earlier"
                + " work, 3 fragments committed in 2 commits. More is left.");
  }
}
