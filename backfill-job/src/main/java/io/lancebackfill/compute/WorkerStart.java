package io.lancebackfill.compute;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceAllocator;
import io.lancebackfill.environment.WorkerEnvironment;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.PythonWorkerFault;
import io.lancebackfill.error.RootCause;
import io.lancebackfill.exec.ErrorPolicy;
import io.lancebackfill.python.PythonFunction;
import io.lancebackfill.python.PythonWorker;
import io.lancebackfill.python.WorkerSettings;
import io.lancebackfill.state.StoredFunctions;
import io.lancebackfill.state.TableState;
import java.io.IOException;
import java.util.Map;
import java.util.function.Function;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskKilledException;
import org.jspecify.annotations.Nullable;

/** Python workers that are ready before there are rows for them; called by tasks, on executors. */
public final class WorkerStart {
  private static final int UNUSED_INTERVAL_MS = 5_000;

  private WorkerStart() {}

  /**
   * Starts a worker that has loaded what all functions need.
   *
   * @param program that it runs
   * @param environment what it runs in, or null for its own
   * @param meanwhile is done while the worker is this task's, and no other task gets it
   */
  public static void empty(
      String program, @Nullable WorkerEnvironment environment, Runnable meanwhile) {
    Map<String, String> variables = variables(program, environment);
    String version = version(program);
    hold(
        allocator -> PythonWorker.startEmpty(program, version, variables, allocator),
        meanwhile,
        e ->
            PythonWorkerFault.of(e)
                .orElseGet(
                    () ->
                        new BackfillException(
                            BackfillErrorCode.PYTHON_UNAVAILABLE,
                            "A Python worker of %s could not be started: %s"
                                .formatted(program, RootCause.of(e)),
                            e)));
  }

  /**
   * Starts a worker, or takes one, that loads a stored function; its {@code setup()} is called.
   *
   * @param table that keeps the function
   * @param meanwhile as in {@link #empty}
   */
  public static void loaded(ArrowFunction function, DatasetRef table, Runnable meanwhile) {
    PythonFunction python = PythonFunction.of(function.descriptor());
    WorkerSettings settings =
        new WorkerSettings(
            function.python(),
            0,
            false,
            UNUSED_INTERVAL_MS,
            ErrorPolicy.FAIL,
            function.threads(),
            variables(function.python(), function.environment()));
    hold(
        allocator ->
            PythonWorker.start(
                python,
                () ->
                    new StoredFunctions(new TableState(table).functions())
                        .bodyOf(function.descriptor()),
                settings,
                false,
                allocator),
        meanwhile,
        e -> WorkerErrors.ended(python, e));
  }

  private static Map<String, String> variables(
      String program, @Nullable WorkerEnvironment environment) {
    return environment == null ? Map.of() : environment.variables(program);
  }

  /** Closing a worker that got no rows waits until it has loaded its function. */
  private static void hold(
      Function<BufferAllocator, PythonWorker> start,
      Runnable meanwhile,
      Function<Exception, BackfillException> fault) {
    try (BufferAllocator allocator = LanceAllocator.child("warm-up");
        PythonWorker ignored = start.apply(allocator)) {
      meanwhile.run();
    } catch (TaskKilledException | BackfillException e) {
      throw e;
    } catch (Exception e) { // Spark's checked exceptions, which Scala does not declare
      TaskContext context = TaskContext.get();
      if (context != null) {
        context.killTaskIfInterrupted();
      }
      throw fault.apply(e);
    }
  }

  /** Spark starts no worker without being told which version it has. */
  private static String version(String program) {
    try {
      Process process =
          new ProcessBuilder(program, "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      process.getOutputStream().close();
      return new String(process.getInputStream().readAllBytes(), UTF_8).strip();
    } catch (IOException e) {
      throw new BackfillException(
          BackfillErrorCode.PYTHON_UNAVAILABLE,
          "The Python of the workers, %s, cannot be run: %s. Set spark.pyspark.python or PYSPARK_PYTHON to one that every executor has."
              .formatted(program, RootCause.of(e)),
          e);
    }
  }
}
