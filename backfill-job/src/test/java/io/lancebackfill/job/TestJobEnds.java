package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.datasource.store.Lease;
import io.lancebackfill.datasource.store.LeaseHolder;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.progress.JobListener;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.JobCounts;
import io.lancebackfill.state.JobStatus;
import io.lancebackfill.state.TableState;
import io.lancebackfill.table.TableTargets;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.spark.SparkException;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** However a job ends: with a code, an id and a record, and finished if its work is. */
class TestJobEnds {

  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  @BeforeAll
  static void start() {
    CountingFunction.register(session.spark());
  }

  @BeforeEach
  void resetFunction() {
    CountingFunction.reset();
  }

  /** Shows a job, and does something at one of its events. */
  private static final class Meddler implements JobListener {
    private final List<String> notices = new ArrayList<>();
    private final Event event;
    private final Runnable deed;
    private boolean done;

    enum Event {
      PLANNED,
      COMMITTED,
      NOTICE,
      ENDED
    }

    Meddler(Event event, Runnable deed) {
      this.event = event;
      this.deed = deed;
    }

    private void at(Event now) {
      if (now == event && !done) {
        done = true;
        deed.run();
      }
    }

    @Override
    public void planned(JobInfo job, JobCounts counts, long rowsToCompute, int slots) {
      at(Event.PLANNED);
    }

    @Override
    public void running(
        JobInfo job, JobCounts counts, long rowsDone, long rowsToCompute, Duration elapsed) {}

    @Override
    public void committed(JobInfo job, JobCounts counts, long version) {
      at(Event.COMMITTED);
    }

    @Override
    public void notice(JobInfo job, String message) {
      notices.add(message);
      at(Event.NOTICE);
    }

    @Override
    public void ended(
        JobInfo job, JobStatus status, JobCounts counts, Duration elapsed, String message) {
      at(Event.ENDED);
    }

    BackfillResult run(String table, Map<String, Object> options) {
      return new BackfillAction(
              session.spark(),
              new BackfillRequest(TableTargets.resolve(session.spark(), table), "n", options),
              this)
          .run();
    }
  }

  private static String counted(String name, int fragments) {
    String table = session.table(name, 40, fragments, "2.1");
    session.call(
        "add_column(table => '%s', column => 'n', expression => 'counting(id, text)',"
            + " options => map('version', '1'))",
        table);
    return table;
  }

  private static Row last(String table, String jobId) {
    List<Row> events =
        session.sql("CALL lance.system.job('%s', '%s')", table, jobId).collectAsList();
    return events.get(events.size() - 1);
  }

  private static void requireEnded(String table, String jobId, String status, String message) {
    Row last = last(table, jobId);
    assertThat(last.<String>getAs("event")).isEqualTo("ENDED");
    assertThat(last.<String>getAs("status")).isEqualTo(status);
    assertThat(last.<String>getAs("message")).contains(message);
    assertThat(tags(table)).isEmpty();
  }

  private static List<Path> tags(String table) {
    Path tags = session.folder(table.substring(table.lastIndexOf('.') + 1)).resolve("_refs/tags");
    try (Stream<Path> files = Files.exists(tags) ? Files.list(tags) : Stream.<Path>of()) {
      return files.toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Checked, and undeclared by the Scala methods that throw it. */
  @Test
  void workThatSparkGivesUpEndsTheJobWithACode() {
    String table = counted("given_up", 2);
    Meddler job =
        new Meddler(
            Meddler.Event.COMMITTED,
            () ->
                TestJobEnds.<RuntimeException>sneak(new SparkException("all executors are gone")));
    assertThatThrownBy(() -> job.run(table, Map.of("job_id", "scan")))
        .isInstanceOf(BackfillException.class)
        .hasMessageStartingWith("[TASK_FAILED] Spark gave up work that the job needs: ")
        .hasMessageContaining("all executors are gone")
        .hasMessageContaining("Job scan; see job and jobs.")
        .hasRootCauseInstanceOf(SparkException.class);
    requireEnded(table, "scan", "FAILED", "[TASK_FAILED]");
  }

  @SuppressWarnings("unchecked") // that is the point
  private static <E extends Exception> void sneak(Exception e) throws E {
    throw (E) e;
  }

  @Test
  void anErrorEndsTheJobWithACode() {
    String table = counted("error", 2);
    Meddler job =
        new Meddler(
            Meddler.Event.COMMITTED,
            () -> {
              throw new NoClassDefFoundError("a/class/that/is/gone");
            });
    assertThatThrownBy(() -> job.run(table, Map.of("job_id", "error")))
        .isInstanceOf(BackfillException.class)
        .hasMessageStartingWith("[INTERNAL_ERROR]")
        .hasMessageContaining("NoClassDefFoundError: a/class/that/is/gone")
        .hasMessageContaining("Job error; see job and jobs.")
        .hasRootCauseInstanceOf(NoClassDefFoundError.class);
    requireEnded(table, "error", "FAILED", "[INTERNAL_ERROR]");
    assertThat(session.call("backfill('%s', 'n')", table).<String>getAs("status"))
        .isEqualTo("DONE");
  }

  @Test
  void aListenerCannotEndAJob() {
    String table = counted("listener", 2);
    for (Meddler.Event event : Meddler.Event.values()) {
      Meddler job =
          new Meddler(
              event,
              () -> {
                throw new IllegalStateException("no display");
              });
      BackfillResult result = job.run(table, Map.of("recompute", true));
      assertThat(result.status()).isEqualTo(JobStatus.DONE);
      assertThat(result.note()).isEmpty();
    }
  }

  @Test
  void anInterruptedJobKeepsWhatItFinished() {
    String table = counted("interrupted", 8);
    CountingFunction.micros = 2000;
    Meddler job = new Meddler(Meddler.Event.COMMITTED, () -> Thread.currentThread().interrupt());
    assertThatThrownBy(() -> job.run(table, Map.of("job_id", "cell", "commit_granularity", 1)))
        .isInstanceOf(BackfillException.class)
        .hasMessageStartingWith("[JOB_INTERRUPTED] ")
        .hasMessageContaining("What was finished is kept; the same call goes on from there.")
        .hasMessageContaining("Job cell; see job and jobs.");
    assertThat(Thread.interrupted()).isTrue();
    requireEnded(table, "cell", "INTERRUPTED", "[JOB_INTERRUPTED]");
    Row result = session.call("backfill('%s', 'n')", table);
    assertThat(result.<String>getAs("status")).isEqualTo("DONE");
    assertThat(result.<Long>getAs("fragments_skipped")).isPositive();
    assertThat(session.coverage(table, "n")).startsWith(40L);
  }

  @Test
  void aJobThatIsInterruptedWhileItWaitsIsNoDamage() {
    String table = counted("waiting", 1);
    DatasetRef ref = DatasetRef.of(session.folder("waiting").toString());
    ComputedColumn column = ComputedColumn.of(LanceTables.latest(ref), "n");
    Meddler job = new Meddler(Meddler.Event.NOTICE, () -> Thread.currentThread().interrupt());
    try (Lease held =
        Lease.acquire(
            new TableState(ref).lease(column.idKey()),
            LeaseHolder.of("other"),
            Duration.ofMinutes(1),
            waiting -> {},
            Duration.ZERO)) {
      assertThatThrownBy(() -> job.run(table, Map.of()))
          .isInstanceOf(BackfillException.class)
          .hasMessageStartingWith("[JOB_INTERRUPTED] Interrupted while waiting for the lease")
          .hasMessageNotContaining("delete");
      assertThat(Thread.interrupted()).isTrue();
      assertThat(held.held()).isTrue();
    }
    assertThat(job.notices).singleElement().asString().contains("waits for job other");
  }

  @Test
  void aHistoryThatCannotBeWrittenEndsNoJob() throws IOException {
    String table = counted("history", 4);
    Path jobs = session.folder("history").resolve("_backfill/jobs.lance");
    Files.createDirectories(jobs.getParent());
    Files.writeString(jobs, "no folder");
    Meddler job = new Meddler(Meddler.Event.PLANNED, () -> {});
    BackfillResult result = job.run(table, Map.of("job_id", "silent", "commit_granularity", 1));
    assertThat(result.status()).isEqualTo(JobStatus.DONE);
    assertThat(result.note())
        .containsPattern(
            "Lines of the job's history could not be written \\(\\d+ times\\): Cannot");
    assertThat(job.notices).singleElement().asString().contains("could not be written: Cannot");
    assertThat(session.coverage(table, "n")).startsWith(40L);
    assertThat(tags(table)).isEmpty();
    Files.delete(jobs);
    assertThat(session.call("backfill('%s', 'n')", table).<String>getAs("status"))
        .isEqualTo("DONE");
  }

  @Test
  void linesOfTheHistoryThatWaitedAreWritten() throws IOException {
    String table = counted("late", 2);
    Path jobs = session.folder("late").resolve("_backfill/jobs.lance");
    Files.createDirectories(jobs.getParent());
    Files.writeString(jobs, "no folder");
    Meddler job =
        new Meddler(
            Meddler.Event.COMMITTED,
            () -> {
              try {
                Files.delete(jobs);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    BackfillResult result = job.run(table, Map.of("job_id", "late"));
    assertThat(result.note()).isEmpty();
    assertThat(
            session.sql("CALL lance.system.job('%s', 'late')", table).collectAsList().stream()
                .map(row -> row.<String>getAs("event"))
                .filter(event -> !event.equals("ATTEMPT")))
        .startsWith("STARTED", "PLANNED", "COMMITTED")
        .endsWith("ENDED");
  }

  @Test
  void aTableByARelativePathThatGoesUpIsTidiedUp() throws IOException {
    counted("upwards", 2);
    Path folder = session.folder("upwards");
    String table = Path.of("").toAbsolutePath().relativize(folder.toAbsolutePath()).toString();
    assertThat(table).startsWith("../");
    CountingFunction.micros = 20_000;
    Row result =
        session.call(
            "backfill(table => '%s', column => 'n', checkpoint_interval => '100ms',"
                + " job_id => 'up')",
            table);
    assertThat(result.<String>getAs("status")).isEqualTo("DONE");
    Path checkpoints = folder.resolve("_backfill/checkpoints");
    assertThat(checkpoints).isEmptyDirectory();
    assertThat(last(table, "up").<String>getAs("event")).isEqualTo("ENDED");
  }

  @Test
  void aPathLikeTheStatesIsATablesAllTheSame() {
    assertThatThrownBy(
            () -> session.call("backfill('%s/_backfill_of_mine/t.lance', 'n')", session.root()))
        .hasMessageStartingWith("[NOT_A_LANCE_TABLE]");
    assertThatThrownBy(() -> session.call("backfill('%s/_backfill/t.lance', 'n')", session.root()))
        .hasMessageStartingWith("[NOT_A_LANCE_TABLE]");
  }

  @Test
  void credentialsOfAnAddressAreNotShown() {
    String call = "CALL lance.system.backfill('foo://user:pass@host/t.lance?sig=abc', 'n')";
    assertThatThrownBy(() -> session.sql(call))
        .hasMessageContaining("foo://host/t.lance")
        .hasMessageNotContaining("pass")
        .hasMessageNotContaining("abc");
  }
}
