package io.lancebackfill.context;

import io.lancebackfill.compute.ArrowFunction;
import io.lancebackfill.compute.WorkerStart;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.environment.WorkerEnvironment;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.RemoteTrace;
import io.lancebackfill.resource.TaskGpus;
import java.io.Serializable;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.jspecify.annotations.Nullable;

/**
 * What a task of a warm-up does on its slot, together with those of its executor.
 *
 * @param key of the step, another one for each
 * @param slots of each executor, by its id
 * @param gpus of a task
 */
record SlotWork(String key, Map<String, Integer> slots, double gpus, Work work)
    implements FlatMapFunction<Iterator<Integer>, SlotWork.Done> {
  /** Tasks of a stage start within less, unless others have their slots. */
  private static final Duration MEETING = Duration.ofSeconds(5);

  /** What there is to do. */
  sealed interface Work extends Serializable {
    /**
     * @param meeting waits for the other tasks of the executor
     */
    void run(Runnable meeting);
  }

  /** Installs a manifest. */
  record Install(WorkerEnvironment environment, String program) implements Work {
    @Override
    public void run(Runnable meeting) {
      meeting.run();
      environment.variables(program);
    }
  }

  /** Starts a Python worker. */
  record Start(String program, @Nullable WorkerEnvironment environment) implements Work {
    @Override
    public void run(Runnable meeting) {
      WorkerStart.empty(program, environment, meeting);
    }
  }

  /** Loads a function. */
  record Load(ArrowFunction function, DatasetRef table) implements Work {
    @Override
    public void run(Runnable meeting) {
      WorkerStart.loaded(function, table, meeting);
    }
  }

  /**
   * What came of it. A failure is no failed task: Spark would try it three times more.
   *
   * @param met tasks of the executor that were there together
   */
  record Done(
      String executor,
      int met,
      @Nullable BackfillErrorCode code,
      @Nullable String problem,
      @Nullable String trace)
      implements Serializable {
    void throwIfFailed() {
      if (code != null) {
        throw new BackfillException(code, problem, trace == null ? null : new RemoteTrace(trace));
      }
    }
  }

  @Override
  public Iterator<Done> call(Iterator<Integer> ignored) {
    String executor = SparkEnv.get().executorId();
    AtomicInteger met = new AtomicInteger();
    Done done;
    try {
      TaskGpus.holding(
          gpus,
          () -> {
            work.run(
                () -> met.set(SlotMeeting.attend(key, slots.getOrDefault(executor, 1), MEETING)));
            return met;
          });
      done = new Done(executor, met.get(), null, null, null);
    } catch (BackfillException e) {
      done = new Done(executor, met.get(), e.code(), e.problem(), RemoteTrace.text(e));
    }
    return List.of(done).iterator();
  }
}
