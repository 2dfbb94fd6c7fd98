package io.lancebackfill.python;

import io.lancebackfill.exec.PromptPythonOutput;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Supplier;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.spark.TaskContext;
import org.apache.spark.api.python.SimplePythonFunction;
import org.jspecify.annotations.Nullable;
import scala.collection.AbstractIterator;
import scala.collection.Iterator;

/**
 * A Python worker at work for one task: batches go in, and their values come out in order, one or
 * more batches for each. The worker computes while the caller reads and writes. Used by one thread.
 */
public final class PythonWorker implements AutoCloseable {
  private final ArrowRunner runner;
  private final Inputs inputs = new Inputs();
  private final Iterator<VectorSchemaRoot> received;
  private long unanswered;
  private boolean broken;
  private boolean loaded;
  private boolean closed;
  private long startNanos = -1;
  private long loadNanos = -1;

  /** The worker tells it with the field of errors: {@code epoch seconds,seconds}. */
  private static final String LOADED = "lance_backfill.loaded";

  private final long askedAtMicros;

  /**
   * Starts a worker, or takes one that an earlier task left, with the function already loaded.
   *
   * @param body gives the pickled function where this process has not met it yet
   * @param single whether the function is to get its rows one by one
   * @param allocator for what comes back; lives longer than this
   */
  public static PythonWorker start(
      PythonFunction function,
      Supplier<byte[]> body,
      WorkerSettings settings,
      boolean single,
      BufferAllocator allocator) {
    List<String> names = function.inputs().stream().map(PythonFunction.Input::name).toList();
    byte[] command =
        WorkerCommand.pickled(
            function, PythonFiles.function(function.hash(), body), names, settings, single);
    SimplePythonFunction python =
        function(command, settings.python(), function.minorVersion(), settings.environment());
    return new PythonWorker(new ArrowRunner(python, names, allocator), TaskContext.get());
  }

  /**
   * Starts a worker, or takes one, that gets no function and no rows: it loads what all functions
   * need, for a later task.
   *
   * @param python the program that it runs
   * @param minorVersion of the program, such as {@code 3.11}
   * @param environment as {@link WorkerSettings#environment}
   */
  public static PythonWorker startEmpty(
      String python,
      String minorVersion,
      Map<String, String> environment,
      BufferAllocator allocator) {
    SimplePythonFunction function =
        function(WorkerCommand.ready(), python, minorVersion, environment);
    return new PythonWorker(new ArrowRunner(function, List.of(), allocator), TaskContext.get());
  }

  /** Spark keeps workers for later ones of the same program and environment. */
  private static SimplePythonFunction function(
      byte[] command, String python, String minorVersion, Map<String, String> environment) {
    return new SimplePythonFunction(
        command,
        PromptPythonOutput.environment(WorkerCommand.environment(environment)),
        List.of(),
        python,
        minorVersion,
        List.of(),
        null);
  }

  private PythonWorker(ArrowRunner runner, TaskContext context) {
    this.runner = runner;
    Instant now = Instant.now();
    this.askedAtMicros = ChronoUnit.MICROS.between(Instant.EPOCH, now);
    this.received = runner.compute(inputs, context.partitionId(), context);
  }

  /**
   * Gives a batch to the worker. Returns at once.
   *
   * @param vectors stay the caller's, who keeps them until all their rows have come back, or this
   *     is closed
   */
  public void send(List<FieldVector> vectors, int rows) {
    inputs.queue.add(new ArrowRunner.Input(vectors, rows));
    unanswered += rows;
  }

  /**
   * Waits for the next values.
   *
   * @return the fields {@code value} and {@code error} of a struct; valid until the next call
   * @throws org.apache.spark.api.python.PythonException if the worker gives up: a failure of the
   *     function on a row comes in {@code error}
   */
  public StructVector receive() {
    broken = true;
    StructVector values;
    do {
      if (!received.hasNext()) {
        throw new IllegalStateException("The Python worker ended before all rows came back.");
      }
      values = (StructVector) received.next().getVector(0);
      loaded = true;
      // Of no rows are those with which a worker pushes the last ones out of its buffer.
    } while (values.getValueCount() == 0);
    unanswered -= values.getValueCount();
    if (startNanos < 0) {
      readTimes(values.getChild("error").getField().getMetadata().get(LOADED));
    }
    broken = false;
    return values;
  }

  private void readTimes(@Nullable String told) {
    if (told == null) {
      return; // A release of PySpark that drops metadata.
    }
    String[] times = told.split(",", 2);
    // Both clocks are this machine's.
    long ranAtMicros = (long) (Double.parseDouble(times[0]) * 1e6);
    startNanos = Math.max(0, ranAtMicros - askedAtMicros) * 1000;
    loadNanos = (long) (Double.parseDouble(times[1]) * 1e9);
  }

  /** From asking for the worker until it ran; -1 before the first values, or if it is not known. */
  public long startNanos() {
    return startNanos;
  }

  /** How long it took to load its function, or to find it loaded; -1 as above. */
  public long loadNanos() {
    return loadNanos;
  }

  /**
   * Whether it has loaded its function, as far as {@link #receive} has heard: one that dies before
   * has seen no row.
   */
  public boolean loaded() {
    return loaded;
  }

  /**
   * Ends the stream. A worker that answered everything goes back to Spark's pool, with what it has
   * loaded; another one is ended. No thread reads what was sent any more.
   */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    inputs.queue.add(Inputs.END);
    if (broken || unanswered != 0) {
      runner.abort();
      return;
    }
    while (received.hasNext()) {
      received.next();
    }
  }

  /** The batches on their way to the thread that writes to the worker. */
  private static final class Inputs extends AbstractIterator<ArrowRunner.Input> {
    private static final ArrowRunner.Input END = new ArrowRunner.Input(List.of(), 0);

    private final BlockingQueue<ArrowRunner.Input> queue = new LinkedBlockingQueue<>();
    private ArrowRunner.@Nullable Input next;

    @Override
    public boolean hasNext() {
      if (next == null) {
        try {
          next = queue.take();
        } catch (InterruptedException e) { // Spark ends the task
          Thread.currentThread().interrupt();
          next = END;
        }
      }
      return next.rows() > 0; // END has none
    }

    @Override
    public ArrowRunner.Input next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      ArrowRunner.Input given = Objects.requireNonNull(next);
      next = null;
      return given;
    }
  }
}
