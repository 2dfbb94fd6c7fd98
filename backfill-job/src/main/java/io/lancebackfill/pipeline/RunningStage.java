package io.lancebackfill.pipeline;

import static java.util.Objects.requireNonNull;

import io.lancebackfill.error.BackfillException;
import io.lancebackfill.job.BackfillAction;
import io.lancebackfill.job.BackfillResult;
import io.lancebackfill.progress.FollowedJob;
import org.jspecify.annotations.Nullable;

/** The job of one column, in a thread of its own, which has what Spark knows of the caller's. */
final class RunningStage {
  private static final long LOOK_MS = 100;

  private final ColumnPipeline.Stage stage;
  private final FollowedJob progress;
  private final Thread thread;
  private volatile @Nullable BackfillResult result;
  private volatile @Nullable Throwable failure;

  private RunningStage(ColumnPipeline.Stage stage, FollowedJob progress, BackfillAction action) {
    this.stage = stage;
    this.progress = progress;
    this.thread = new Thread(() -> run(action), "backfill " + stage.column());
  }

  static RunningStage start(
      ColumnPipeline.Stage stage, FollowedJob progress, BackfillAction action) {
    RunningStage started = new RunningStage(stage, progress, action);
    started.thread.start();
    return started;
  }

  private void run(BackfillAction action) {
    try {
      result = action.run();
    } catch (BackfillException | Error e) {
      failure = e;
    } finally {
      progress.over();
    }
  }

  ColumnPipeline.Stage stage() {
    return stage;
  }

  FollowedJob progress() {
    return progress;
  }

  /** Of one that has ended well. */
  BackfillResult result() {
    return requireNonNull(result);
  }

  void throwIfFailed() {
    Throwable failed = failure;
    if (failed instanceof Error error) {
      throw error;
    }
    if (failed != null) {
      throw (BackfillException) failed;
    }
  }

  void interrupt() {
    thread.interrupt();
  }

  /**
   * Waits a little for its end.
   *
   * @return whether it has ended
   */
  boolean join() throws InterruptedException {
    thread.join(LOOK_MS);
    return !thread.isAlive();
  }

  /**
   * @return whether the caller was interrupted meanwhile
   */
  boolean joinUninterruptibly() {
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    return interrupted;
  }
}
