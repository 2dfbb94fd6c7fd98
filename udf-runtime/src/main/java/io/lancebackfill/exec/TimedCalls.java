package io.lancebackfill.exec;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Calls a function in a thread of its own, and waits no longer than it may take. A call that takes
 * longer is interrupted, and waited for: what it reads must not go away under its hands.
 */
final class TimedCalls implements AutoCloseable {
  /** A call took longer than it may. Its trace is where the function was then. */
  static final class RowTimeoutException extends Exception {
    private static final long serialVersionUID = 1L;

    RowTimeoutException(Duration timeout, StackTraceElement[] where) {
      super("row_timeout of %s ms is over".formatted(timeout.toMillis()));
      setStackTrace(where);
    }
  }

  /** A call ignores that it was interrupted, and still holds the function and its inputs. */
  static final class StuckException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    StuckException(Duration waited, StackTraceElement[] where) {
      super(
          "The function ignores interrupts: it still ran %s ms after row_timeout. Let it look at Thread.interrupted(), or bound its own calls."
              .formatted(waited.toMillis()));
      setStackTrace(where);
    }
  }

  private final Duration timeout;
  private final Duration grace;
  private final ExecutorService worker;
  private @Nullable Thread thread;
  private boolean stuck;

  /**
   * @param timeout how long a call may take
   * @param grace how long one that was interrupted may go on
   */
  TimedCalls(String function, Duration timeout, Duration grace) {
    this.timeout = timeout;
    this.grace = grace;
    this.worker =
        Executors.newSingleThreadExecutor(
            work -> {
              Thread made = new Thread(work, "lance-backfill-" + function);
              made.setDaemon(true);
              thread = made;
              return made;
            });
  }

  /** Whether a call goes on that will not end: nothing that it may use can be given back. */
  boolean stuck() {
    return stuck;
  }

  /**
   * @param dropped gives back what a call returns too late
   * @throws RowTimeoutException if the call takes too long
   * @throws StuckException if it does not end then either
   * @throws InterruptedException if this thread is interrupted meanwhile
   * @throws Exception what the call throws
   */
  <T extends @Nullable Object> T call(Callable<T> call, Consumer<T> dropped) throws Exception {
    CompletableFuture<T> result = new CompletableFuture<>();
    worker.execute(
        () -> {
          try {
            result.complete(call.call());
          } catch (Throwable e) { // Whatever it is, it is the caller's
            result.completeExceptionally(e);
          }
        });
    try {
      return result.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      StackTraceElement[] where = thread == null ? e.getStackTrace() : thread.getStackTrace();
      if (!ends(result, dropped)) {
        throw new StuckException(grace, where);
      }
      throw new RowTimeoutException(timeout, where);
    } catch (InterruptedException e) {
      ends(result, dropped);
      throw e;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Error error) {
        throw error;
      }
      throw e.getCause() instanceof Exception thrown ? thrown : e;
    }
  }

  /** Interrupts a call and waits for its end; what it gives is dropped. */
  private <T extends @Nullable Object> boolean ends(
      CompletableFuture<T> result, Consumer<T> dropped) {
    if (thread != null) {
      thread.interrupt();
    }
    long until = System.nanoTime() + grace.toNanos();
    boolean interrupted = false;
    try {
      while (true) {
        try {
          T late = result.get(Math.max(0, until - System.nanoTime()), TimeUnit.NANOSECONDS);
          dropped.accept(late);
          return true;
        } catch (InterruptedException e) {
          interrupted = true;
        } catch (ExecutionException e) {
          return true;
        } catch (TimeoutException e) {
          stuck = true;
          return false;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @Override
  public void close() {
    worker.shutdown();
  }
}
