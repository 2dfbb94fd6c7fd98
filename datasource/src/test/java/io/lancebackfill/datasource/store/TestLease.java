package io.lancebackfill.datasource.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.lancebackfill.datasource.table.DatasetOpener;
import io.lancebackfill.datasource.table.DatasetRef;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.lance.Dataset;

@Timeout(120)
class TestLease {
  private static final Duration LONG = Duration.ofMinutes(10);

  /** For what takes renewals, which come by the real clock. */
  private static final Duration SHORT = Duration.ofMillis(600);

  /** Added to the real clock. */
  private final AtomicLong later = new AtomicLong();

  @TempDir private Path folder;
  private DatasetRef ref = DatasetRef.of("unset");

  @BeforeEach
  void prepare() {
    ref = DatasetRef.of(folder.resolve("_backfill/lease.lance").toString());
  }

  private Lease acquire(String job, Duration duration, Duration patience) {
    return acquire(LeaseHolder.of(job), duration, waitingFor -> {}, patience);
  }

  private Lease acquire(
      LeaseHolder me, Duration duration, Consumer<LeaseHolder> waitingFor, Duration patience) {
    return Lease.acquire(
        ref, me, duration, waitingFor, patience, () -> System.nanoTime() + later.get());
  }

  /** Writes a holder that renews nothing. */
  private void leftBehind(LeaseHolder holder) {
    LeaseStore store = new LeaseStore(ref);
    store.create();
    LeaseHolder taken = holder.withEpoch(4);
    assertThat(store.exchange(store.read(), new LeaseRecord(taken, 4, 17))).isTrue();
  }

  private static LeaseHolder elsewhere(String job) {
    LeaseHolder me = LeaseHolder.of(job);
    return new LeaseHolder(
        me.driver(), 0, "another-machine", 1, me.processStart(), job, me.since());
  }

  @Test
  void isHeldUntilItIsClosed() {
    assertThat(Lease.current(ref)).isEmpty();
    assertThat(folder).isEmptyDirectory();
    Lease lease = acquire("j1", LONG, Duration.ZERO);
    assertThat(lease.held()).isTrue();
    assertThat(lease.epoch()).isEqualTo(1);
    LeaseHolder current = Lease.current(ref).orElseThrow();
    assertThat(current).isEqualTo(lease.holder());
    assertThat(current.jobId()).isEqualTo("j1");
    assertThat(current.pid()).isEqualTo(ProcessHandle.current().pid());
    lease.close();
    assertThat(lease.held()).isFalse();
    assertThat(Lease.current(ref)).isEmpty();
    lease.close();
    try (Lease next = acquire("j2", LONG, Duration.ZERO)) {
      assertThat(next.epoch()).isEqualTo(2);
    }
  }

  @Test
  void excludesADriverOfTheSameProcess() {
    try (Lease lease = acquire("j1", LONG, Duration.ZERO)) {
      List<LeaseHolder> told = new ArrayList<>();
      LeaseHolder me = LeaseHolder.of("j2");
      assertThatThrownBy(() -> Lease.acquire(ref, me, LONG, told::add, Duration.ofMillis(50)))
          .isInstanceOfSatisfying(
              LeaseUnavailableException.class,
              e -> assertThat(e.holder()).isEqualTo(lease.holder()))
          .hasMessageContaining("is held by job j1 (process " + ProcessHandle.current().pid())
          .hasMessageContaining("Wait for that job");
      assertThat(lease.held()).isTrue();
    }
  }

  @Test
  void refusesADurationThatCannotBeKept() {
    assertThatThrownBy(() -> acquire("j", Duration.ofMillis(99), LONG))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("must last 100 ms at least, not 99 ms");
  }

  @Test
  void goesToOneOfManyThatAskAtOnce() throws Exception {
    for (int round = 0; round < 5; round++) {
      ref = DatasetRef.of(folder.resolve("_backfill/lease" + round + ".lance").toString());
      CountDownLatch go = new CountDownLatch(1);
      ExecutorService pool = Executors.newFixedThreadPool(6);
      List<Future<Optional<Lease>>> asked = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        String job = "j" + i;
        asked.add(
            pool.submit(
                () -> {
                  go.await();
                  try {
                    return Optional.of(acquire(job, LONG, Duration.ZERO));
                  } catch (LeaseUnavailableException e) {
                    return Optional.empty();
                  }
                }));
      }
      go.countDown();
      List<Lease> won = new ArrayList<>();
      for (Future<Optional<Lease>> one : asked) {
        one.get().ifPresent(won::add);
      }
      pool.shutdown();
      assertThat(won).hasSize(1);
      assertThat(won.get(0).held()).isTrue();
      won.get(0).close();
    }
  }

  @Test
  void letsTheNextOneInOnRelease() throws Exception {
    Lease lease = acquire("j1", LONG, Duration.ZERO);
    CompletableFuture<LeaseHolder> told = new CompletableFuture<>();
    AtomicInteger times = new AtomicInteger();
    CompletableFuture<Lease> waiting =
        CompletableFuture.supplyAsync(
            () ->
                Lease.acquire(
                    ref,
                    LeaseHolder.of("j2"),
                    LONG,
                    holder -> {
                      times.incrementAndGet();
                      told.complete(holder);
                    },
                    LONG));
    assertThat(told.get().jobId()).isEqualTo("j1");
    assertThat(waiting).isNotDone();
    lease.close();
    try (Lease next = waiting.get()) {
      assertThat(next.held()).isTrue();
      assertThat(next.epoch()).isEqualTo(2);
      assertThat(times).hasValue(1);
    }
  }

  @Test
  void isKeptByRenewalsForLongerThanItLasts() {
    try (Lease lease = acquire("j1", SHORT, Duration.ZERO)) {
      assertThatThrownBy(() -> acquire("j2", SHORT, SHORT.multipliedBy(4)))
          .isInstanceOf(LeaseUnavailableException.class)
          .hasMessageContaining("held by job j1");
      assertThat(lease.held()).isTrue();
    }
  }

  @Test
  void isTakenOverWhenItsHolderIsSilentForAsLongAsItLasts() throws Exception {
    leftBehind(elsewhere("j1"));
    CompletableFuture<LeaseHolder> told = new CompletableFuture<>();
    CompletableFuture<Lease> waiting =
        CompletableFuture.supplyAsync(
            () -> acquire(LeaseHolder.of("j2"), LONG, told::complete, LONG.multipliedBy(2)));
    told.get();
    later.addAndGet(LONG.minusSeconds(60).toNanos());
    assertThatThrownBy(() -> acquire("j3", LONG, Duration.ZERO))
        .isInstanceOf(LeaseUnavailableException.class)
        .hasMessageContaining("held by job j1");
    assertThat(waiting).isNotDone();
    later.addAndGet(Duration.ofSeconds(60).toNanos());
    try (Lease lease = waiting.get()) {
      assertThat(lease.epoch()).isEqualTo(5);
      assertThat(Lease.current(ref)).contains(lease.holder());
    }
  }

  @Test
  void isWaitedForAsLongAsAsked() throws Exception {
    leftBehind(elsewhere("j1"));
    CompletableFuture<LeaseHolder> told = new CompletableFuture<>();
    CompletableFuture<Lease> waiting =
        CompletableFuture.supplyAsync(
            () -> acquire(LeaseHolder.of("j2"), LONG, told::complete, Duration.ofMinutes(5)));
    told.get();
    assertThat(waiting).isNotDone();
    later.addAndGet(Duration.ofMinutes(5).toNanos());
    assertThatThrownBy(waiting::get)
        .hasCauseInstanceOf(LeaseUnavailableException.class)
        .hasMessageContaining("held by job j1");
  }

  @Test
  void isNotHeldOnceItsLastRenewalIsAsLongAgoAsItLasts() {
    AtomicLong now = new AtomicLong(77);
    try (Lease lease =
        Lease.acquire(ref, LeaseHolder.of("j1"), LONG, holder -> {}, Duration.ZERO, now::get)) {
      assertThat(lease.held()).isTrue();
      now.set(77 + LONG.toNanos() - 1);
      assertThat(lease.held()).isTrue();
      now.incrementAndGet();
      assertThat(lease.held()).isFalse();
    }
  }

  @Test
  void isTakenOverAtOnceWhenItsProcessIsGone() throws Exception {
    Process process = new ProcessBuilder("sleep", "1000").start();
    LeaseHolder me = LeaseHolder.of("j1");
    LeaseHolder holder =
        new LeaseHolder(
            me.driver(),
            0,
            me.host(),
            process.pid(),
            ProcessIdentity.start(process.toHandle()),
            "j1",
            me.since());
    leftBehind(holder);
    assertThat(Lease.processGone(holder)).isFalse();
    assertThatThrownBy(() -> acquire("j2", LONG, Duration.ZERO))
        .isInstanceOf(LeaseUnavailableException.class)
        .hasMessageContaining("process " + process.pid());
    process.destroyForcibly().waitFor();
    assertThat(Lease.processGone(holder)).isTrue();
    acquire("j2", LONG, Duration.ZERO).close();
  }

  @Test
  void isTakenOverAtOnceFromAKilledDriver() throws Exception {
    Process driver = ChildJvm.start(HoldingDriver.class, ref.uri());
    try {
      await().atMost(Duration.ofSeconds(60)).until(() -> Lease.current(ref).isPresent());
      assertThatThrownBy(() -> acquire("j2", LONG, Duration.ZERO))
          .isInstanceOf(LeaseUnavailableException.class)
          .hasMessageContaining("held by job child");
    } finally {
      driver.destroyForcibly().waitFor();
    }
    try (Lease lease = acquire("j2", LONG, Duration.ZERO)) {
      assertThat(lease.epoch()).isEqualTo(2);
    }
  }

  /** Holds the lease until it is killed. */
  static final class HoldingDriver {
    private HoldingDriver() {}

    public static void main(String[] args) throws InterruptedException {
      Lease lease =
          Lease.acquire(
              DatasetRef.of(args[0]),
              LeaseHolder.of("child"),
              LONG,
              holder -> {},
              Duration.ofMinutes(1));
      new CountDownLatch(1).await();
      lease.close();
    }
  }

  @Test
  void knowsAnotherProcessOfTheSameId() {
    LeaseHolder me = LeaseHolder.of("j1");
    assertThat(Lease.processGone(me)).isFalse();
    LeaseHolder earlier =
        new LeaseHolder(
            me.driver(), 0, me.host(), me.pid(), "2001-01-01T00:00:00Z", "j1", me.since());
    assertThat(Lease.processGone(earlier)).isTrue();
    assertThat(Lease.processGone(elsewhere("j1"))).isFalse();
    assertThat(me.host()).contains("/");
  }

  @Test
  void isLostWhenSomebodyElseTookIt() {
    try (Lease lease = acquire("j1", SHORT, Duration.ZERO)) {
      leftBehindOnTop(elsewhere("j2"));
      await().until(() -> !lease.held());
      assertThat(Lease.current(ref).orElseThrow().jobId()).isEqualTo("j2");
    }
    // Releasing what was lost leaves the other's lease alone.
    assertThat(Lease.current(ref).orElseThrow().jobId()).isEqualTo("j2");
  }

  private void leftBehindOnTop(LeaseHolder holder) {
    LeaseStore store = new LeaseStore(ref);
    await().until(() -> store.exchange(store.read(), new LeaseRecord(holder.withEpoch(9), 9, 0)));
  }

  /** A newest version that cannot be read stands for a store that fails for a while. */
  @Test
  void isNotHeldWhileTheStoreFails() throws IOException {
    long far = 1_000_000;
    String manifest = Long.toUnsignedString(-1 - far) + ".manifest";
    try (Lease lease = acquire("j1", SHORT, Duration.ZERO)) {
      Path damaged = Path.of(ref.uri(), "_versions", manifest);
      Files.writeString(damaged, "no manifest at all, but long enough to look like one");
      await().until(() -> !lease.held());
      Files.delete(damaged);
      await().until(lease::held);
      assertThat(Lease.current(ref)).contains(lease.holder());
    }
    assertThat(Lease.current(ref)).isEmpty();
  }

  @Test
  void isLostWithItsDataset() {
    try (Lease lease = acquire("j1", SHORT, Duration.ZERO)) {
      StateDatasets.drop(ref);
      await().until(() -> !lease.held());
      assertThat(Lease.current(ref)).isEmpty();
    }
  }

  @Test
  void isRenewedThreeTimesPerDuration() {
    try (Lease lease = acquire("j1", SHORT, Duration.ZERO)) {
      long before = version();
      await().until(() -> version() >= before + 3);
      assertThat(lease.held()).isTrue();
    }
  }

  @Test
  void cleansItsOldVersions() throws IOException {
    LeaseStore store = new LeaseStore(ref);
    store.create();
    for (int i = 0; i < 10; i++) {
      assertThat(store.exchange(store.read(), new LeaseRecord(elsewhere("j"), i, i))).isTrue();
    }
    StateDatasets.cleanUp(ref, Duration.ZERO);
    try (Stream<Path> files = Files.list(Path.of(ref.uri(), "_versions"))) {
      assertThat(files).hasSize(1);
    }
    assertThat(store.read().epoch()).isEqualTo(9);
  }

  private long version() {
    try (Dataset dataset = DatasetOpener.latest(ref)) {
      return dataset.version();
    }
  }

  @Test
  void whatTheLastHolderLeftLetsOthersPass() {
    assertThat(Lease.pass(ref, (note, epoch) -> true)).hasValue(1);
    assertThat(Lease.pass(ref, (note, epoch) -> !note.isEmpty())).isEmpty();
    try (Lease lease = acquire("j1", LONG, Duration.ZERO)) {
      lease.leave("all is done");
      assertThat(Lease.pass(ref, (note, epoch) -> true)).isEmpty();
    }
    for (long expected = 3; expected < 6; expected++) {
      assertThat(Lease.pass(ref, (note, epoch) -> note.equals("all is done"))).hasValue(expected);
    }
    assertThat(Lease.pass(ref, (note, epoch) -> epoch != 6)).isEmpty();
    assertThat(Lease.current(ref)).isEmpty();
    try (Lease lease = acquire("j2", LONG, Duration.ZERO)) {
      assertThat(lease.epoch()).isEqualTo(6);
    }
    assertThat(Lease.pass(ref, (note, epoch) -> !note.isEmpty())).isEmpty();
  }

  @Test
  void passingAskedNoMakesNothing() {
    assertThat(Lease.pass(ref, (note, epoch) -> false)).isEmpty();
    assertThat(Files.exists(Path.of(ref.uri()))).isFalse();
  }
}
