package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.state.JobStatus;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Functions that fail, and what others see and do while a job runs. */
class TestFunctionFailures {

  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  @BeforeAll
  static void start() {
    CountingFunction.register(session.spark());
  }

  @BeforeEach
  void resetFunction() {
    CountingFunction.reset();
  }

  @Test
  void whatWasFinishedBeforeAFailureIsNotComputedAgain() {
    String table = counted("failing", 800, 8);
    CountingFunction.failsAt = 555;
    assertThatThrownBy(
            () ->
                session.call(
                    "backfill(table => '%s', column => 'n', concurrency => 1,"
                        + " commit_granularity => 1, job_id => 'first')",
                    table))
        .hasMessageMatching("(?s)\\[(FUNCTION_FAILED|TASK_FAILED)] .*")
        .hasMessageContaining("row 555 is not to my taste")
        .hasMessageContaining("It happened in fragment 5; what was finished before is committed")
        .hasMessageContaining("Job first; see job and jobs.");
    assertThat(session.coverage(table, "n")).containsExactly(500L, 0L, 0L, 300L, 0L);
    Row failed = session.call("jobs(table => '%s', status => 'FAILED')", table);
    assertThat(failed.<String>getAs("job_id")).isEqualTo("first");
    assertThat(failed.<Long>getAs("fragments_committed")).isEqualTo(5);
    assertThat(failed.<String>getAs("message")).contains("row 555 is not to my taste");
    List<Row> events = session.sql("CALL lance.system.job('%s', 'first')", table).collectAsList();
    assertThat(events.get(events.size() - 1).<String>getAs("status")).isEqualTo("FAILED");
    assertThat(
            session.number(
                "SELECT count(*) FROM %s WHERE id < 500 AND n <> length(text) + id %% 10", table))
        .isZero();

    CountingFunction.reset();
    Row rest = session.call("backfill('%s', 'n')", table);
    assertThat(rest.<String>getAs("status")).isEqualTo("DONE");
    assertThat(rest.<Long>getAs("rows_computed")).isEqualTo(300);
    assertThat(CountingFunction.CALLS.sum()).isEqualTo(300);
    assertThat(wrong(table)).isZero();
  }

  @Test
  void aFailureAmongManySmallFragmentsIsToldSoon() {
    String table = counted("early", 2000, 200);
    CountingFunction.micros = 2000;
    CountingFunction.failsAt = 25;
    assertThatThrownBy(() -> session.call("backfill('%s', 'n')", table))
        .hasMessageContaining("row 25 is not to my taste")
        .hasMessageContaining("It happened in fragment 2;");
    long calls = CountingFunction.CALLS.sum();
    assertThat(calls).isLessThan(1500);

    CountingFunction.reset();
    long rest = session.call("backfill('%s', 'n')", table).<Long>getAs("rows_computed");
    // Of the fragment that failed nothing is kept: its rows were computed twice in vain.
    assertThat(rest).isBetween(2000 - calls, 2000 - calls + 4 * 10);
    assertThat(wrong(table)).isZero();
  }

  @Test
  void whatRunsBesideAFaultIsFinishedAndCommitted() {
    String table = counted("beside", 200, 2);
    CountingFunction.micros = 10_000;
    CountingFunction.failsAt = 0;
    assertThatThrownBy(() -> session.call("backfill('%s', 'n')", table))
        .hasMessageContaining("row 0 is not to my taste");
    assertThat(session.coverage(table, "n")).containsExactly(100L, 0L, 0L, 100L, 0L);

    CountingFunction.reset();
    assertThat(session.call("backfill('%s', 'n')", table).<Long>getAs("rows_computed"))
        .isEqualTo(100);
    assertThat(wrong(table)).isZero();
  }

  @Test
  void rowsThatAFailingTaskFinishedAreKept() {
    String table = counted("kept", 200, 1);
    CountingFunction.micros = 10_000;
    CountingFunction.failsAt = 150;
    assertThatThrownBy(
            () -> session.call("backfill(table => '%s', column => 'n', concurrency => 1)", table))
        .hasMessageContaining("row 150 is not to my taste");

    CountingFunction.reset();
    Row rest = session.call("backfill('%s', 'n')", table);
    // Of the last batch, a quarter of a second's rows, nothing came back.
    assertThat(rest.<Long>getAs("rows_from_checkpoints")).isBetween(120L, 150L);
    assertThat(rest.<Long>getAs("rows_computed"))
        .isEqualTo(200 - rest.<Long>getAs("rows_from_checkpoints"))
        .isEqualTo(CountingFunction.CALLS.sum());
    assertThat(wrong(table)).isZero();
  }

  @Test
  void aFailingExpressionFailsTheJobWithItsCause() {
    String table = session.table("raising", 60, 2, "2.1");
    session.call("add_column('%s', 'n', \"IF(id = 44, raise_error('no 44 here'), id)\")", table);
    assertThatThrownBy(() -> session.call("backfill('%s', 'n')", table))
        .hasMessageMatching("(?s)\\[(FUNCTION_FAILED|TASK_FAILED)] .*")
        .hasMessageContaining("no 44 here")
        .hasMessageContaining("It happened in fragment 1");
    Row around = session.call("backfill(table => '%s', column => 'n', where => 'id <> 44')", table);
    assertThat(around.<String>getAs("status")).isEqualTo("DONE");
    assertThat(session.number("SELECT count(n) FROM %s", table)).isEqualTo(59);
  }

  @Test
  void anotherSessionSeesCommittedFragmentsWhileTheJobRuns() {
    String table = counted("watched", 2000, 20);
    CountingFunction.micros = 1000;
    SparkSession other = session.spark().newSession();
    // One slot stays free: Spark's tasks of one application queue behind each other.
    CompletableFuture<Row> job =
        CompletableFuture.supplyAsync(
            () ->
                session.call(
                    "backfill(table => '%s', column => 'n', concurrency => 1,"
                        + " commit_granularity => 1)",
                    table));
    List<Long> seen = new ArrayList<>();
    Awaitility.await()
        .atMost(Duration.ofMinutes(1))
        .pollInterval(Duration.ofMillis(50))
        .until(
            () -> {
              seen.add(other.sql("SELECT count(n) FROM " + table).first().getLong(0));
              return job.isDone();
            });
    assertThat(job.join().<Long>getAs("commits")).isEqualTo(20);
    assertThat(seen).isSorted().allMatch(count -> count % 100 == 0);
    assertThat(seen.stream().distinct().filter(count -> count > 0 && count < 2000))
        .hasSizeGreaterThanOrEqualTo(2);
    assertThat(CountingFunction.CALLS.sum()).isEqualTo(2000);
    assertThat(wrong(table)).isZero();
  }

  @Test
  void twoJobsOnOneColumnAtOnceComputeEachRowOnce() {
    String table = counted("twice", 400, 4);
    CountingFunction.micros = 1000;
    JobNotices first = new JobNotices();
    JobNotices second = new JobNotices();
    CompletableFuture<BackfillResult> one =
        CompletableFuture.supplyAsync(() -> first.run(session.spark(), table, "n", Map.of()));
    CompletableFuture<BackfillResult> two =
        CompletableFuture.supplyAsync(() -> second.run(session.spark(), table, "n", Map.of()));
    assertThat(one.join().status()).isEqualTo(JobStatus.DONE);
    assertThat(two.join().status()).isEqualTo(JobStatus.DONE);
    assertThat(CountingFunction.CALLS.sum()).isEqualTo(400);
    assertThat(one.join().counts().rowsComputed() + two.join().counts().rowsComputed())
        .isEqualTo(400);
    assertThat(wrong(table)).isZero();
    List<String> notices = new ArrayList<>(first.notices);
    notices.addAll(second.notices);
    assertThat(notices)
        .singleElement()
        .asString()
        .matches("waits for job \\S+, which fills this column since .*");
    assertThat(
            session
                .sql("CALL lance.system.jobs(table => '%s', status => 'DONE')", table)
                .collectAsList())
        .hasSize(2);
  }

  private static String counted(String name, long rows, int fragments) {
    String table = session.table(name, rows, fragments, "2.1");
    session.call(
        "add_column(table => '%s', column => 'n', expression => 'counting(id, text)',"
            + " options => map('version', '1'))",
        table);
    return table;
  }

  private static long wrong(String table) {
    return session.number(
        "SELECT count(*) FROM %s WHERE n IS DISTINCT FROM length(text) + CAST(id %% 10 AS INT)",
        table);
  }
}
