package io.lancebackfill.datasource.store;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.Retry;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Finds out which holders of leases live, for those who do not want to hold them. A process of this
 * machine is looked up; the record of any other holder is watched, as a challenger would, all of
 * them at the same time.
 */
public final class LeaseSurvey {
  private static final long LONGEST_LOOK_MS = 1000;

  /** A renewal is due three times per duration: a record this old is not one of a live holder. */
  private static final int DURATIONS_OF_TRUST = 2;

  private LeaseSurvey() {}

  /** A lease that somebody holds. */
  public static final class Held {
    private final DatasetRef ref;
    private final LeaseRecord record;
    private final LeaseHolder holder;
    private final boolean alive;

    private Held(DatasetRef ref, LeaseRecord record, LeaseHolder holder, boolean alive) {
      this.ref = ref;
      this.record = record;
      this.holder = holder;
      this.alive = alive;
    }

    public LeaseHolder holder() {
      return holder;
    }

    /** False if its process is gone, or was silent for as long as a lease lasts. */
    public boolean alive() {
      return alive;
    }

    /**
     * Sets the lease free of a holder that is not alive. If it only slept, it finds its lease lost.
     *
     * @return false if it woke up in between, or somebody else took the lease
     */
    public boolean end() {
      if (alive) {
        throw new IllegalStateException("The holder of " + ref.display() + " lives");
      }
      return Retry.outage(
          "end the lease",
          ref,
          () -> new LeaseStore(ref).exchange(record, LeaseRecord.free(record.epoch())));
    }
  }

  /**
   * Those of the leases that are held. Waits until each has changed, or for one duration.
   *
   * @param duration how long a lease lasts, the same for all drivers
   * @throws DatasetException as classified
   */
  public static Map<DatasetRef, Held> watched(Collection<DatasetRef> leases, Duration duration) {
    return look(leases, duration, /* trustClocks= */ false);
  }

  /**
   * As {@link #watched}, but does not wait for a holder that by the clocks has renewed its lease of
   * late. One that died since then counts as alive for so long.
   */
  public static Map<DatasetRef, Held> quick(Collection<DatasetRef> leases, Duration duration) {
    return look(leases, duration, /* trustClocks= */ true);
  }

  private static Map<DatasetRef, Held> look(
      Collection<DatasetRef> leases, Duration duration, boolean trustClocks) {
    Map<DatasetRef, Held> held = new LinkedHashMap<>();
    List<Watched> watched = new ArrayList<>();
    leases.forEach(ref -> watched.add(new Watched(ref, duration, trustClocks)));
    while (true) {
      watched.removeIf(
          lease -> {
            boolean known = Retry.outage("read the lease", lease.ref, lease::look);
            Held found = lease.found;
            if (known && found != null) {
              held.put(lease.ref, found);
            }
            return known;
          });
      if (watched.isEmpty()) {
        return held;
      }
      pause(watched.get(0).ref, duration);
    }
  }

  /** One lease, until it is known how it stands. */
  private static final class Watched {
    private final DatasetRef ref;
    private final Duration duration;
    private final boolean trustClocks;
    private final LeaseWatch watch = new LeaseWatch();
    private @Nullable LeaseRecord first;
    private @Nullable Held found;

    Watched(DatasetRef ref, Duration duration, boolean trustClocks) {
      this.ref = ref;
      this.duration = duration;
      this.trustClocks = trustClocks;
    }

    /** Whether it is known now. */
    boolean look() {
      long before = System.nanoTime();
      LeaseRecord record = new LeaseStore(ref).read();
      long silent = watch.silentFor(record, before, System.nanoTime());
      LeaseHolder holder = record.heldBy().orElse(null);
      if (holder == null) {
        return true;
      }
      boolean alive;
      if (ProcessIdentity.ofThisMachine(holder)) {
        alive = !ProcessIdentity.gone(holder);
      } else if (first == null) {
        first = record;
        if (!trustClocks || !renewedOfLate()) {
          return false;
        }
        alive = true;
      } else if (record.equals(first)) {
        if (silent < duration.toNanos()) {
          return false;
        }
        alive = false;
      } else {
        alive = true;
      }
      found = new Held(ref, record, holder, alive);
      return true;
    }

    private boolean renewedOfLate() {
      return DatasetAge.changedAt(ref)
          .map(at -> Duration.between(at, Instant.now()).abs())
          .filter(age -> age.compareTo(duration.multipliedBy(DURATIONS_OF_TRUST)) <= 0)
          .isPresent();
    }
  }

  private static void pause(DatasetRef ref, Duration duration) {
    try {
      Thread.sleep(Math.min(LONGEST_LOOK_MS, Math.max(10, duration.toMillis() / 10)));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DatasetException(
          DatasetException.Kind.INTERRUPTED,
          ref,
          "Interrupted while watching the lease " + ref.display() + ".",
          e);
    }
  }
}
