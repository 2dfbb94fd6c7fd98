package io.lancebackfill.compute;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.write.ArrowRowBuffer;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.PythonWorkerFault;
import io.lancebackfill.error.RootCause;
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
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.jspecify.annotations.Nullable;

/** One fragment's rows of those that Spark computed, as Arrow batches. */
final class ExpressionRows implements OffsetStream {
  private static final int MAX_ROWS = 4096;
  private static final long MAX_BYTES = 8L << 20;
  private static final long MAX_NANOS = 250_000_000;

  private final QueryRows rows;
  private final int fragmentId;
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
    this.left = count;
    this.buffer = new ArrowRowBuffer(fields, allocator);
  }

  @Override
  public @Nullable OffsetBatch next() {
    int[] offsets = new int[MAX_ROWS];
    int count = 0;
    long bytes = 0;
    long started = System.nanoTime();
    TaskContext context = TaskContext.get();
    while (count < MAX_ROWS && bytes < MAX_BYTES) {
      InternalRow row = row();
      if (row == null) {
        break;
      }
      offsets[count++] = (int) row.getLong(0);
      lastOffset = row.getLong(0) & 0xffffffffL;
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
    return new OffsetBatch(Arrays.copyOf(offsets, count), vectors);
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
      return row != null && row.getLong(0) >>> 32 == fragmentId ? row : null;
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
