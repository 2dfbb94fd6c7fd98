package io.lancebackfill.manifest.pack;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** The threads of one packaging. */
final class Workers implements AutoCloseable {
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

  /** What a task gives. */
  @FunctionalInterface
  interface Result<T> {
    /** Waits for it, and fails as the task did. */
    T get() throws IOException, InterruptedException;
  }

  <T> Result<T> start(Callable<T> task) {
    Future<T> future = threads.submit(task);
    return () -> result(future);
  }

  /** Results in the order of the tasks. The first failure stops the others. */
  <T> List<T> all(List<Callable<T>> tasks) throws IOException, InterruptedException {
    List<Future<T>> futures = tasks.stream().map(threads::submit).toList();
    List<T> results = new ArrayList<>(tasks.size());
    try {
      for (Future<T> future : futures) {
        results.add(result(future));
      }
      return results;
    } finally {
      futures.forEach(future -> future.cancel(true));
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
