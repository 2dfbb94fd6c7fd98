package io.lancebackfill.datasource.write;

import java.util.ArrayDeque;
import java.util.Optional;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;

/**
 * Hands batches from the computing thread to the writing one, and the fate of each to the other.
 * Whatever is in the queue when one side is gone is closed.
 */
final class BatchQueue {
  private static final int CAPACITY = 2;

  private final ArrayDeque<VectorSchemaRoot> batches = new ArrayDeque<>();
  private boolean ended;
  private boolean aborted;
  private boolean consumerGone;
  private @Nullable Throwable consumerFailure;

  /**
   * Waits for room and puts the batch in.
   *
   * @return false if the writing side is gone; the batch is the caller's then
   */
  synchronized boolean put(VectorSchemaRoot batch) throws InterruptedException {
    while (batches.size() >= CAPACITY && !consumerGone) {
      wait();
    }
    if (consumerGone) {
      return false;
    }
    batches.add(batch);
    notifyAll();
    return true;
  }

  /** The next batch, which is the caller's then; empty at the end. */
  synchronized Optional<VectorSchemaRoot> take() throws InterruptedException {
    while (batches.isEmpty() && !ended && !aborted) {
      wait();
    }
    if (aborted) {
      throw new IllegalStateException("The column file was given up by its writer");
    }
    Optional<VectorSchemaRoot> next = Optional.ofNullable(batches.poll());
    notifyAll();
    return next;
  }

  /** No more batches will come. */
  synchronized void end() {
    ended = true;
    notifyAll();
  }

  /** The file is not wanted any more. */
  synchronized void abort() {
    aborted = true;
    closeAll();
    notifyAll();
  }

  /** The writing side is done. */
  synchronized void consumerDone(@Nullable Throwable failure) {
    consumerGone = true;
    consumerFailure = failure;
    closeAll();
    notifyAll();
  }

  /** Waits until the writing side is done. */
  synchronized void awaitConsumer() throws InterruptedException {
    while (!consumerGone) {
      wait();
    }
  }

  synchronized Optional<Throwable> failure() {
    return Optional.ofNullable(consumerFailure);
  }

  private void closeAll() {
    batches.forEach(VectorSchemaRoot::close);
    batches.clear();
  }
}
