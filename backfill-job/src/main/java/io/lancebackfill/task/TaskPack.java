package io.lancebackfill.task;

import io.lancebackfill.datasource.table.LanceAllocator;
import io.lancebackfill.resource.TaskGpus;
import io.lancebackfill.state.RowOffsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.apache.arrow.memory.BufferAllocator;

/**
 * The tasks of one partition, on an executor: run one after another, on rows that are read for all
 * of them together. For small fragments, whose rows cost less than a Spark task and a scan do.
 */
public final class TaskPack {
  /** Computes the rows of several tasks, which are asked for in their order. */
  public interface Rows extends AutoCloseable {
    /**
     * The rows of one task. Closing them leaves the others' as they are.
     *
     * @param allocator of the task
     */
    OffsetStream of(TaskSpec task, BufferAllocator allocator);

    /** What the first row waited for; known once it came. */
    default StartWaits waits() {
      return StartWaits.NONE;
    }

    @Override
    void close();
  }

  /**
   * No task is begun that would end after that, by the time that those before it took: what a pack
   * has finished is known to the driver at its end, and lost if the process dies before.
   */
  private static final Duration MOST = Duration.ofMillis(250);

  private final JobTasks job;
  private final List<TaskSpec> tasks;
  private final LongConsumer progress;
  private final LongSupplier nanoTime;
  private boolean rowsCame;
  private long firstRowAt;

  /**
   * @param progress is told of each number of rows that were computed
   */
  public TaskPack(JobTasks job, List<TaskSpec> tasks, LongConsumer progress) {
    this(job, tasks, progress, System::nanoTime);
  }

  TaskPack(JobTasks job, List<TaskSpec> tasks, LongConsumer progress, LongSupplier nanoTime) {
    this.job = job;
    this.tasks = tasks;
    this.progress =
        rows -> {
          if (!rowsCame) {
            rowsCame = true;
            firstRowAt = nanoTime.getAsLong();
          }
          progress.accept(rows);
        };
    this.nanoTime = nanoTime;
  }

  /** Runs tasks that compute nothing. */
  public PackResult run() {
    return run((task, running) -> running.run(null), () -> StartWaits.NONE);
  }

  /**
   * @param rows makes what computes the rows, with an allocator that lives as long as the pack
   */
  public PackResult run(Function<BufferAllocator, Rows> rows) {
    return TaskGpus.holding(job.resources().gpus(), () -> compute(rows));
  }

  private PackResult compute(Function<BufferAllocator, Rows> rows) {
    try (BufferAllocator allocator = LanceAllocator.child("backfill-pack");
        Rows all = rows.apply(allocator)) {
      return run((task, running) -> running.run(own -> all.of(task, own)), all::waits);
    }
  }

  private interface Run {
    TaskResult of(TaskSpec task, ColumnTask running);
  }

  private PackResult run(Run run, Supplier<StartWaits> waits) {
    long started = nanoTime.getAsLong();
    long ended = started;
    List<TaskResult> results = new ArrayList<>();
    boolean apart = false;
    long rowsDone = 0;
    for (TaskSpec task : tasks) {
      long rows = Math.max(1, RowOffsets.fromBytes(task.compute()).getLongCardinality());
      double endsAfter = (ended - started) * (1 + (double) rows / rowsDone);
      if (rowsDone > 0 && endsAfter > MOST.toNanos()) {
        break;
      }
      TaskResult result = run.of(task, new ColumnTask(job, task, progress));
      if (tasks.size() > 1 && result.fault() != null) {
        apart = true;
        break;
      }
      results.add(result);
      rowsDone += rows;
      ended = nanoTime.getAsLong();
      if (result.declined() != null) {
        break;
      }
    }
    long now = nanoTime.getAsLong();
    return new PackResult(
        results,
        ended - started,
        apart,
        new PackResult.Times(now - started, rowsCame ? now - firstRowAt : -1, waits.get()));
  }
}
