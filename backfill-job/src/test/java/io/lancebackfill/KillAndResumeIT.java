package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Backfills whose driver is killed, and the same call again. {@code -Dkill.rows=200000} and {@code
 * -Dkill.fragments=64} run the full sizes.
 */
class KillAndResumeIT {
  private static final int FULL_ROWS = 200_000;
  private static final int ROWS = Integer.getInteger("kill.rows", 16_000);
  private static final int FRAGMENTS = Integer.getInteger("kill.fragments", 16);
  private static final double SECONDS_PER_ROW = 0.001;
  private static final int SLOTS = 2;

  @TempDir private Path folder;
  private SparkDistribution spark;

  @BeforeEach
  void install() {
    spark = new SparkDistribution(folder);
  }

  /**
   * What may be lost: in each slot the checkpoint interval of 1 s, and what a write of it takes.
   */
  private static long mayBeRepeated() {
    return ROWS >= FULL_ROWS ? ROWS / 50 : Math.round(SLOTS * 1.75 / SECONDS_PER_ROW);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 20})
  void repeatsTheLastSecondAtMost(int fragments) throws Exception {
    CountedBackfill job = new CountedBackfill(spark, folder, ROWS, fragments, SECONDS_PER_ROW);
    job.killAfter(ROWS / 2, "checkpoint_interval => '1s'");
    try (SparkRun run = job.start("checkpoint_interval => '1s'")) {
      JsonNode result = CountedBackfill.result(run);
      assertThat(result.get("status").asText()).isEqualTo("DONE");
      assertThat(run.stderr()).contains("taken over from earlier work");
    }
    report("%d fragments, %d rows", job, fragments, ROWS);
    assertThat(job.rowsThatAreRight()).isEqualTo(ROWS);
    assertThat(job.callsById()).hasSize(ROWS);
    assertThat(job.repeatedCalls()).isLessThanOrEqualTo(mayBeRepeated());
    assertThat(job.checkpoints()).isZero();
  }

  @Test
  void keepsFinishedFragmentsWithoutACommit() throws Exception {
    int rowsOfFragment = 100;
    double secondsOfFragment = FRAGMENTS >= 64 ? 3 : 0.5;
    int rows = FRAGMENTS * rowsOfFragment;
    CountedBackfill job =
        new CountedBackfill(spark, folder, rows, FRAGMENTS, secondsOfFragment / rowsOfFragment);
    job.killAfter(rows * 6 / 10, "commit_granularity => 64");
    assertThat(
            job.pylance(
                    """
                    t = lance.dataset(uri)
                    print(json.dumps({"filled": t.count_rows("value IS NOT NULL")}))
                    """)
                .get("filled")
                .asInt())
        .isZero();
    try (SparkRun run = job.start("commit_granularity => 64")) {
      JsonNode result = CountedBackfill.result(run);
      assertThat(result.get("status").asText()).isEqualTo("DONE");
      assertThat(result.get("fragments_committed").asInt()).isEqualTo(FRAGMENTS);
    }
    report("%d fragments of %s s", job, FRAGMENTS, secondsOfFragment);
    assertThat(job.rowsThatAreRight()).isEqualTo(rows);
    // In each slot the fragment at work and one that finished within the last half second.
    assertThat(job.repeatedCalls()).isLessThanOrEqualTo(SLOTS * 2L * rowsOfFragment);
  }

  @Test
  void rowsDeletedOtherSlotsAndAnotherWhere() throws Exception {
    CountedBackfill job = new CountedBackfill(spark, folder, ROWS, 4, SECONDS_PER_ROW);
    job.killAfter(ROWS / 2, "checkpoint_interval => '1s'", "commit_granularity => 64");
    Map<Integer, Integer> before = job.callsById();
    job.pylance("lance.dataset(uri).delete('id % 10 = 3')");

    spark.conf("spark.master", "local[3]");
    try (SparkRun run = job.start("checkpoint_interval => '1s'", "`where` => 'id % 3 = 0'")) {
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
    try (SparkRun run = job.start("checkpoint_interval => '1s'")) {
      assertThat(CountedBackfill.result(run).get("status").asText()).isEqualTo("DONE");
    }
    report("deleted, local[2], where on local[3], local[1], %d rows", job, ROWS);
    assertThat(job.rowsThatAreRight()).isEqualTo(ROWS / 10 * 9L);
    assertThat(job.repeatedCalls()).isLessThanOrEqualTo(mayBeRepeated());
    assertThat(job.callsById().keySet().stream().filter(id -> !before.containsKey(id)))
        .allMatch(id -> id % 10 != 3);
    assertThat(job.checkpoints()).isZero();
  }

  @SuppressWarnings("AnnotateFormatMethod") // the format is a part of the line only
  private static void report(String what, CountedBackfill job, Object... values) {
    System.out.printf(
        "KILLED: %s: %,d calls, %,d of them repeated%n",
        what.formatted(values), job.calls(), job.repeatedCalls());
  }
}
