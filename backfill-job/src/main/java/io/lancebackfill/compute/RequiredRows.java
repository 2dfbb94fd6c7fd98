package io.lancebackfill.compute;

import io.lancebackfill.datasource.arrow.SparkVectors;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.RootCause;
import io.lancebackfill.exec.RowFailure;
import io.lancebackfill.task.JobTasks;
import io.lancebackfill.task.OffsetBatch;
import io.lancebackfill.task.OffsetStream;
import io.lancebackfill.task.PackReader;
import io.lancebackfill.task.StartWaits;
import io.lancebackfill.task.TaskPack;
import io.lancebackfill.task.TaskSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.util.TransferPair;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskKilledException;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.JoinedRow;
import org.apache.spark.sql.vectorized.ColumnVector;
import org.apache.spark.sql.vectorized.ColumnarBatch;
import org.jspecify.annotations.Nullable;

/**
 * Rows of another source, of which those that do not meet a column's conditions have failed. What a
 * condition says of NULL, as in SQL's CHECK, is no failure.
 */
public final class RequiredRows implements TaskPack.Rows {
  private static final int READ_ROWS = 4096;

  private final TaskPack.Rows computed;
  private final JobTasks job;
  private final Requirements requirements;
  private final RowEvaluator.Steps check;
  private final @Nullable PackReader reader;

  private RequiredRows(
      TaskPack.Rows computed, JobTasks job, List<TaskSpec> tasks, Requirements requirements) {
    this.computed = computed;
    this.job = job;
    this.requirements = requirements;
    this.check = new RowEvaluator.Steps(requirements.check());
    this.reader =
        requirements.inputs().isEmpty()
            ? null
            : new PackReader(
                job.table(),
                job.inputVersion(),
                tasks.stream().map(TaskSpec::range).toList(),
                requirements.inputs(),
                READ_ROWS);
  }

  /** The rows themselves where nothing is required of them. */
  public static TaskPack.Rows of(
      TaskPack.Rows computed, JobTasks job, List<TaskSpec> tasks, Requirements requirements) {
    return requirements.any() ? new RequiredRows(computed, job, tasks, requirements) : computed;
  }

  @Override
  public StartWaits waits() {
    return computed.waits();
  }

  @Override
  public OffsetStream of(TaskSpec task, BufferAllocator allocator) {
    OffsetStream rows = computed.of(task, allocator);
    Inputs inputs = reader == null ? null : new Inputs(reader, task.fragmentId());
    return new OffsetStream() {
      @Override
      public @Nullable OffsetBatch next() {
        OffsetBatch batch = rows.next();
        if (batch == null) {
          if (inputs != null) {
            inputs.skipRest();
          }
          return null;
        }
        List<RowFailure> failures;
        boolean looked = false;
        try {
          failures = failures(batch, inputs);
          looked = true;
        } finally {
          if (!looked) {
            batch.close();
          }
        }
        return failures.isEmpty() ? batch : without(batch, failures, allocator);
      }

      @Override
      public void close() {
        rows.close();
      }
    };
  }

  /** The table's columns that conditions read, row by row. */
  private static final class Inputs {
    private final PackReader reader;
    private final int fragmentId;
    private @Nullable ColumnarBatch batch;
    private int row;

    Inputs(PackReader reader, int fragmentId) {
      this.reader = reader;
      this.fragmentId = fragmentId;
    }

    /** Goes on to the next fragment: of rows that failed already nothing was read. */
    void skipRest() {
      while (reader.next(fragmentId)) {
        batch = null;
      }
    }

    InternalRow at(int offset) {
      while (true) {
        ColumnarBatch read = batch;
        if (read != null) {
          int[] offsets = reader.offsets();
          while (row < offsets.length && Integer.compareUnsigned(offsets[row], offset) < 0) {
            row++;
          }
          if (row < offsets.length && offsets[row] == offset) {
            return read.getRow(row);
          }
        }
        if ((read != null && row < reader.offsets().length) || !reader.next(fragmentId)) {
          throw new IllegalStateException("row " + offset + " was computed and cannot be read");
        }
        batch = columnar(reader.root().getFieldVectors(), reader.offsets().length);
        row = 0;
      }
    }
  }

  private static ColumnarBatch columnar(List<FieldVector> vectors, int rows) {
    return new ColumnarBatch(
        vectors.stream().map(SparkVectors::of).toArray(ColumnVector[]::new), rows);
  }

  private List<RowFailure> failures(OffsetBatch batch, @Nullable Inputs inputs) {
    ColumnarBatch values = columnar(batch.values(), batch.rows());
    JoinedRow joined = new JoinedRow();
    List<RowFailure> failures = new ArrayList<>();
    int known = 0;
    for (int i = 0; i < batch.rows(); i++) {
      int offset = batch.offsets()[i];
      if (known < batch.failures().size() && batch.failures().get(known).offset() == offset) {
        known++;
        continue;
      }
      InternalRow row = values.getRow(i);
      String broken = broken(inputs == null ? row : joined.apply(inputs.at(offset), row));
      if (broken != null) {
        if (!job.errors().nulls()) {
          throw new BackfillException(
              BackfillErrorCode.REQUIREMENT_FAILED,
              ("%s, on the row at physical offset %d. Mend the function; or call with on_error =>"
                      + " 'null', and such rows are NULL with a record in errors; or change the"
                      + " conditions by alter_column(..., require => array(...)).")
                  .formatted(broken, offset));
        }
        failures.add(
            new RowFailure(
                offset, BackfillErrorCode.REQUIREMENT_FAILED.name(), "require", broken, "", 1));
      }
    }
    return failures;
  }

  /** What a row does not meet, or null. */
  private @Nullable String broken(InternalRow row) {
    try {
      InternalRow met = check.of(row);
      for (int i = 0; i < requirements.conditions().size(); i++) {
        if (!met.isNullAt(i) && !met.getBoolean(i)) {
          return requirements.conditions().get(i) + " is false";
        }
      }
      return null;
    } catch (TaskKilledException e) {
      throw e;
    } catch (Exception | LinkageError | StackOverflowError e) { // also checked ones, of Spark's
      TaskContext context = TaskContext.get();
      if (context != null) {
        context.killTaskIfInterrupted();
      }
      return "the conditions cannot be evaluated: " + RootCause.ofFunction(e);
    }
  }

  /** The batch with these rows failed, too; its vectors may share buffers with a function's own. */
  private static OffsetBatch without(
      OffsetBatch batch, List<RowFailure> failed, BufferAllocator allocator) {
    BitSet drop = new BitSet();
    failed.forEach(failure -> drop.set(Arrays.binarySearch(batch.offsets(), failure.offset())));
    List<FieldVector> kept = new ArrayList<>();
    try {
      for (FieldVector vector : batch.values()) {
        FieldVector copy = vector.getField().createVector(allocator);
        kept.add(copy);
        TransferPair pair = vector.makeTransferPair(copy);
        copy.setInitialCapacity(batch.rows());
        copy.allocateNew();
        for (int i = 0; i < batch.rows(); i++) {
          if (!drop.get(i)) {
            pair.copyValueSafe(i, i);
          }
        }
        copy.setValueCount(batch.rows());
      }
    } catch (RuntimeException e) {
      kept.forEach(FieldVector::close);
      throw e;
    } finally {
      batch.close();
    }
    List<RowFailure> failures = new ArrayList<>(batch.failures());
    failures.addAll(failed);
    failures.sort(Comparator.comparingInt(RowFailure::offset));
    return new OffsetBatch(batch.offsets(), kept, failures);
  }

  @Override
  public void close() {
    try {
      computed.close();
    } finally {
      if (reader != null) {
        reader.close();
      }
    }
  }
}
