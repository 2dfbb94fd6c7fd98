package io.lancebackfill.datasource.table;

import io.lancebackfill.datasource.table.DatasetException.Kind;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides whether what failed is tried again, and waits before. One instance for each thing that is
 * done. Bounded:
 *
 * <table>
 *   <caption>What is tried how often</caption>
 *   <tr><th>kind</th><th>tries</th><th>pauses</th></tr>
 *   <tr><td>COMMIT_CONFLICT, COMMIT_CONTENTION, where the caller looks anew each time</td>
 *     <td>20</td><td>up to 0.5 s</td></tr>
 *   <tr><td>UNAVAILABLE</td><td>5, begun within a minute</td><td>0.1 to 2 s</td></tr>
 *   <tr><td>CORRUPT, NOT_FOUND, for a reader whose version a cleanup may take away</td>
 *     <td>3</td><td>short</td></tr>
 * </table>
 */
public final class Retry {
  private static final Logger LOG = LoggerFactory.getLogger(Retry.class);
  private static final int COMMIT_TRIES = 20;
  private static final int OUTAGE_TRIES = 5;
  private static final int READ_TRIES = 3;
  private static final long LONGEST_PAUSE_MS = 500;
  private static final long OUTAGE_PAUSE_MS = 100;

  /** The object store's client has tried for long itself before it says that there is no answer. */
  private static final Duration OUTAGE_PATIENCE = Duration.ofMinutes(1);

  /** What may be tried again besides an outage of the store. */
  private enum Also {
    NOTHING,
    COMMITS,
    READS
  }

  private final String doing;
  private final DatasetRef ref;
  private final Also also;
  private long began = System.nanoTime();
  private int conflicts;
  private int outages;
  private int moves;

  private Retry(String doing, DatasetRef ref, Also also) {
    this.doing = doing;
    this.ref = ref;
    this.also = also;
  }

  /** For commits that another commit may push back but never make wrong. */
  public static Retry ofCommits(String doing, DatasetRef ref) {
    return new Retry(doing, ref, Also.COMMITS);
  }

  /** {@link #ofCommits} around something that opens the newest version each time. */
  public static <T> T commit(String doing, DatasetRef ref, Callable<T> commit) {
    return ofCommits(doing, ref).run(commit);
  }

  /** For what only an outage of the store is a reason to repeat. */
  public static <T> T outage(String doing, DatasetRef ref, Callable<T> call) {
    return new Retry(doing, ref, Also.NOTHING).run(call);
  }

  /** For reads of the newest version, whose files a cleanup elsewhere may delete meanwhile. */
  public static <T> T read(DatasetRef ref, Callable<T> read) {
    return new Retry("read", ref, Also.READS).run(read);
  }

  private <T> T run(Callable<T> call) {
    while (true) {
      try {
        return call.call();
      } catch (Exception e) {
        failed(LanceErrorClassifier.classify(doing, ref, e));
      }
    }
  }

  /**
   * Comes back, after a pause, if it is to be tried again.
   *
   * @throws DatasetException the failure if it is not, COMMIT_CONTENTION if others came first too
   *     often, or INTERRUPTED
   */
  public void failed(DatasetException failure) {
    switch (failure.kind()) {
      case COMMIT_CONFLICT, COMMIT_CONTENTION -> {
        require(also == Also.COMMITS, failure);
        if (++conflicts == COMMIT_TRIES) {
          throw new DatasetException(
              Kind.COMMIT_CONTENTION,
              ref,
              "Cannot "
                  + doing
                  + " "
                  + ref.display()
                  + ": other commits came first "
                  + COMMIT_TRIES
                  + " times. Too many writers commit there at once; try again later, or with"
                  + " fewer jobs at a time.",
              failure);
        }
        pause(1, Math.min(LONGEST_PAUSE_MS, 5L << Math.min(conflicts, 10)));
      }
      case UNAVAILABLE -> {
        boolean patient = System.nanoTime() - began < OUTAGE_PATIENCE.toNanos();
        require(++outages < OUTAGE_TRIES && patient, failure);
        LOG.warn("Tries again to {} {}: {}", doing, ref.display(), failure.getMessage());
        long pause = OUTAGE_PAUSE_MS << outages;
        pause(pause / 2, pause);
      }
      case CORRUPT, NOT_FOUND -> {
        require(also == Also.READS && ++moves < READ_TRIES, failure);
        pause(1, 5L << moves);
      }
      default -> throw failure;
    }
  }

  private static void require(boolean again, DatasetException failure) {
    if (!again) {
      throw failure;
    }
  }

  /** Something was achieved: what comes now has all its tries again. */
  public void progress() {
    began = System.nanoTime();
    conflicts = 0;
    outages = 0;
    moves = 0;
  }

  private void pause(long least, long most) {
    try {
      Thread.sleep(ThreadLocalRandom.current().nextLong(least, most + 1));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DatasetException(
          Kind.INTERRUPTED,
          ref,
          "Interrupted while waiting to " + doing + " " + ref.display() + " again.",
          e);
    }
  }
}
