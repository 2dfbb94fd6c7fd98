package io.lancebackfill.datasource.store;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetRef;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;

/** Tries again what lost against a concurrent commit, a bounded number of times. */
final class Retry {
  private static final int TRIES = 20;
  private static final int READ_TRIES = 3;
  private static final long LONGEST_PAUSE_MS = 500;

  private Retry() {}

  /** For commits that another commit may push back but never make wrong. */
  static <T> T onContention(String doing, DatasetRef ref, Supplier<T> commit) {
    for (int attempt = 1; ; attempt++) {
      try {
        return commit.get();
      } catch (DatasetException e) {
        boolean again = e.kind() == Kind.COMMIT_CONTENTION || e.kind() == Kind.COMMIT_CONFLICT;
        if (!again) {
          throw e;
        }
        if (attempt == TRIES) {
          throw new DatasetException(
              Kind.COMMIT_CONTENTION,
              "Cannot "
                  + doing
                  + " "
                  + ref.uri()
                  + ": other commits came first "
                  + TRIES
                  + " times. Too many writers commit there at once; try again later, or with"
                  + " fewer jobs at a time.",
              e);
        }
        pause(attempt, doing, ref);
      }
    }
  }

  /** For reads of the newest version, whose files a cleanup elsewhere may delete meanwhile. */
  static <T> T onMoved(DatasetRef ref, Supplier<T> read) {
    for (int attempt = 1; ; attempt++) {
      try {
        return read.get();
      } catch (DatasetException e) {
        boolean again = e.kind() == Kind.CORRUPT || e.kind() == Kind.NOT_FOUND;
        if (!again || attempt == READ_TRIES) {
          throw e;
        }
        pause(attempt, "read", ref);
      }
    }
  }

  private static void pause(int attempt, String doing, DatasetRef ref) {
    long most = Math.min(LONGEST_PAUSE_MS, 5L << Math.min(attempt, 10));
    try {
      Thread.sleep(ThreadLocalRandom.current().nextLong(1, most + 1));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DatasetException(
          Kind.OTHER, "Interrupted while waiting to " + doing + " " + ref.uri() + " again.", e);
    }
  }
}
