package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.lancebackfill.datasource.store.Lease;
import io.lancebackfill.datasource.store.LeaseHolder;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.JobCounts;
import io.lancebackfill.state.JobEvent;
import io.lancebackfill.state.JobRecords;
import io.lancebackfill.state.JobStatus;
import io.lancebackfill.state.TableState;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.function.Predicate;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Jobs whose driver, a process on another machine by its lease, is killed. */
class TestDeadDrivers {
  private static final Duration LEASE = Duration.ofSeconds(2);
  private static final Predicate<String> CHECKPOINT = text -> text.startsWith("checkpoint ");

  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  @BeforeAll
  static void start() {
    session.spark().conf().set("spark.lancebackfill.leaseDuration", LEASE.toSeconds() + "s");
    CountingFunction.register(session.spark());
  }

  /** Holds a lease in the name of another machine until it is killed. */
  static final class DriverElsewhere {
    private DriverElsewhere() {}

    public static void main(String[] args) throws InterruptedException {
      LeaseHolder me = LeaseHolder.of("elsewhere");
      LeaseHolder holder =
          new LeaseHolder(
              me.driver(), 0, "another-machine", 1, me.processStart(), me.jobId(), me.since());
      Lease lease = Lease.acquire(DatasetRef.of(args[0]), holder, LEASE, other -> {}, LEASE);
      new CountDownLatch(1).await();
      lease.close();
    }

    static Process start(DatasetRef lease) throws IOException {
      List<String> command = new ArrayList<>();
      command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
          .filter(arg -> arg.matches("(--add-opens|-XX:|-Dio\\.netty).*"))
          .forEach(command::add);
      command.add("-cp");
      command.add(
          System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
      command.add(DriverElsewhere.class.getName());
      command.add(lease.uri());
      return new ProcessBuilder(command).inheritIO().start();
    }
  }

  @Test
  void areFoundOutByJobsAndByClean() throws Exception {
    String table = session.table("dead", 200, 1, "2.1");
    session.call(
        "add_column(table => '%s', column => 'n', expression => 'counting(id, text)',"
            + " options => map('version', '1'))",
        table);
    CountingFunction.reset();
    CountingFunction.micros = 10_000;
    CountingFunction.failsAt = 150;
    assertThatThrownBy(() -> session.call("backfill('%s', 'n')", table))
        .hasMessageContaining("row 150 is not to my taste");
    assertThat(cleaned(table, true)).isNotEmpty().allMatch(CHECKPOINT);

    DatasetRef ref = DatasetRef.of(session.folder("dead").toString());
    ComputedColumn column = ComputedColumn.of(LanceTables.latest(ref), "n");
    TableState state = new TableState(ref);
    DatasetRef lease = state.lease(column.idKey());
    Process driver = DriverElsewhere.start(lease);
    try {
      await().atMost(Duration.ofSeconds(60)).until(() -> Lease.current(lease).isPresent());
      new JobRecords(state).append(List.of(started(column)));
      assertThat(status(table)).isEqualTo("RUNNING");
      assertThat(cleaned(table, false))
          .singleElement()
          .asString()
          .startsWith("left checkpoints of column n and all column files of the table, until job")
          .contains("elsewhere ends, which fills it since")
          .contains("process 1 on another-machine");
    } finally {
      driver.destroyForcibly().waitFor();
    }
    await().atMost(Duration.ofSeconds(60)).until(() -> status(table).equals("INTERRUPTED"));
    List<Row> events =
        session.sql("CALL lance.system.job('%s', 'elsewhere')", table).collectAsList();
    assertThat(events.get(events.size() - 1).<String>getAs("status")).isEqualTo("INTERRUPTED");
    assertThat(cleaned(table, true)).isNotEmpty().allMatch(CHECKPOINT);
    assertThat(Lease.current(lease)).isPresent();
    assertThat(cleaned(table, false)).isNotEmpty().allMatch(CHECKPOINT);
    assertThat(Lease.current(lease)).isEmpty();
    assertThat(cleaned(table, false)).isEmpty();
  }

  private static JobEvent started(ComputedColumn column) {
    return new JobEvent(
        "elsewhere",
        Instant.now(),
        "STARTED",
        JobStatus.RUNNING,
        "n",
        column.idKey(),
        "driver",
        2,
        "",
        1,
        JobCounts.NONE,
        0,
        0,
        "{}",
        "",
        "");
  }

  private static String status(String table) {
    return session.sql("CALL lance.system.jobs('%s')", table).collectAsList().stream()
        .filter(row -> row.<String>getAs("job_id").equals("elsewhere"))
        .map(row -> row.<String>getAs("status"))
        .findAny()
        .orElseThrow();
  }

  private static List<String> cleaned(String table, boolean dryRun) {
    return session
        .sql("CALL lance.system.clean('%s', '0s', %s)", table, dryRun)
        .collectAsList()
        .stream()
        .map(row -> row.getString(0) + " " + row.getString(1))
        .toList();
  }
}
