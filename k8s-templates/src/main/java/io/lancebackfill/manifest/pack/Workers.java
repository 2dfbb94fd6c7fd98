package io.lancebackfill.manifest.pack;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The threads of one packaging. */
final class Workers implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Workers.class);
  private static final long PATIENCE_SECONDS = 60;

  private final ExecutorService threads;

  Workers(int count) {
    threads =
        Executors.newFixedThreadPool(
            count,
            task -> {
              Thread thread = new Thread(task, "manifest-packaging");
              thread.setDaemon(true);
              return thread;
            });
  }

  /** Results in the order of the tasks. The first failure ends the others, and this. */
  <T> List<T> all(List<Callable<T>> tasks) throws IOException, InterruptedException {
    List<Future<T>> futures = tasks.stream().map(threads::submit).toList();
    List<T> results = new ArrayList<>(tasks.size());
    boolean whole = false;
    try {
      for (Future<T> future : futures) {
        results.add(result(future));
      }
      whole = true;
      return results;
    } finally {
      if (!whole) {
        stop();
      }
    }
  }

  /** Waits for those that run, too: the caller takes their files away. */
  private void stop() throws InterruptedException {
    threads.shutdownNow();
    if (!threads.awaitTermination(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
      LOG.warn("Packaging has failed, and an upload does not end after {} s.", PATIENCE_SECONDS);
    }
  }

  private static <T> T result(Future<T> future) throws IOException, InterruptedException {
    try {
      return future.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException failure) {
        throw failure;
      }
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      if (e.getCause() instanceof Error failure) {
        throw failure;
      }
      throw new IOException(e.getCause());
    }
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }
}
