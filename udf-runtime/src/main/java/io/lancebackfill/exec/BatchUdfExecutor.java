package io.lancebackfill.exec;

import io.lancebackfill.udf.ColumnUdf;
import io.lancebackfill.udf.UdfContext;
import io.lancebackfill.udf.UdfException;
import io.lancebackfill.udf.scalar.ScalarColumnUdf;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
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

    /**
     * Takes a row on which the function failed; only asked under a policy that makes it NULL.
     *
     * @param nothing one value, NULL; the executor closes it
     * @param row index of the row in the input
     */
    default void failed(FieldVector nothing, int row, RowFailure failure) throws Exception {
      throw new UnsupportedOperationException("no place for a failed row");
    }
  }

  /** How long a function may go on after its interrupt. */
  private static final Duration GRACE = Duration.ofSeconds(10);

  private final String function;
  private final ColumnUdf udf;
  private final KeptUdfs.@Nullable Key key;
  private final Field output;
  private final AdaptiveBatchSize batchSize;
  private final ErrorPolicy policy;
  private final @Nullable TimedCalls timed;
  private final BufferAllocator allocator;
  private boolean closed;

  private BatchUdfExecutor(
      String function,
      ColumnUdf udf,
      KeptUdfs.@Nullable Key key,
      Field output,
      AdaptiveBatchSize batchSize,
      ErrorPolicy policy,
      BufferAllocator allocator) {
    this.function = function;
    this.udf = udf;
    this.key = key;
    this.output = output;
    this.batchSize = batchSize;
    this.policy = policy;
    this.timed =
        policy.rowTimeoutMs() == 0
            ? null
            : new TimedCalls(function, Duration.ofMillis(policy.rowTimeoutMs()), GRACE);
    this.allocator = allocator;
  }

  /**
   * Opens the function for one task.
   *
   * @param function the name that failures show
   * @param udf a new instance, which this executor closes, also if opening fails; for a reusable
   *     one, an instance that is open already may take its place, and stays open
   * @param inputs the fields of the vectors that {@link #run} will get
   * @param policy what becomes of rows on which it fails
   * @param allocator what the function allocates from; its root must be that of the inputs
   * @throws UdfException if the function cannot be opened or does not take these inputs
   */
  public static BatchUdfExecutor open(
      String function,
      ColumnUdf udf,
      List<Field> inputs,
      UdfContext context,
      AdaptiveBatchSize batchSize,
      ErrorPolicy policy,
      BufferAllocator allocator) {
    KeptUdfs.Key key = udf.reusable() ? KeptUdfs.Key.of(udf, context) : null;
    ColumnUdf kept = key == null ? null : KeptUdfs.take(key);
    ColumnUdf used = kept == null ? udf : kept;
    try {
      Field output = used.output(List.copyOf(inputs));
      if (kept == null) {
        used.open(context);
      }
      return new BatchUdfExecutor(function, used, key, output, batchSize, policy, allocator);
    } catch (Exception | LinkageError | StackOverflowError e) {
      UdfException failure = UdfException.outsideRows(function, "while opening", e);
      try {
        used.close();
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
   * Computes all rows of the inputs, batch by batch, in order. A batch on which the function throws
   * is halved until the row is alone: whoever mends the function wants to know which it was, and
   * the policy may have it NULL. A function on single rows is not halved: it says which row failed,
   * and no other is computed again. What the function returns against its promise is no row's
   * fault.
   *
   * @param inputs one vector of at least {@code rows} values for each argument; untouched
   * @param rows number of rows; 0 does nothing
   * @param physicalOffset the physical offset of a row of the inputs
   * @throws UdfException if the function throws, where that is not for the policy to allow, or
   *     returns something else than it promised
   * @throws Exception what the consumer throws, unchanged
   */
  public void run(
      List<? extends FieldVector> inputs,
      int rows,
      IntToLongFunction physicalOffset,
      ResultConsumer consumer)
      throws Exception {
    Run run = new Run(inputs, physicalOffset, consumer);
    for (int start = 0; start < rows; ) {
      int wanted = Math.min(batchSize.rows(), rows - start);
      start += run.batch(start, fitting(inputs, start, wanted));
    }
  }

  private int fitting(List<? extends FieldVector> inputs, int start, int wanted) {
    if (batchSize.maxInputBytes() == Long.MAX_VALUE) {
      return wanted;
    }
    List<FieldVector> views = view(inputs, start, wanted);
    try {
      return BatchBytes.fittingRows(views, wanted, batchSize.maxInputBytes());
    } finally {
      closeAll(views);
    }
  }

  /** One call of {@link #run}. */
  private final class Run {
    private final List<? extends FieldVector> inputs;
    private final IntToLongFunction physicalOffset;
    private final ResultConsumer consumer;

    Run(
        List<? extends FieldVector> inputs,
        IntToLongFunction physicalOffset,
        ResultConsumer consumer) {
      this.inputs = inputs;
      this.physicalOffset = physicalOffset;
      this.consumer = consumer;
    }

    /** Computes rows that make a batch; returns how many they are. */
    int batch(int start, int rows) throws Exception {
      if (udf instanceof ScalarColumnUdf scalar) {
        rowByRow(scalar, start, rows);
        return rows;
      }
      int failed = attempt(start, rows);
      if (failed != 0) {
        batchSize.failed(rows, failed > 0);
      }
      return rows;
    }

    private void rowByRow(ScalarColumnUdf scalar, int start, int rows) throws Exception {
      int end = start + rows;
      for (int row = start; row < end; ) {
        Stop stop = call(scalar, row, end - row);
        row = stop.row;
        if (stop.thrown != null) {
          alone(row, stop.thrown);
          row++;
        }
      }
    }

    /** Returns how many rows failed; -1 if none did, though some batch of them failed. */
    private int attempt(int start, int rows) throws Exception {
      Throwable thrown = call(start, rows);
      if (thrown == null) {
        return 0;
      }
      if (rows == 1) {
        return alone(start, thrown);
      }
      int half = rows / 2;
      int first = attempt(start, half);
      int second = attempt(start + half, rows - half);
      int failed = Math.max(0, first) + Math.max(0, second);
      return failed == 0 ? -1 : failed;
    }

    /** A row that failed alone: tried again, then NULL, as the policy has it. */
    private int alone(int row, Throwable first) throws Exception {
      int offset = (int) physicalOffset.applyAsLong(row);
      Throwable thrown = first;
      RowFailure failure = RowFailure.thrown(offset, thrown, 1);
      while (policy.retries(failure)) {
        pause(policy.waitMs(failure.attempt()), offset);
        thrown = udf instanceof ScalarColumnUdf scalar ? call(scalar, row, 1).thrown : call(row, 1);
        if (thrown == null) {
          return 0;
        }
        failure = RowFailure.thrown(offset, thrown, failure.attempt() + 1);
      }
      if (!policy.nulls()) {
        throw UdfException.onRows(function, offset, offset, "failed with " + thrown, thrown);
      }
      try (FieldVector nothing = output.createVector(allocator)) {
        nothing.setInitialCapacity(1);
        nothing.allocateNew();
        nothing.setNull(0);
        nothing.setValueCount(1);
        consumer.failed(nothing, row, failure);
      }
      return 1;
    }

    private void pause(long millis, long offset) {
      try {
        Thread.sleep(millis);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw UdfException.onRows(function, offset, offset, "was interrupted", e);
      }
    }

    /** Calls the function on rows and hands their values on, or returns what it threw. */
    private @Nullable Throwable call(int start, int rows) throws Exception {
      long begin = System.nanoTime();
      long first = physicalOffset.applyAsLong(start);
      long last = physicalOffset.applyAsLong(start + rows - 1);
      List<FieldVector> views = view(inputs, start, rows);
      try {
        FieldVector values;
        try {
          values = apply(List.copyOf(views), rows);
        } catch (Exception | LinkageError | StackOverflowError | AssertionError e) {
          return ofRows(e, first, last);
        }
        accept(values, start, rows, begin);
        return null;
      } finally {
        if (!isStuck()) {
          closeAll(views);
        }
      }
    }

    /** Where a function on single rows stopped: behind the last one, or at one that failed. */
    private record Stop(int row, @Nullable Throwable thrown) {}

    /** Calls the function on rows up to one that fails, and hands their values on. */
    private Stop call(ScalarColumnUdf scalar, int start, int rows) throws Exception {
      long begin = System.nanoTime();
      List<FieldVector> views = view(inputs, start, rows);
      try {
        ScalarColumnUdf.Rows result =
            scalar.apply(
                views,
                rows,
                allocator,
                timed == null ? Callable::call : row -> timed.call(row, late -> {}));
        int stop = start + result.values().getValueCount();
        if (stop > start) {
          accept(result.values(), start, stop - start, begin);
        } else {
          result.values().close();
        }
        long offset = physicalOffset.applyAsLong(Math.min(stop, start + rows - 1));
        if (result.unfit() != null) {
          throw UdfException.onRows(function, offset, offset, result.unfit(), null);
        }
        Throwable thrown = result.thrown();
        return new Stop(stop, thrown == null ? null : ofRows(thrown, offset, offset));
      } finally {
        if (!isStuck()) {
          closeAll(views);
        }
      }
    }

    /** What the function threw, unless it is no row's fault. */
    private Throwable ofRows(Throwable thrown, long first, long last) {
      if (thrown instanceof TimedCalls.StuckException) {
        throw UdfException.onRows(function, first, last, "is stuck", thrown);
      }
      if (thrown instanceof InterruptedException) {
        Thread.currentThread().interrupt();
        throw UdfException.onRows(function, first, last, "was interrupted", thrown);
      }
      if (thrown instanceof LinkageError) {
        // Of the function's jars: no row can do better.
        throw UdfException.onRows(function, first, last, "failed with " + thrown, thrown);
      }
      return thrown;
    }

    private @Nullable FieldVector apply(List<FieldVector> views, int rows) throws Exception {
      return timed == null
          ? udf.apply(views, rows, allocator)
          : timed.call(() -> udf.apply(views, rows, allocator), BatchUdfExecutor::drop);
    }

    private void accept(@Nullable FieldVector values, int start, int rows, long begin)
        throws Exception {
      long first = physicalOffset.applyAsLong(start);
      long last = physicalOffset.applyAsLong(start + rows - 1);
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
  }

  /**
   * Whether a call of the function goes on that will not end. Views of its inputs are never given
   * back then, nor may the allocators be closed that they and its results are of.
   */
  public boolean isStuck() {
    return timed != null && timed.stuck();
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

  private static void drop(@Nullable FieldVector late) {
    if (late != null) {
      late.close();
    }
  }

  private static void closeAll(List<FieldVector> vectors) {
    vectors.forEach(FieldVector::close);
  }

  /**
   * Closes the function, or keeps it for other tasks, unless it is stuck; a second call does
   * nothing.
   *
   * @throws UdfException if the function fails to close
   */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    if (timed != null) {
      timed.close();
    }
    if (isStuck()) {
      return;
    }
    if (key != null) {
      KeptUdfs.keep(key, udf);
      return;
    }
    try {
      udf.close();
    } catch (Exception | LinkageError e) {
      throw UdfException.outsideRows(function, "while closing", e);
    }
  }
}
