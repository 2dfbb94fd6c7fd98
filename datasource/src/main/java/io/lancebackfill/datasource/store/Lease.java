package io.lancebackfill.datasource.store;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.jspecify.annotations.Nullable;
import org.lance.CommitBuilder;
import org.lance.Dataset;
import org.lance.Transaction;
import org.lance.cleanup.CleanupPolicy;
import org.lance.operation.UpdateConfig;
import org.lance.operation.UpdateMap;

/**
 * Keeps two drivers from doing one thing at the same time: one key in the configuration of a small
 * dataset of its own, changed by compare-and-set. The holder renews it; whoever has seen no renewal
 * for the lease's duration, on his own clock, takes it over, and at once if the holder was a process
 * of this machine that is gone.
 *
 * <p>A lease is no lock: a holder that was silent for too long finds out only by {@link #held}.
 */
public final class Lease implements AutoCloseable {
  private static final String KEY = "lance-backfill.lease";
  private static final Schema SCHEMA =
      new Schema(List.of(Field.nullable("lease", new ArrowType.Utf8())));
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration LOOK_EVERY = Duration.ofMillis(250);
  private static final Duration SAY_EVERY = Duration.ofSeconds(10);
  private static final int RENEWALS_BETWEEN_CLEANUPS = 50;

  private final DatasetRef ref;
  private final LeaseHolder holder;
  private final Duration duration;
  private final Thread renewer;
  private final Object lock = new Object();
  private long renewals;
  private volatile long renewedAt;
  private volatile boolean lost;
  private boolean closed;

  /** The value of the key. A lease that is free keeps its last holder, for the epoch. */
  private record State(LeaseHolder holder, long renewals, boolean free) {}

  /** A version of the dataset and the value it has. */
  private record Seen(long version, @Nullable State state) {}

  private Lease(DatasetRef ref, LeaseHolder holder, Duration duration, long takenAt) {
    this.ref = ref;
    this.holder = holder;
    this.duration = duration;
    this.renewedAt = takenAt;
    this.renewer = new Thread(this::renewUntilClosed, "lance-backfill-lease");
    this.renewer.setDaemon(true);
  }

  /**
   * Takes the lease, waiting for whoever holds it.
   *
   * @param ref the lease's dataset; made if it is missing
   * @param driver id of this driver process
   * @param duration how long a holder that does not renew keeps it; 1 s at least
   * @param waitingFor is told now and then for whom this waits
   * @param giveUpAfter how long to wait at most
   * @throws DatasetException COMMIT_CONTENTION if the holder kept it that long
   */
  public static Lease acquire(
      DatasetRef ref,
      String driver,
      String jobId,
      Duration duration,
      Consumer<LeaseHolder> waitingFor,
      Duration giveUpAfter) {
    StateDatasets.createIfAbsent(ref, SCHEMA);
    long begun = System.nanoTime();
    long saidAt = begun - SAY_EVERY.toNanos();
    State watched = null;
    long unchangedSince = begun;
    while (true) {
      Seen seen = look(ref);
      State state = seen.state();
      long now = System.nanoTime();
      if (watched == null || !watched.equals(state)) {
        watched = state;
        unchangedSince = now;
      }
      boolean expired = now - unchangedSince >= duration.toNanos();
      if (state == null || state.free() || expired || processGone(state.holder())) {
        long epoch = state == null ? 1 : state.holder().epoch() + 1;
        LeaseHolder me = holder(driver, epoch, jobId);
        if (compareAndSet(ref, seen.version(), new State(me, 0, false))) {
          Lease lease = new Lease(ref, me, duration, now);
          lease.renewer.start();
          return lease;
        }
        continue;
      }
      if (now - begun >= giveUpAfter.toNanos()) {
        throw new DatasetException(
            Kind.COMMIT_CONTENTION,
            "The lease %s is held by job %s (process %d on %s) since %s, and was not given up within %s. Wait for that job, or end it."
                .formatted(
                    ref.uri(),
                    state.holder().jobId(),
                    state.holder().pid(),
                    state.holder().host(),
                    state.holder().since(),
                    giveUpAfter));
      }
      if (now - saidAt >= SAY_EVERY.toNanos()) {
        saidAt = now;
        waitingFor.accept(state.holder());
      }
      pause(ref, LOOK_EVERY);
    }
  }

  /** Who holds the lease; empty if it is free or was never taken. Writes nothing. */
  public static Optional<LeaseHolder> current(DatasetRef ref) {
    return Retry.onMoved(
        ref,
        () -> {
          try (Handle handle = Handle.open(ref)) {
            return handle.present()
                ? Optional.ofNullable(state(ref, handle.dataset()))
                    .filter(state -> !state.free())
                    .map(State::holder)
                : Optional.empty();
          }
        });
  }

  /** Whether the holder was a process of this machine that does not run any more. */
  public static boolean processGone(LeaseHolder holder) {
    if (!holder.host().equals(thisHost())) {
      return false;
    }
    return ProcessHandle.of(holder.pid())
        .filter(ProcessHandle::isAlive)
        .filter(process -> start(process).equals(holder.processStart()))
        .isEmpty();
  }

  /** Whether this is still the holder, as far as can be known without asking the store. */
  public boolean held() {
    return !lost && System.nanoTime() - renewedAt < duration.toNanos();
  }

  /** Counts the holdings of the lease; this one's number. */
  public long epoch() {
    return holder.epoch();
  }

  /** Gives the lease back. */
  @Override
  public void close() {
    synchronized (lock) {
      if (closed) {
        return;
      }
      closed = true;
      lock.notifyAll();
    }
    try {
      renewer.join(duration.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (!lost) {
      write(new State(holder, renewals + 1, true));
      cleanUp();
    }
  }

  private void renewUntilClosed() {
    long pauseMillis = Math.max(1, duration.toMillis() / 3);
    while (true) {
      synchronized (lock) {
        if (!closed) {
          try {
            lock.wait(pauseMillis);
          } catch (InterruptedException e) {
            lost = true;
            return;
          }
        }
        if (closed || lost) {
          return;
        }
      }
      long before = System.nanoTime();
      try {
        if (write(new State(holder, renewals + 1, false))) {
          renewals++;
          renewedAt = before;
          if (renewals % RENEWALS_BETWEEN_CLEANUPS == 0) {
            cleanUp();
          }
        } else {
          lost = true;
        }
      } catch (DatasetException e) {
        // The store may answer again before the lease runs out; held() tells if it does not.
        continue;
      }
    }
  }

  /** Writes over this holder's own value; false if it is somebody else's by now. */
  private boolean write(State next) {
    while (true) {
      Seen seen = look(ref);
      State state = seen.state();
      if (state == null || !state.holder().token().equals(holder.token())) {
        return false;
      }
      if (compareAndSet(ref, seen.version(), next)) {
        return true;
      }
    }
  }

  private void cleanUp() {
    try (Handle handle = Handle.open(ref)) {
      if (handle.present() && handle.dataset().version() > 2) {
        handle
            .dataset()
            .cleanupWithPolicy(
                CleanupPolicy.builder().withBeforeVersion(handle.dataset().version()).build());
      }
    } catch (RuntimeException e) {
      // Old versions cost a little space; a challenger that reads one may make this fail.
      if (LanceErrorClassifier.classify("clean up", ref, e).kind() == Kind.PERMISSION_DENIED) {
        throw e;
      }
    }
  }

  private static Seen look(DatasetRef ref) {
    return Retry.onMoved(
        ref,
        () -> {
          try (Handle handle = Handle.open(ref)) {
            if (!handle.present()) {
              throw new DatasetException(
                  Kind.NOT_FOUND,
                  "The lease " + ref.uri() + " is gone: its folder was deleted meanwhile.");
            }
            return new Seen(handle.dataset().version(), state(ref, handle.dataset()));
          }
        });
  }

  private static @Nullable State state(DatasetRef ref, Dataset dataset) {
    String text = dataset.getConfig().get(KEY);
    if (text == null) {
      return null;
    }
    try {
      return JSON.readValue(text, State.class);
    } catch (JsonProcessingException e) {
      throw LocalPaths.corrupt(ref, "its value is no lease: " + text, e);
    }
  }

  /** Sets the value if the dataset still is at the version; false if another commit came first. */
  private static boolean compareAndSet(DatasetRef ref, long version, State next) {
    String text;
    try {
      text = JSON.writeValueAsString(next);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
    UpdateConfig operation =
        UpdateConfig.builder()
            .configUpdates(UpdateMap.builder().updates(Map.of(KEY, text)).replace(false).build())
            .build();
    try (Handle handle = Handle.open(ref);
        Transaction transaction =
            new Transaction.Builder()
                .readVersion(version)
                .uuid(UUID.randomUUID().toString())
                .operation(operation)
                .build();
        Dataset committed =
            new CommitBuilder(handle.dataset())
                .writeParams(ref.storageOptions())
                .skipAutoCleanup(true)
                .execute(transaction)) {
      return committed.version() > version;
    } catch (RuntimeException e) {
      // An answer that was lost is told from a refusal by looking at the value.
      if (next.equals(look(ref).state())) {
        return true;
      }
      Kind kind = LanceErrorClassifier.classify("change", ref, e).kind();
      if (kind == Kind.COMMIT_CONFLICT || kind == Kind.COMMIT_CONTENTION) {
        return false;
      }
      throw LanceErrorClassifier.classify("change", ref, e);
    }
  }

  private static LeaseHolder holder(String driver, long epoch, String jobId) {
    ProcessHandle process = ProcessHandle.current();
    return new LeaseHolder(
        driver,
        UUID.randomUUID().toString(),
        epoch,
        thisHost(),
        process.pid(),
        start(process),
        jobId,
        Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
  }

  private static String start(ProcessHandle process) {
    return process.info().startInstant().map(Instant::toString).orElse("");
  }

  /** The machine's name and, where the system tells, which of its boots this is. */
  private static String thisHost() {
    try {
      Path boot = Path.of("/proc/sys/kernel/random/boot_id");
      String name = InetAddress.getLocalHost().getHostName();
      return Files.isReadable(boot) ? name + "/" + Files.readString(boot).strip() : name;
    } catch (IOException e) {
      throw new UncheckedIOException("This machine does not know its own name", e);
    }
  }

  private static void pause(DatasetRef ref, Duration time) {
    try {
      TimeUnit.NANOSECONDS.sleep(time.toNanos());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DatasetException(
          Kind.OTHER, "Interrupted while waiting for the lease " + ref.uri() + ".", e);
    }
  }
}
