package io.lancebackfill.compute;

import io.lancebackfill.datasource.table.LanceAllocator;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.RootCause;
import io.lancebackfill.exec.AdaptiveBatchSize;
import io.lancebackfill.exec.BatchUdfExecutor;
import io.lancebackfill.exec.ErrorPolicy;
import io.lancebackfill.exec.RowFailure;
import io.lancebackfill.task.JobTasks;
import io.lancebackfill.task.OffsetBatch;
import io.lancebackfill.task.OffsetStream;
import io.lancebackfill.task.PackReader;
import io.lancebackfill.task.TaskPack;
import io.lancebackfill.task.TaskSpec;
import io.lancebackfill.udf.ColumnUdfs;
import io.lancebackfill.udf.InvalidFunctionException;
import io.lancebackfill.udf.UdfContext;
import io.lancebackfill.udf.UdfException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.spark.TaskContext;
import org.jspecify.annotations.Nullable;

/**
 * Rows that a function computes on Arrow batches straight from the fragments' files. The function
 * is loaded once for all tasks of a pack.
 */
public final class ArrowFunctionRows implements TaskPack.Rows {
  private static final int READ_ROWS = 4096;

  private final ArrowFunction function;

  /** Outlives this where a call of the function never ends. */
  private final BufferAllocator allocator = LanceAllocator.child("backfill-function");

  private final ResultColumns columns;
  private final ErrorPolicy errors;
  private final AdaptiveBatchSize batchSize;
  private final PackReader reader;
  private final Deque<OffsetBatch> ready = new ArrayDeque<>();
  private @Nullable BatchUdfExecutor executor;
  private int[] offsets = new int[0];
  private int position;
  private @Nullable BackfillException failure;

  public ArrowFunctionRows(JobTasks stage, List<TaskSpec> tasks, ArrowFunction function) {
    this.function = function;
    this.columns = new ResultColumns(stage.fields());
    this.errors = stage.errors();
    this.batchSize =
        function.batchSize() == null
            ? AdaptiveBatchSize.adaptive(java.time.Duration.ofMillis(stage.checkpointIntervalMs()))
            : AdaptiveBatchSize.fixed(function.batchSize());
    this.reader =
        new PackReader(
            stage.table(),
            stage.inputVersion(),
            tasks.stream().map(TaskSpec::range).toList(),
            List.copyOf(new LinkedHashSet<>(function.arguments())),
            READ_ROWS);
  }

  @Override
  public OffsetStream of(TaskSpec task, BufferAllocator own) {
    return new OffsetStream() {
      @Override
      public @Nullable OffsetBatch next() {
        return ArrowFunctionRows.this.next(task.fragmentId(), own);
      }

      @Override
      public void close() {
        ready.forEach(OffsetBatch::close);
        ready.clear();
      }
    };
  }

  private @Nullable OffsetBatch next(int fragmentId, BufferAllocator own) {
    while (ready.isEmpty()) {
      if (failure != null) {
        throw failure;
      }
      if (position == offsets.length) {
        if (!reader.next(fragmentId)) {
          return null;
        }
        offsets = reader.offsets();
        position = 0;
      }
      compute(own);
    }
    return ready.remove();
  }

  private void compute(BufferAllocator own) {
    int rows = Math.min(batchSize.rows(), offsets.length - position);
    List<FieldVector> arguments = new ArrayList<>();
    for (String name : function.arguments()) {
      arguments.add(reader.root().getVector(name));
    }
    int from = position;
    List<FieldVector> inputs = new OffsetBatch(offsets, arguments).slice(from, rows, allocator);
    try {
      executor().run(inputs, rows, row -> offsets[from + row], new Finished(from, own));
      position += rows;
    } catch (UdfException e) {
      if (ready.isEmpty()) {
        throw failed(e);
      }
      // What is before it is finished, and goes first.
      failure = failed(e);
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    } finally {
      inputs.forEach(FieldVector::close);
    }
  }

  /** Takes what the function gives for the rows from an index on. */
  private final class Finished implements BatchUdfExecutor.ResultConsumer {
    private final int from;
    private final BufferAllocator own;

    Finished(int from, BufferAllocator own) {
      this.from = from;
      this.own = own;
    }

    @Override
    public void accept(FieldVector values, int first, int count) {
      ready.add(batch(values, first, count, List.of()));
    }

    @Override
    public void failed(FieldVector nothing, int row, RowFailure failure) {
      ready.add(batch(nothing, row, 1, List.of(failure)));
    }

    private OffsetBatch batch(FieldVector values, int first, int count, List<RowFailure> failures) {
      int[] rows = Arrays.copyOfRange(offsets, from + first, from + first + count);
      return new OffsetBatch(rows, columns.of(values, own), failures);
    }
  }

  private BatchUdfExecutor executor() {
    if (executor == null) {
      try {
        executor =
            BatchUdfExecutor.open(
                function.descriptor().name(),
                ColumnUdfs.load(function.descriptor().className()),
                function.arguments().stream()
                    .map(name -> reader.root().getVector(name).getField())
                    .toList(),
                UdfContext.of(TaskContext.get(), function.descriptor().options()),
                batchSize,
                errors,
                allocator);
      } catch (UdfException e) {
        throw failed(e);
      } catch (InvalidFunctionException e) {
        throw new BackfillException(BackfillErrorCode.FUNCTION_FAILED, e.getMessage(), e);
      }
    }
    return executor;
  }

  /** What the function threw comes first; if it broke its contract, only that is to be told. */
  private static BackfillException failed(UdfException e) {
    Throwable thrown = e.getCause();
    String message =
        thrown == null
            ? e.getMessage()
            : "%s%n  in function '%s', %s"
                .formatted(RootCause.ofFunction(thrown), e.function(), e.where());
    return new BackfillException(BackfillErrorCode.FUNCTION_FAILED, message, e);
  }

  @Override
  public void close() {
    try {
      if (executor != null) {
        executor.close();
      }
    } finally {
      reader.close();
      if (executor == null || !executor.isStuck()) {
        allocator.close();
      }
    }
  }
}
