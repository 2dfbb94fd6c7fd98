package io.lancebackfill.datasource.store;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.Retry;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BiPredicate;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps two drivers from doing the same job at once. The holder's name stands in one config key of
 * a dataset of its own, and every change of it is a compare-and-set. The holder renews it three
 * times per duration. A challenger takes over when it has seen no change for that long on its own
 * clock, so clocks need not agree; or at once if the holder was a process of this machine that is
 * gone.
 *
 * <p>A lease is no proof: a holder that was stopped for long believes in it until it looks. What it
 * guards must be safe without it; ask {@link #held()} right before each commit.
 */
public final class Lease implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Lease.class);
  private static final int RENEWALS_PER_DURATION = 3;
  private static final int RENEWALS_PER_CLEAN_UP = 20;
  private static final long LONGEST_LOOK_MS = 1000;

  private final LeaseStore store;
  private final DatasetRef ref;
  private final LeaseHolder holder;
  private final Duration duration;
  private final LongSupplier nanoTime;
  private final ScheduledExecutorService renewals;
  private int sinceCleanUp;
  private boolean closed;
  private volatile String note = "";
  private volatile boolean lost;
  private volatile long renewedAt;
  private @Nullable ScheduledFuture<?> renewal;

  private Lease(
      DatasetRef ref, LeaseHolder holder, Duration duration, long at, LongSupplier nanoTime) {
    this.store = new LeaseStore(ref);
    this.ref = ref;
    this.holder = holder;
    this.duration = duration;
    this.renewedAt = at;
    this.nanoTime = nanoTime;
    this.renewals =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread thread = new Thread(task, "lance-backfill-lease");
              thread.setDaemon(true);
              return thread;
            });
  }

  /**
   * Takes the lease, waiting for its holder if need be.
   *
   * @param ref dataset of this lease alone; created if it is missing
   * @param me as {@link LeaseHolder#of} makes it
   * @param duration how long a holder that is not heard of keeps the lease; at least 100 ms, and
   *     the same for all drivers
   * @param waitingFor told whose lease it is that is waited for, once per holder
   * @param giveUpAfter longest time to wait; zero for one try
   * @throws LeaseUnavailableException if it was not to be had in that time
   * @throws DatasetException as classified
   */
  public static Lease acquire(
      DatasetRef ref,
      LeaseHolder me,
      Duration duration,
      Consumer<LeaseHolder> waitingFor,
      Duration giveUpAfter) {
    return acquire(ref, me, duration, waitingFor, giveUpAfter, System::nanoTime);
  }

  /** By another clock; only renewals come by the real one. */
  static Lease acquire(
      DatasetRef ref,
      LeaseHolder me,
      Duration duration,
      Consumer<LeaseHolder> waitingFor,
      Duration giveUpAfter,
      LongSupplier nanoTime) {
    if (duration.toMillis() < 100) {
      throw new IllegalArgumentException(
          "A lease must last 100 ms at least, not " + duration.toMillis() + " ms");
    }
    return new LeaseChallenge(ref, me, duration, waitingFor, giveUpAfter, nanoTime).run();
  }

  /** One driver's attempts to become the holder. */
  private static final class LeaseChallenge {
    private final DatasetRef ref;
    private final LeaseStore store;
    private final LeaseHolder me;
    private final Duration duration;
    private final Consumer<LeaseHolder> waitingFor;
    private final Duration giveUpAfter;
    private final LongSupplier nanoTime;
    private @Nullable LeaseRecord seen;
    private @Nullable LeaseRecord sent;
    private long sentAt;
    private final LeaseWatch watch = new LeaseWatch();
    private String toldOf = "";

    LeaseChallenge(
        DatasetRef ref,
        LeaseHolder me,
        Duration duration,
        Consumer<LeaseHolder> waitingFor,
        Duration giveUpAfter,
        LongSupplier nanoTime) {
      this.ref = ref;
      this.store = new LeaseStore(ref);
      this.me = me;
      this.duration = duration;
      this.waitingFor = waitingFor;
      this.giveUpAfter = giveUpAfter;
      this.nanoTime = nanoTime;
    }

    Lease run() {
      long begin = nanoTime.getAsLong();
      while (true) {
        Optional<Lease> taken = Retry.outage("take the lease", ref, this::lookAndTake);
        if (taken.isPresent()) {
          return taken.get();
        }
        LeaseRecord found = seen;
        if (found == null || found.heldBy().isEmpty()) {
          continue;
        }
        if (nanoTime.getAsLong() - begin >= giveUpAfter.toNanos()) {
          throw new LeaseUnavailableException(ref, found.heldBy().orElseThrow());
        }
        tell(found.heldBy().orElseThrow());
        pause();
      }
    }

    private Optional<Lease> lookAndTake() {
      // The lease counts from before the commit: it must not seem fresher than it is.
      long before = nanoTime.getAsLong();
      seen = null;
      Optional<LeaseRecord> taken = store.change(found -> taken(found, before));
      if (taken.isPresent()) {
        return Optional.of(started(taken.get().heldBy().orElseThrow(), before));
      }
      LeaseRecord mine = sent;
      if (mine != null && mine.equals(seen)) {
        // It was taken, and the answer that would have said so was lost.
        return Optional.of(started(mine.heldBy().orElseThrow(), sentAt));
      }
      return Optional.empty();
    }

    /** The record with this driver in it, or null where the lease is not to be had. */
    private @Nullable LeaseRecord taken(LeaseRecord found, long before) {
      if (found.equals(sent) || !mayTake(found, before, nanoTime.getAsLong())) {
        seen = found;
        return null;
      }
      LeaseHolder mine = me.withEpoch(found.epoch() + 1);
      sent = new LeaseRecord(mine, mine.epoch(), 0);
      sentAt = before;
      return sent;
    }

    private Lease started(LeaseHolder mine, long at) {
      Lease lease = new Lease(ref, mine, duration, at, nanoTime);
      lease.start();
      return lease;
    }

    private boolean mayTake(LeaseRecord found, long before, long after) {
      Optional<LeaseHolder> current = found.heldBy();
      return current.isEmpty()
          || watch.silentFor(found, before, after) >= duration.toNanos()
          || processGone(current.get());
    }

    private void tell(LeaseHolder current) {
      if (!current.driver().equals(toldOf)) {
        toldOf = current.driver();
        waitingFor.accept(current);
      }
    }

    private void pause() {
      long millis = Math.min(LONGEST_LOOK_MS, Math.max(10, duration.toMillis() / 10));
      try {
        Thread.sleep(millis);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new DatasetException(
            DatasetException.Kind.INTERRUPTED,
            ref,
            "Interrupted while waiting for the lease " + ref.display() + ".",
            e);
      }
    }
  }

  private void start() {
    long period = Math.max(1, duration.toNanos() / RENEWALS_PER_DURATION);
    renewal = renewals.scheduleAtFixedRate(this::renew, period, period, TimeUnit.NANOSECONDS);
  }

  private synchronized void renew() {
    if (closed || lost) {
      return;
    }
    long at = nanoTime.getAsLong();
    try {
      if (exchangeIfMine(LeaseRecord::next)) {
        renewedAt = at;
      } else {
        lost = true;
        LOG.warn("The lease {} is not this driver's any more", ref.display());
      }
    } catch (Exception | Error e) {
      // The store, or the memory, may be back for the next renewal, which an exception that left
      // here would cancel without a word; until then held() counts the time down.
      LOG.warn("The lease {} could not be renewed", ref.display(), e);
      return;
    }
    cleanUpNowAndThen();
  }

  /** Reads anew each time, since the answer to an earlier renewal may have been lost. */
  private boolean exchangeIfMine(UnaryOperator<LeaseRecord> change) {
    return store
        .change(
            found -> found.heldBy().filter(holder::equals).isPresent() ? change.apply(found) : null)
        .isPresent();
  }

  private void cleanUpNowAndThen() {
    sinceCleanUp++;
    if (sinceCleanUp < RENEWALS_PER_CLEAN_UP || lost) {
      return;
    }
    sinceCleanUp = 0;
    try {
      store.cleanUp();
    } catch (Exception | Error e) {
      LOG.info("Old versions of the lease {} could not be deleted yet", ref.display(), e);
    }
  }

  /**
   * True while this driver is the holder as far as it can know: false for ever once a renewal found
   * another holder, false while the last renewal is as long ago as the lease lasts.
   */
  public boolean held() {
    return !lost && nanoTime.getAsLong() - renewedAt < duration.toNanos();
  }

  /** Counts the holders of this lease; higher than that of every holder before. */
  public long epoch() {
    return holder.epoch();
  }

  /** This driver, as others see it. */
  public LeaseHolder holder() {
    return holder;
  }

  /** What is to be known, once the lease is free, until it is taken again: see {@link #pass}. */
  public void leave(String text) {
    note = text;
  }

  /** Sets the lease free, if it is still this driver's; others need not wait then. */
  @Override
  public void close() {
    ScheduledFuture<?> scheduled = renewal;
    if (scheduled != null) {
      scheduled.cancel(false);
    }
    renewals.shutdown();
    release();
  }

  private synchronized void release() {
    if (closed) {
      return;
    }
    closed = true;
    boolean wasLost = lost;
    lost = true;
    if (wasLost) {
      return;
    }
    try {
      if (!exchangeIfMine(mine -> LeaseRecord.free(mine.epoch(), note))) {
        LOG.warn("The lease {} was another driver's already when it was released", ref.display());
      }
    } catch (Exception | LinkageError e) {
      // It runs out by itself; failing the job that is done would help nobody.
      LOG.warn("The lease {} could not be released; it runs out by itself", ref.display(), e);
    }
  }

  /**
   * Takes a free lease and gives it back in one step, its note kept: for what is over the moment it
   * begins.
   *
   * @param whether is asked with the note that the last holder left, and the epoch that would be
   *     this one's
   * @return the epoch; empty if somebody holds the lease or was quicker, or {@code whether} says no
   */
  public static OptionalLong pass(DatasetRef ref, BiPredicate<String, Long> whether) {
    Optional<LeaseRecord> passed =
        Retry.outage(
            "pass the lease",
            ref,
            () ->
                new LeaseStore(ref)
                    .change(
                        found ->
                            found.heldBy().isEmpty()
                                    && whether.test(found.note(), found.epoch() + 1)
                                ? LeaseRecord.free(found.epoch() + 1, found.note())
                                : null));
    return passed.isPresent() ? OptionalLong.of(passed.get().epoch()) : OptionalLong.empty();
  }

  /**
   * Who holds the lease; writes nothing. A holder that died is reported until somebody takes over.
   */
  public static Optional<LeaseHolder> current(DatasetRef ref) {
    return Retry.outage("read the lease", ref, () -> new LeaseStore(ref).read().heldBy());
  }

  /** True if the holder certainly was a process of this machine that is gone. */
  public static boolean processGone(LeaseHolder holder) {
    return ProcessIdentity.gone(holder);
  }
}
