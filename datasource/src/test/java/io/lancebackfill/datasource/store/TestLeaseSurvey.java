package io.lancebackfill.datasource.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.lancebackfill.datasource.store.LeaseSurvey.Held;
import io.lancebackfill.datasource.table.DatasetRef;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class TestLeaseSurvey {
  private static final Duration LONG = Duration.ofMinutes(10);
  private static final Duration SHORT = Duration.ofMillis(600);

  @TempDir private Path folder;

  private DatasetRef lease(int number) {
    return DatasetRef.of(folder.resolve("_backfill/lease" + number + ".lance").toString());
  }

  /** Writes a holder that renews nothing. */
  private static LeaseRecord leftBehind(DatasetRef ref, LeaseHolder holder) {
    LeaseStore store = new LeaseStore(ref);
    store.create();
    LeaseRecord record = new LeaseRecord(holder.withEpoch(4), 4, 17);
    assertThat(store.exchange(store.read(), record)).isTrue();
    return record;
  }

  private static LeaseHolder elsewhere(String job) {
    LeaseHolder me = LeaseHolder.of(job);
    return new LeaseHolder(
        me.driver(), 0, "another-machine", me.pid(), me.processStart(), job, me.since());
  }

  @Test
  void saysNothingOfLeasesThatNobodyHolds() {
    new LeaseStore(lease(1)).create();
    leftBehind(lease(2), LeaseHolder.of("j"));
    new LeaseStore(lease(2)).exchange(new LeaseStore(lease(2)).read(), LeaseRecord.free(4));
    assertThat(LeaseSurvey.watched(List.of(lease(0), lease(1), lease(2)), LONG)).isEmpty();
  }

  @Test
  void looksProcessesOfThisMachineUpWithoutWaiting() {
    LeaseHolder me = LeaseHolder.of("living");
    leftBehind(lease(1), me);
    leftBehind(
        lease(2),
        new LeaseHolder(
            me.driver(), 0, me.host(), me.pid(), "2001-01-01T00:00:00Z", "dead", me.since()));
    Map<DatasetRef, Held> held = LeaseSurvey.watched(List.of(lease(1), lease(2)), LONG);
    assertThat(held.get(lease(1)).alive()).isTrue();
    assertThat(held.get(lease(1)).holder().jobId()).isEqualTo("living");
    assertThat(held.get(lease(2)).alive()).isFalse();
    assertThat(held.get(lease(2)).end()).isTrue();
    assertThat(Lease.current(lease(2))).isEmpty();
  }

  @Test
  void watchesAllOthersAtTheSameTime() {
    List<DatasetRef> leases = IntStream.range(0, 8).mapToObj(this::lease).toList();
    leases.forEach(ref -> leftBehind(ref, elsewhere("dead")));
    long before = System.nanoTime();
    Map<DatasetRef, Held> held = LeaseSurvey.watched(leases, Duration.ofSeconds(2));
    Duration took = Duration.ofNanos(System.nanoTime() - before);
    assertThat(held).hasSize(8).values().noneMatch(Held::alive);
    assertThat(took).isBetween(Duration.ofSeconds(2), Duration.ofSeconds(8));
  }

  @Test
  void knowsADriverElsewhereByItsRenewalsUntilItIsKilled() throws Exception {
    Process driver = ChildJvm.start(DriverElsewhere.class, lease(1).uri());
    try {
      await().atMost(Duration.ofSeconds(60)).until(() -> Lease.current(lease(1)).isPresent());
      assertThat(LeaseSurvey.watched(List.of(lease(1)), DriverElsewhere.DURATION))
          .hasEntrySatisfying(lease(1), held -> assertThat(held.alive()).isTrue());
    } finally {
      driver.destroyForcibly().waitFor();
    }
    Held held = LeaseSurvey.watched(List.of(lease(1)), DriverElsewhere.DURATION).get(lease(1));
    assertThat(held.alive()).isFalse();
    assertThat(held.holder().jobId()).isEqualTo("child");
    assertThat(held.end()).isTrue();
    assertThat(Lease.current(lease(1))).isEmpty();
  }

  /** Holds the lease, in the name of another machine, until it is killed. */
  static final class DriverElsewhere {
    static final Duration DURATION = Duration.ofSeconds(3);

    private DriverElsewhere() {}

    public static void main(String[] args) throws InterruptedException {
      Lease lease =
          Lease.acquire(
              DatasetRef.of(args[0]), elsewhere("child"), DURATION, holder -> {}, DURATION);
      new CountDownLatch(1).await();
      lease.close();
    }
  }

  @Test
  void quickLookTrustsClocksThatSayOfLate() {
    leftBehind(lease(1), elsewhere("j"));
    assertThat(LeaseSurvey.quick(List.of(lease(1)), LONG).get(lease(1)).alive()).isTrue();
    await()
        .atMost(Duration.ofSeconds(30))
        .until(() -> !LeaseSurvey.quick(List.of(lease(1)), SHORT).get(lease(1)).alive());
  }

  @Test
  void aHolderThatWokeUpKeepsItsLease() {
    LeaseRecord record = leftBehind(lease(1), elsewhere("j"));
    Held held = LeaseSurvey.watched(List.of(lease(1)), SHORT).get(lease(1));
    assertThat(held.alive()).isFalse();
    assertThat(new LeaseStore(lease(1)).exchange(record, record.next())).isTrue();
    assertThat(held.end()).isFalse();
    assertThat(Lease.current(lease(1))).isPresent();
  }
}
