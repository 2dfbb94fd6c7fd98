package io.lancebackfill.exec;

import io.lancebackfill.udf.ColumnUdf;
import io.lancebackfill.udf.UdfContext;
import io.lancebackfill.udf.UdfException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntToLongFunction;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.util.TransferPair;
import org.jspecify.annotations.Nullable;

/**
 * Runs one function over the batches of one task. Inputs are cut into batches without copying their
 * values: a batch is a view of the caller's buffers (only validity bits that do not begin on a byte
 * and offsets of variable-width values are written anew). Used by one thread.
 */
public final class BatchUdfExecutor implements AutoCloseable {

  /** Takes finished values. */
  @FunctionalInterface
  public interface ResultConsumer {
    /**
     * Takes the values of one batch.
     *
     * @param values {@code rows} values. The executor closes the vector after this call; a consumer
     *     that keeps them transfers them out.
     * @param firstRow index of the batch's first row in the input
     * @param rows number of rows, at least 1
     */
    void accept(FieldVector values, int firstRow, int rows) throws Exception;
  }

  private final String function;
  private final ColumnUdf udf;
  private final Field output;
  private final AdaptiveBatchSize batchSize;
  private final BufferAllocator allocator;
  private boolean closed;

  private BatchUdfExecutor(
      String function,
      ColumnUdf udf,
      Field output,
      AdaptiveBatchSize batchSize,
      BufferAllocator allocator) {
    this.function = function;
    this.udf = udf;
    this.output = output;
    this.batchSize = batchSize;
    this.allocator = allocator;
  }

  /**
   * Opens the function for one task.
   *
   * @param function the name that failures show
   * @param udf a new instance, which this executor closes, also if opening fails
   * @param inputs the fields of the vectors that {@link #run} will get
   * @param allocator what the function allocates from; its root must be that of the inputs
   * @throws UdfException if the function cannot be opened or does not take these inputs
   */
  public static BatchUdfExecutor open(
      String function,
      ColumnUdf udf,
      List<Field> inputs,
      UdfContext context,
      AdaptiveBatchSize batchSize,
      BufferAllocator allocator) {
    try {
      Field output = udf.output(List.copyOf(inputs));
      udf.open(context);
      return new BatchUdfExecutor(function, udf, output, batchSize, allocator);
    } catch (Exception | LinkageError | StackOverflowError e) {
      UdfException failure = UdfException.outsideRows(function, "while opening", e);
      try {
        udf.close();
      } catch (Exception onClose) {
        failure.addSuppressed(onClose);
      }
      throw failure;
    }
  }

  /** The type of the results, as the function named it; the name means nothing. */
  public Field output() {
    return output;
  }

  /**
   * Computes all rows of the inputs, batch by batch, in order.
   *
   * @param inputs one vector of at least {@code rows} values for each argument; untouched
   * @param rows number of rows; 0 does nothing
   * @param physicalOffset the physical offset of a row of the inputs, for messages
   * @throws UdfException if the function throws or returns something else than it promised
   * @throws Exception what the consumer throws, unchanged
   */
  public void run(
      List<? extends FieldVector> inputs,
      int rows,
      IntToLongFunction physicalOffset,
      ResultConsumer consumer)
      throws Exception {
    for (int start = 0; start < rows; ) {
      int wanted = Math.min(batchSize.rows(), rows - start);
      List<FieldVector> views = view(inputs, start, wanted);
      try {
        int fitting = BatchBytes.fittingRows(views, wanted, batchSize.maxInputBytes());
        if (fitting < wanted) {
          closeAll(views);
          views = view(inputs, start, fitting);
        }
        runBatch(views, start, fitting, physicalOffset, consumer);
        start += fitting;
      } finally {
        closeAll(views);
      }
    }
  }

  private void runBatch(
      List<FieldVector> views,
      int start,
      int rows,
      IntToLongFunction physicalOffset,
      ResultConsumer consumer)
      throws Exception {
    long begin = System.nanoTime();
    long first = physicalOffset.applyAsLong(start);
    long last = physicalOffset.applyAsLong(start + rows - 1);
    FieldVector values = apply(views, rows, first, last);
    if (values == null) {
      throw UdfException.onRows(function, first, last, "returned null instead of a vector", null);
    }
    try {
      String broken = brokenPromise(values, rows);
      if (broken != null) {
        throw UdfException.onRows(function, first, last, broken, null);
      }
      batchSize.record(rows, System.nanoTime() - begin);
      consumer.accept(values, start, rows);
    } finally {
      values.close();
    }
  }

  private @Nullable FieldVector apply(List<FieldVector> views, int rows, long first, long last) {
    try {
      return udf.apply(List.copyOf(views), rows, allocator);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw UdfException.onRows(function, first, last, "was interrupted", e);
    } catch (Exception | LinkageError | StackOverflowError | AssertionError e) {
      throw UdfException.onRows(function, first, last, "failed with " + e, e);
    }
  }

  private @Nullable String brokenPromise(FieldVector values, int rows) {
    if (values.getValueCount() != rows) {
      return "returned %d values for %d rows".formatted(values.getValueCount(), rows);
    }
    if (!ArrowTypeMatch.sameType(output, values.getField())) {
      return "returned values of type %s where its output() promised %s"
          .formatted(ArrowTypeMatch.describe(values.getField()), ArrowTypeMatch.describe(output));
    }
    return null;
  }

  private static List<FieldVector> view(List<? extends FieldVector> inputs, int start, int length) {
    List<FieldVector> views = new ArrayList<>(inputs.size());
    try {
      for (FieldVector input : inputs) {
        // The input's own allocator: a view moves no accounting from one owner to another.
        TransferPair pair = input.getTransferPair(input.getAllocator());
        views.add((FieldVector) pair.getTo());
        pair.splitAndTransfer(start, length);
      }
      return views;
    } catch (RuntimeException e) {
      closeAll(views);
      throw e;
    }
  }

  private static void closeAll(List<FieldVector> vectors) {
    vectors.forEach(FieldVector::close);
  }

  /**
   * Closes the function; a second call does nothing.
   *
   * @throws UdfException if the function fails to close
   */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    try {
      udf.close();
    } catch (Exception | LinkageError e) {
      throw UdfException.outsideRows(function, "while closing", e);
    }
  }
}
