package io.lancebackfill.task;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.write.ColumnFileWriter;
import io.lancebackfill.datasource.write.StagedColumnFile;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.RemoteTrace;
import io.lancebackfill.error.StorageCodes;
import io.lancebackfill.exec.RowFailure;
import io.lancebackfill.state.RowOffsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongConsumer;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskKilledException;
import org.jspecify.annotations.Nullable;
import org.roaringbitmap.RoaringBitmap;

/**
 * One task of a backfill, on an executor: computes rows and leaves a column file or checkpoints.
 */
final class ColumnTask {
  /** Opens the stream of rows that the function computes, with the task's allocator. */
  interface Computation {
    OffsetStream open(BufferAllocator allocator);
  }

  /** The jobs of which a task runs in this process, where each is to be alone. */
  private static final Set<String> ALONE = ConcurrentHashMap.newKeySet();

  private final JobTasks stage;
  private final TaskSpec task;
  private final LongConsumer progress;

  /** The rows that came from the function or from checkpoints. */
  private final RoaringBitmap came = new RoaringBitmap();

  private final FailedRows failed = new FailedRows();
  private long rowsComputed;

  /**
   * @param progress is told of each number of rows that were computed
   */
  ColumnTask(JobTasks stage, TaskSpec task, LongConsumer progress) {
    this.stage = stage;
    this.task = task;
    this.progress = progress;
  }

  TaskResult run(@Nullable Computation computation) {
    TaskContext attempt = TaskContext.get();
    if (attempt != null && attempt.attemptNumber() > 0 && !speculation()) {
      // The driver knows why, and decides on fragments that take processes down.
      return declined(false, attempt.stageId());
    }
    if (!stage.alone()) {
      return compute(computation);
    }
    if (!ALONE.add(stage.jobId())) {
      return declined(true, attempt == null ? 0 : attempt.stageId());
    }
    try {
      return compute(computation);
    } finally {
      ALONE.remove(stage.jobId());
    }
  }

  private TaskResult declined(boolean notAlone, int stageId) {
    return TaskResult.declined(task.fragmentId(), new TaskResult.Declined(notAlone, stageId));
  }

  private TaskResult compute(@Nullable Computation computation) {
    try (BufferAllocator allocator = Checkpointer.childAllocator(task)) {
      return task.kind() == TaskSpec.Kind.RANGE
          ? computeRange(allocator, computation)
          : writeColumnFile(allocator, computation);
    } catch (TaskKilledException e) {
      throw e;
    } catch (Exception e) { // SparkException is checked, and Scala does not declare it
      TaskContext context = TaskContext.get();
      if (context != null && context.isInterrupted()) {
        throw e;
      }
      return failed(e);
    }
  }

  /** With speculation a later attempt may run beside the first, which is not lost. */
  private static boolean speculation() {
    return SparkEnv.get().conf().getBoolean("spark.speculation", false);
  }

  private TaskResult computeRange(BufferAllocator allocator, @Nullable Computation computation) {
    if (computation == null) {
      throw new IllegalStateException("a range needs a computation");
    }
    try (Checkpointer checkpointer = new Checkpointer(stage, task, allocator, true);
        OffsetStream rows = new Computed(computation.open(allocator), checkpointer)) {
      try {
        for (OffsetBatch batch = rows.next(); batch != null; batch = rows.next()) {
          batch.close();
        }
      } catch (Exception e) { // SparkException is checked, and Scala does not declare it
        checkpointer.keepWhatIsFinished(e);
        throw e;
      }
      checkpointer.finish();
      return new TaskResult(
              task.fragmentId(),
              null,
              checkpointer.name(),
              RowOffsets.toBytes(checkpointer.written()),
              rowsComputed,
              checkpointer.bytes(),
              null)
          .withFailures(failed.withInputs(stage, task));
    }
  }

  private TaskResult writeColumnFile(BufferAllocator allocator, @Nullable Computation computation) {
    List<TableColumn> columns = stage.columns();
    List<Field> fields = stage.fields();
    StagedColumnFile file;
    List<OffsetStream> streams = new ArrayList<>();
    Checkpointer checkpointer = new Checkpointer(stage, task, allocator, false);
    try (checkpointer;
        ColumnFileWriter writer =
            ColumnFileWriter.open(stage.table(), stage.storageVersion(), columns, allocator)) {
      try {
        if (computation != null) {
          streams.add(new Computed(computation.open(allocator), checkpointer));
        }
        for (TaskSpec.CheckpointUse use : task.checkpoints()) {
          streams.add(new CheckpointStream(stage, use, allocator));
          // It gives all of them, or throws.
          came.or(RowOffsets.fromBytes(use.rows()));
        }
        if (task.keepsCurrent()) {
          streams.add(StoredValues.current(stage, task, allocator));
        }
        new ColumnAssembler(fields, allocator, writer::write)
            .assemble(task.physicalRows(), streams);
        file = writer.finish();
      } catch (Exception e) { // SparkException is checked, and Scala does not declare it
        checkpointer.keepWhatIsFinished(e);
        throw e;
      } finally {
        streams.forEach(OffsetStream::close);
      }
    }
    if (file.rows() != task.physicalRows()) {
      throw new BackfillException(
          BackfillErrorCode.INTERNAL_ERROR,
          "The column file of fragment %d has %d rows, the fragment %d."
              .formatted(task.fragmentId(), file.rows(), task.physicalRows()));
    }
    return new TaskResult(
            task.fragmentId(),
            file,
            null,
            RowOffsets.toBytes(RoaringBitmap.andNot(came, failed.rows())),
            rowsComputed,
            file.bytes() + checkpointer.bytes(),
            null)
        .withFailures(failed.withInputs(stage, task))
        .withNote(checkpointer.note());
  }

  private TaskResult failed(Exception e) {
    List<RowFailure> failures;
    try {
      failures = failed.withInputs(stage, task);
    } catch (DatasetException again) { // The fault is another one, and may be why.
      e.addSuppressed(again);
      failures = failed.all();
    }
    BackfillErrorCode code;
    String message;
    if (e instanceof BackfillException ours) {
      code = ours.code();
      message = ours.problem();
    } else if (e instanceof DatasetException storage) {
      code = code(storage);
      message = String.valueOf(e.getMessage());
    } else {
      code = BackfillErrorCode.TASK_FAILED;
      message = e.toString();
    }
    return new TaskResult(
            task.fragmentId(),
            null,
            null,
            null,
            rowsComputed,
            0,
            new TaskResult.Fault(code, message, RemoteTrace.text(e)))
        .withFailures(failures);
  }

  /** What a task finds missing or wrong is the plan's fault, and not the caller's. */
  private static BackfillErrorCode code(DatasetException storage) {
    return switch (storage.kind()) {
      case NOT_FOUND, INVALID_INPUT, OTHER -> BackfillErrorCode.TASK_FAILED;
      default -> StorageCodes.of(storage);
    };
  }

  /** The computed rows on their way: counted, checkpointed, and checked for completeness. */
  private final class Computed implements OffsetStream {
    private final OffsetStream rows;
    private final Checkpointer checkpointer;

    Computed(OffsetStream rows, Checkpointer checkpointer) {
      this.rows = rows;
      this.checkpointer = checkpointer;
    }

    @Override
    public @Nullable OffsetBatch next() {
      TaskContext context = TaskContext.get();
      if (context != null) {
        context.killTaskIfInterrupted();
      }
      OffsetBatch batch = rows.next();
      if (batch == null) {
        RoaringBitmap missing = RoaringBitmap.andNot(RowOffsets.fromBytes(task.compute()), came);
        if (!missing.isEmpty()) {
          throw new BackfillException(
              BackfillErrorCode.INTERNAL_ERROR,
              "%d rows of fragment %d were to be computed and did not come back from the function."
                  .formatted(missing.getCardinality(), task.fragmentId()));
        }
        return null;
      }
      came.add(batch.offsets());
      failed.add(batch.failures());
      rowsComputed += batch.rows();
      progress.accept(batch.rows());
      try {
        checkpointer.offer(batch);
        if (failed.count() > stage.errors().maxFailedRows()) {
          // The driver hears of them at the end of the task only, which can be far.
          throw tooManyFailed();
        }
      } catch (RuntimeException e) {
        batch.close();
        throw e;
      }
      return batch;
    }

    private BackfillException tooManyFailed() {
      return new BackfillException(
          BackfillErrorCode.TOO_MANY_FAILED_ROWS,
          "The function failed on %d rows of fragment %d already, and max_failed_rows is %d."
              .formatted(failed.count(), task.fragmentId(), stage.errors().maxFailedRows()));
    }

    @Override
    public void close() {
      rows.close();
    }
  }
}
