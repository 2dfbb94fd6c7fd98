package io.lancebackfill.exec;

import io.lancebackfill.udf.ColumnUdf;
import io.lancebackfill.udf.ColumnUdfs;
import io.lancebackfill.udf.UdfContext;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reusable functions that stay open in this process between tasks. There are no more of a function
 * than tasks of it ran at once.
 */
final class KeptUdfs {
  private static final Logger LOG = LoggerFactory.getLogger(KeptUdfs.class);

  /** As long as Spark keeps idle Python workers. */
  private static final long IDLE_SECONDS = 60;

  private static final Map<Key, Deque<Idle>> IDLE = new HashMap<>();
  private static final ScheduledThreadPoolExecutor CLOSER = closer();

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(KeptUdfs::closeAll, "lance-backfill-closing"));
  }

  private KeptUdfs() {}

  /**
   * What tasks share an instance.
   *
   * @param code from its own loader: the same class of another jar is another function
   */
  record Key(Class<?> code, Map<String, String> options, List<String> gpuAddresses) {
    static Key of(ColumnUdf udf, UdfContext context) {
      return new Key(ColumnUdfs.code(udf), context.options(), context.gpuAddresses());
    }
  }

  private static final class Idle {
    private final ColumnUdf udf;
    private @Nullable Future<?> end;

    Idle(ColumnUdf udf) {
      this.udf = udf;
    }
  }

  /** An open function, which is the caller's until it is kept again; null if there is none. */
  static synchronized @Nullable ColumnUdf take(Key key) {
    Deque<Idle> idle = IDLE.get(key);
    if (idle == null) {
      return null;
    }
    Idle taken = idle.removeLast();
    if (idle.isEmpty()) {
      IDLE.remove(key);
    }
    if (taken.end != null) {
      taken.end.cancel(false);
    }
    return taken.udf;
  }

  static synchronized void keep(Key key, ColumnUdf udf) {
    Idle idle = new Idle(udf);
    IDLE.computeIfAbsent(key, k -> new ArrayDeque<>()).add(idle);
    idle.end = CLOSER.schedule(() -> end(key, idle), IDLE_SECONDS, TimeUnit.SECONDS);
  }

  private static void end(Key key, Idle idle) {
    synchronized (KeptUdfs.class) {
      Deque<Idle> all = IDLE.get(key);
      if (all == null || !all.remove(idle)) {
        return; // a task has it
      }
      if (all.isEmpty()) {
        IDLE.remove(key);
      }
    }
    close(idle.udf);
  }

  /** Closes those that no task has. */
  static void closeAll() {
    List<Idle> all = new ArrayList<>();
    synchronized (KeptUdfs.class) {
      IDLE.values().forEach(all::addAll);
      IDLE.clear();
    }
    all.forEach(idle -> close(idle.udf));
  }

  /** No task is left that could fail by it. */
  private static void close(ColumnUdf udf) {
    try {
      udf.close();
    } catch (Exception | LinkageError e) {
      LOG.warn("Function {} failed while closing.", ColumnUdfs.code(udf).getName(), e);
    }
  }

  private static ScheduledThreadPoolExecutor closer() {
    ScheduledThreadPoolExecutor closer =
        new ScheduledThreadPoolExecutor(
            1,
            work -> {
              Thread thread = new Thread(work, "lance-backfill-idle-functions");
              thread.setDaemon(true);
              return thread;
            });
    closer.setRemoveOnCancelPolicy(true);
    return closer;
  }
}
