package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Backfills whose driver is killed, and the same call again. {@code -Dkill.rows=200000} and {@code
 * -Dkill.fragments=64} run the full sizes.
 */
class KillAndResumeIT {
  private static final int ROWS = Integer.getInteger("kill.rows", 32_000);
  private static final int FRAGMENTS = Integer.getInteger("kill.fragments", 16);
  private static final double SECONDS_PER_ROW = 0.002;
  private static final Duration INTERVAL = Duration.ofMillis(500);
  private static final String EVERY = "checkpoint_interval => '500ms'";

  @TempDir private Path folder;
  private SparkDistribution spark;

  @BeforeEach
  void install() {
    spark = new SparkDistribution(folder);
  }

  /**
   * A large fragment, which is cut into ranges, beside small ones, which tasks take whole; killed
   * once among both and once more with ranges that earlier work has left holes in.
   */
  @Test
  void keepsAllButTheLastMomentsWithoutACommit() throws Exception {
    int large = ROWS / 8 * 5;
    spark.conf("spark.master", "local[4]");
    CountedBackfill job = new CountedBackfill(spark, folder, large, 1, SECONDS_PER_ROW);
    job.append(large, ROWS - large, FRAGMENTS);
    job.killAfter(ROWS * 35L / 100, EVERY, "commit_granularity => 1000");
    assertThat(
            job.pylance(
                    """
                    t = lance.dataset(uri)
                    print(json.dumps({"filled": t.count_rows("value IS NOT NULL")}))
                    """)
                .get("filled")
                .asInt())
        .isZero();
    // The next call attaches what it finds recorded before it computes.
    job.killAfter(ROWS * 75L / 100, EVERY, "commit_granularity => 1000");
    try (SparkRun run = job.start(EVERY, "commit_granularity => 1000")) {
      JsonNode result = CountedBackfill.result(run);
      assertThat(result.get("status").asText()).isEqualTo("DONE");
      assertThat(
              result.get("fragments_skipped").asInt() + result.get("fragments_committed").asInt())
          .isEqualTo(FRAGMENTS + 1);
      assertThat(run.stderr()).contains("taken over from earlier work");
    }
    report("%d fragments, %d rows", job, FRAGMENTS + 1, ROWS);
    assertThat(job.rowsThatAreRight()).isEqualTo(ROWS);
    assertThat(job.callsById()).hasSize(ROWS);
    job.assertOnlyTheLastMomentsWereLost(INTERVAL);
    assertThat(job.checkpoints()).isZero();
  }

  @Test
  void rowsDeletedOtherSlotsAndAnotherWhere() throws Exception {
    int rows = ROWS / 2;
    CountedBackfill job = new CountedBackfill(spark, folder, rows, 4, SECONDS_PER_ROW / 2);
    job.killAfter(rows / 2, EVERY, "commit_granularity => 64");
    Map<Integer, Integer> before = job.callsById();
    job.pylance("lance.dataset(uri).delete('id % 10 = 3')");

    spark.conf("spark.master", "local[3]");
    try (SparkRun run = job.start(EVERY, "`where` => 'id % 3 = 0'")) {
      assertThat(CountedBackfill.result(run).get("status").asText()).isEqualTo("DONE");
    }
    Map<Integer, Integer> afterWhere = job.callsById();
    assertThat(afterWhere.keySet().stream().filter(id -> !before.containsKey(id)))
        .allMatch(id -> id % 3 == 0 && id % 10 != 3)
        .isNotEmpty();
    assertThat(
            job.pylance(
                    """
                    t = lance.dataset(uri)
                    print(json.dumps({"missing": t.count_rows("value IS NULL AND id % 3 = 0")}))
                    """)
                .get("missing")
                .asInt())
        .isZero();

    spark.conf("spark.master", "local[1]");
    try (SparkRun run = job.start(EVERY)) {
      assertThat(CountedBackfill.result(run).get("status").asText()).isEqualTo("DONE");
    }
    report("deleted, local[2], where on local[3], local[1], %d rows", job, rows);
    assertThat(job.rowsThatAreRight()).isEqualTo(rows / 10 * 9L);
    job.assertOnlyTheLastMomentsWereLost(INTERVAL);
    assertThat(job.callsById().keySet().stream().filter(id -> !before.containsKey(id)))
        .allMatch(id -> id % 10 != 3);
    assertThat(job.checkpoints()).isZero();
  }

  /** At the default size of batches, which follows the function's speed. */
  @Test
  void ofAStoredFunctionFewRowsAreComputedAgain() throws Exception {
    int rows = ROWS * 2;
    CountedBackfill job = new CountedBackfill(spark, folder, rows, 8, SECONDS_PER_ROW / 2);
    job.storesItsFunction();
    job.killAfter(rows / 2, EVERY);
    try (SparkRun run = job.start(EVERY)) {
      assertThat(CountedBackfill.result(run).get("status").asText()).isEqualTo("DONE");
    }
    report("stored function, %d rows", job, rows);
    assertThat(job.rowsThatAreRight()).isEqualTo(rows);
    assertThat(job.repeatedCalls()).isLessThanOrEqualTo(rows / 50);
    job.assertOnlyTheLastMomentsWereLost(INTERVAL);
  }

  @SuppressWarnings("AnnotateFormatMethod") // the format is a part of the line only
  private static void report(String what, CountedBackfill job, Object... values) {
    System.out.printf(
        "KILLED: %s: %,d calls, %,d of them repeated%n",
        what.formatted(values), job.calls(), job.repeatedCalls());
  }
}
