package io.lancebackfill.job;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.RootCause;
import io.lancebackfill.table.StorageErrors;
import io.lancebackfill.table.TableTarget;
import org.apache.spark.SparkException;

/** Whatever ended a job, with a code. */
final class JobFailure {
  private static final int DEEPEST_CAUSE = 20;

  private JobFailure() {}

  /** The failure itself if it has a code, else one that has it as its cause. */
  static BackfillException coded(TableTarget table, Throwable failure) {
    if (failure instanceof BackfillException ours) {
      return ours;
    }
    if (failure instanceof DatasetException storage) {
      return StorageErrors.translated(table, storage);
    }
    if (ofInterrupt(failure)) {
      return new BackfillException(
          BackfillErrorCode.JOB_INTERRUPTED,
          "The job was interrupted. What was finished is kept; the same call goes on from there.",
          failure);
    }
    // Checked, though Scala's methods do not declare it.
    if (failure instanceof SparkException) {
      return new BackfillException(
          BackfillErrorCode.TASK_FAILED,
          "Spark gave up work that the job needs: %s. What was finished is kept and committed; the same call goes on from there. If it happens again, look at the executors' logs."
              .formatted(RootCause.of(failure)),
          failure);
    }
    return new BackfillException(
        BackfillErrorCode.INTERNAL_ERROR,
        "The job met a fault that it does not know: %s. What was finished is kept; the same call goes on from there. Please report it with its stack trace."
            .formatted(RootCause.of(failure)),
        failure);
  }

  /** The same with the job's id, which tells where to look for more. */
  static BackfillException withId(BackfillException coded, String jobId) {
    return new BackfillException(
        coded.code(), coded.problem() + "\nJob " + jobId + "; see job and jobs.", coded);
  }

  /** Whether it is what an interrupt made of the thread's work. */
  static boolean ofInterrupt(Throwable failure) {
    Throwable cause = failure;
    for (int depth = 0; cause != null && depth < DEEPEST_CAUSE; depth++) {
      if (cause instanceof InterruptedException) {
        return true;
      }
      cause = cause.getCause();
    }
    return false;
  }
}
