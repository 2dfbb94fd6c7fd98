package io.lancebackfill.compute;

import static java.util.Objects.requireNonNull;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.write.ArrowRowBuffer;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.PythonWorkerFault;
import io.lancebackfill.error.RootCause;
import io.lancebackfill.exec.RowFailure;
import io.lancebackfill.task.OffsetBatch;
import io.lancebackfill.task.OffsetStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskKilledException;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.jspecify.annotations.Nullable;

/** One fragment's rows of those that Spark computed, as Arrow batches. */
final class ExpressionRows implements OffsetStream {
  private static final int MAX_ROWS = 4096;
  private static final long MAX_BYTES = 8L << 20;
  private static final long MAX_NANOS = 250_000_000;

  private final QueryRows rows;
  private final int fragmentId;
  private final @Nullable RowEvaluator evaluator;
  private final InternalRow nothing;
  private final ArrowRowBuffer buffer;
  private long left;
  private long lastOffset = -1;

  /**
   * @param rows of the fragment next, with a value for each of {@code fields}
   * @param count of the fragment's rows: the one after them is not asked for, since it is computed
   *     then
   */
  ExpressionRows(
      QueryRows rows, int fragmentId, long count, List<Field> fields, BufferAllocator allocator) {
    this.rows = rows;
    this.fragmentId = fragmentId;
    this.evaluator = rows.evaluator();
    this.nothing = new GenericInternalRow(fields.size() + 1);
    this.left = count;
    this.buffer = new ArrowRowBuffer(fields, allocator, (int) Math.min(count, MAX_ROWS));
  }

  @Override
  public @Nullable OffsetBatch next() {
    int[] offsets = new int[MAX_ROWS];
    List<RowFailure> failures = new ArrayList<>();
    int count = 0;
    long bytes = 0;
    long started = System.nanoTime();
    TaskContext context = TaskContext.get();
    while (count < MAX_ROWS && bytes < MAX_BYTES) {
      InternalRow next = row();
      if (next == null) {
        break;
      }
      int offset = (int) address(next);
      InternalRow row = evaluator == null ? next : evaluated(next, offset, failures);
      offsets[count++] = offset;
      lastOffset = offset & 0xffffffffL;
      write(row);
      rows.taken();
      left--;
      bytes += row instanceof UnsafeRow unsafe ? unsafe.getSizeInBytes() : 0;
      if (context != null) {
        context.killTaskIfInterrupted();
      }
      if (System.nanoTime() - started > MAX_NANOS) {
        break;
      }
    }
    if (count == 0) {
      return null;
    }
    List<FieldVector> vectors = new ArrayList<>(buffer.take());
    return new OffsetBatch(Arrays.copyOf(offsets, count), vectors, failures);
  }

  private long address(InternalRow row) {
    return row.getLong(evaluator == null ? 0 : evaluator.address());
  }

  /** The row's values, NULL if it fails. */
  private InternalRow evaluated(InternalRow scanned, int offset, List<RowFailure> failures) {
    RowEvaluator.Outcome outcome = requireNonNull(evaluator).evaluate(scanned, offset);
    if (outcome.failure() != null) {
      failures.add(outcome.failure());
    }
    return outcome.row() == null ? nothing : outcome.row();
  }

  private void write(InternalRow row) {
    try {
      buffer.write(row);
    } catch (IllegalArgumentException e) {
      throw new BackfillException(
          BackfillErrorCode.FUNCTION_FAILED,
          ("The value of the row at physical offset %d does not fit the column's type: %s. Mend the"
                  + " expression, or declare the column with another data_type.")
              .formatted(lastOffset, e.getMessage()),
          e);
    }
  }

  /**
   * The next row of the fragment, or null. Here the functions of the expression run, and fail;
   * whether when the query begins, in hasNext or in next depends on Spark's plan.
   */
  private @Nullable InternalRow row() {
    if (left == 0) {
      return null;
    }
    try {
      InternalRow row = rows.peek();
      return row != null && address(row) >>> 32 == fragmentId ? row : null;
    } catch (TaskKilledException | DatasetException e) {
      throw e;
    } catch (Exception | LinkageError | StackOverflowError | AssertionError e) {
      TaskContext context = TaskContext.get();
      if (context != null) {
        context.killTaskIfInterrupted();
      }
      throw failed(e);
    }
  }

  private BackfillException failed(Throwable e) {
    return PythonWorkerFault.of(e)
        .orElseGet(
            () ->
                e instanceof IOException // A function's own are wrapped: these are of Spark's files
                    ? new BackfillException(BackfillErrorCode.TASK_FAILED, RootCause.of(e), e)
                    : new BackfillException(
                        BackfillErrorCode.FUNCTION_FAILED,
                        RootCause.ofFunction(e)
                            + (lastOffset < 0
                                ? ""
                                : "\n  on a row after the one at physical offset " + lastOffset),
                        e));
  }

  @Override
  public void close() {
    buffer.close();
  }
}
