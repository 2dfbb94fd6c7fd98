package io.lancebackfill.task;

import io.lancebackfill.datasource.write.StagedColumnFile;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.exec.RowFailure;
import java.io.Serializable;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a task reports. Faults come as values, so that Spark does not try the same again.
 *
 * @param file the finished column file, for tasks that write one
 * @param checkpoint name of the checkpoint dataset that holds the rows of a range; null if it had
 *     no live row
 * @param rows physical offsets of the rows that came, as a RoaringBitmap: those in that dataset, or
 *     those with a new value in the column file; no failed ones
 * @param failures the rows on which the function failed: they are NULL in the column file, and in
 *     no checkpoint
 * @param rowsComputed rows on which the function ran
 * @param bytesWritten bytes of the column file and of checkpoints
 * @param fault what went wrong, or null
 * @param note why the task had to do without checkpoints, or null
 * @param declined why the task did not run, or null
 * @param loss of the process that ran the task, or null
 */
public record TaskResult(
    int fragmentId,
    @Nullable StagedColumnFile file,
    @Nullable String checkpoint,
    byte @Nullable [] rows,
    List<RowFailure> failures,
    long rowsComputed,
    long bytesWritten,
    @Nullable Fault fault,
    @Nullable String note,
    @Nullable Declined declined,
    @Nullable ProcessLoss loss)
    implements Serializable {

  TaskResult(
      int fragmentId,
      @Nullable StagedColumnFile file,
      @Nullable String checkpoint,
      byte @Nullable [] rows,
      long rowsComputed,
      long bytesWritten,
      @Nullable Fault fault) {
    this(
        fragmentId,
        file,
        checkpoint,
        rows,
        List.of(),
        rowsComputed,
        bytesWritten,
        fault,
        null,
        null,
        null);
  }

  TaskResult withNote(@Nullable String text) {
    return new TaskResult(
        fragmentId,
        file,
        checkpoint,
        rows,
        failures,
        rowsComputed,
        bytesWritten,
        fault,
        text,
        declined,
        loss);
  }

  TaskResult withFailures(List<RowFailure> failed) {
    return new TaskResult(
        fragmentId,
        file,
        checkpoint,
        rows,
        failed,
        rowsComputed,
        bytesWritten,
        fault,
        note,
        declined,
        loss);
  }

  /** The result of a task that left it to the driver whether it is to run. */
  static TaskResult declined(int fragmentId, Declined why) {
    return new TaskResult(fragmentId, null, null, null, List.of(), 0, 0, null, null, why, null);
  }

  /** The result of a task whose process was lost. */
  public static TaskResult lost(int fragmentId, ProcessLoss loss) {
    return new TaskResult(fragmentId, null, null, null, List.of(), 0, 0, null, null, null, loss);
  }

  /** The loss of the process that ran the task, or of its Python worker, if there was one. */
  public Optional<ProcessLoss> lost() {
    if (fault != null && fault.code() == BackfillErrorCode.PROCESS_LOST) {
      return Optional.of(new ProcessLoss(ProcessLoss.Cause.CRASH, fault.message()));
    }
    return Optional.ofNullable(loss);
  }

  /**
   * Why a task did not run.
   *
   * @param notAlone another one of the job ran in the process, where each is to be alone; else an
   *     earlier attempt of the task came to nothing
   */
  public record Declined(boolean notAlone, int stageId) implements Serializable {}

  /**
   * A fault of a task.
   *
   * @param trace the stack trace on the executor, for the job's history; empty if there is none
   */
  public record Fault(BackfillErrorCode code, String message, String trace)
      implements Serializable {}
}
