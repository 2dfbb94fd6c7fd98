package io.lancebackfill.compute;

import io.lancebackfill.environment.WorkerEnvironment;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.exec.BatchBytes;
import io.lancebackfill.exec.RowFailure;
import io.lancebackfill.python.PythonFunction;
import io.lancebackfill.python.PythonWorker;
import io.lancebackfill.python.WorkerSettings;
import io.lancebackfill.state.StoredFunctions;
import io.lancebackfill.state.TableState;
import io.lancebackfill.task.JobTasks;
import io.lancebackfill.task.OffsetBatch;
import io.lancebackfill.task.OffsetStream;
import io.lancebackfill.task.PackReader;
import io.lancebackfill.task.StartWaits;
import io.lancebackfill.task.TaskPack;
import io.lancebackfill.task.TaskSpec;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskKilledException;
import org.jspecify.annotations.Nullable;

/**
 * Rows that a stored Python function computes: Arrow batches go from the fragments' files to a
 * Python worker and from there to the column file. While the worker computes, the next batch is
 * read and the last one is written. A worker that dies is replaced, and gets the rows again that
 * did not come back.
 */
public final class PythonFunctionRows implements TaskPack.Rows {
  /**
   * Rows of a batch as long as nothing is known of them; of those that may have killed a worker.
   */
  private static final int FEW_ROWS = 4096;

  /** Rows of a batch where they are small: each batch costs as much as thousands of such rows. */
  private static final int MOST_ROWS = 1 << 16;

  private static final long READ_BYTES = 2L << 20;
  private static final long SENT_BYTES = 8L << 20;

  /** Bytes of a row as this process has met them last, by table and inputs. */
  private static final Map<String, Long> BYTES_PER_ROW = new ConcurrentHashMap<>();

  /** Batches that a worker has: the one that it computes, and the next one. */
  private static final int SENT_AHEAD = 2;

  /** Workers that may die one after another before any row comes back. */
  private static final int MOST_DEATHS = 6;

  /** Workers that may die one after another while they load the function: one by accident. */
  private static final int MOST_DEATHS_LOADING = 2;

  private final ArrowFunction function;
  private final PythonFunction python;
  private final JobTasks job;
  private final BufferAllocator allocator;
  private final ResultColumns columns;
  private final PackReader reader;

  /** What is read, for those who read it again. */
  private final String read;

  /** Rows that were read and not sent yet; first those that a worker took with it when it died. */
  private final Deque<OffsetBatch> waiting = new ArrayDeque<>();

  private final Deque<OffsetBatch> sent = new ArrayDeque<>();
  private final Deque<OffsetBatch> ready = new ArrayDeque<>();
  private @Nullable PythonWorker worker;

  /** Rows of the oldest batch sent that have come back. */
  private int answered;

  /** Whether the worker gets its rows one by one, since one of them killed another. */
  private boolean single;

  private int deaths;
  private int deathsLoading;

  private long manifestNanos = -1;
  private StartWaits waits = StartWaits.NONE;

  /**
   * @param allocator lives as long as this
   */
  public PythonFunctionRows(
      JobTasks job, List<TaskSpec> tasks, ArrowFunction function, BufferAllocator allocator) {
    this.job = job;
    this.function = function;
    this.python = PythonFunction.of(function.descriptor());
    this.allocator = allocator;
    this.columns = new ResultColumns(job.fields());
    List<String> inputs = List.copyOf(new LinkedHashSet<>(function.arguments()));
    this.read = job.table().display() + " " + inputs;
    Long rowBytes = BYTES_PER_ROW.get(read);
    long rows = rowBytes == null ? FEW_ROWS : READ_BYTES / Math.max(1, rowBytes);
    this.reader =
        new PackReader(
            job.table(),
            job.inputVersion(),
            tasks.stream().map(TaskSpec::range).toList(),
            inputs,
            (int) Math.max(FEW_ROWS, Math.min(MOST_ROWS, rows)));
  }

  @Override
  public OffsetStream of(TaskSpec task, BufferAllocator own) {
    return new OffsetStream() {
      @Override
      public @Nullable OffsetBatch next() {
        return PythonFunctionRows.this.next(task.fragmentId(), own);
      }

      @Override
      public void close() {
        closeAll(ready);
      }
    };
  }

  private @Nullable OffsetBatch next(int fragmentId, BufferAllocator own) {
    while (ready.isEmpty()) {
      while (sent.size() < (single ? 1 : SENT_AHEAD)
          && (!waiting.isEmpty() || readNext(fragmentId))) {
        send();
      }
      if (sent.isEmpty()) {
        return null;
      }
      receive(own);
    }
    return ready.remove();
  }

  /** Cuts what was read into batches to send. */
  private boolean readNext(int fragmentId) {
    if (!reader.next(fragmentId)) {
      return false;
    }
    List<FieldVector> vectors = new ArrayList<>();
    for (String name : function.arguments()) {
      vectors.add(reader.root().getVector(name));
    }
    OffsetBatch all = new OffsetBatch(reader.offsets(), vectors);
    for (int start = 0; start < all.rows(); ) {
      int rows = all.rows() - start;
      OffsetBatch batch = all.part(start, rows, allocator);
      int fitting = BatchBytes.fittingRows(batch.values(), rows, SENT_BYTES);
      if (fitting < rows) {
        batch.close();
        batch = all.part(start, fitting, allocator);
      }
      waiting.add(batch);
      start += batch.rows();
    }
    return true;
  }

  private void send() {
    OffsetBatch batch = waiting.remove();
    sent.add(batch);
    worker().send(batch.values(), batch.rows());
  }

  private void receive(BufferAllocator own) {
    OffsetBatch oldest = sent.element();
    StructVector came;
    try {
      came = worker().receive();
    } catch (TaskKilledException e) {
      throw e;
    } catch (Exception e) { // Spark's checked exceptions, which Scala does not declare
      TaskContext context = TaskContext.get();
      if (context != null) {
        context.killTaskIfInterrupted();
      }
      recover(WorkerErrors.ended(python, e), own);
      return;
    }
    deaths = 0;
    deathsLoading = 0;
    if (waits.equals(StartWaits.NONE)) {
      waits = new StartWaits(manifestNanos, worker().startNanos(), worker().loadNanos());
    }
    int rows = came.getValueCount();
    if (rows > oldest.rows() - answered) {
      throw new BackfillException(
          BackfillErrorCode.INTERNAL_ERROR,
          "The Python worker gave %d rows for %d.".formatted(rows, oldest.rows() - answered));
    }
    int[] offsets = Arrays.copyOfRange(oldest.offsets(), answered, answered + rows);
    List<RowFailure> failures =
        WorkerErrors.failures(python.name(), offsets, (VarCharVector) came.getChild("error"));
    for (RowFailure failure : failures) {
      if (!job.errors().nulls() || WorkerErrors.isOfFunction(failure)) {
        throw WorkerErrors.fatal(python.name(), failure);
      }
    }
    ready.add(new OffsetBatch(offsets, columns.of(came.getChild("value"), own), failures));
    answered += rows;
    if (answered == oldest.rows()) {
      sent.remove().close();
      answered = 0;
      if (single) {
        // None of them kills a worker that has it alone.
        closeWorker();
        single = false;
      }
    }
  }

  /**
   * Goes on after a worker died: what it had is computed row by row, until the row that kills is
   * known.
   */
  private void recover(BackfillException lost, BufferAllocator own) {
    PythonWorker dead = worker;
    if (lost.code() == BackfillErrorCode.PROCESS_LOST && (dead == null || !dead.loaded())) {
      deathsLoading++;
      if (deathsLoading == MOST_DEATHS_LOADING) {
        throw WorkerErrors.notLoaded(python, function.python(), deathsLoading, lost);
      }
      closeWorker();
      while (!sent.isEmpty()) {
        waiting.addFirst(sent.removeLast());
      }
      return;
    }
    deaths++;
    if (lost.code() != BackfillErrorCode.PROCESS_LOST
        || !job.errors().nulls()
        || deaths > MOST_DEATHS) {
      throw lost; // which process it takes down, the driver finds out
    }
    closeWorker();
    OffsetBatch oldest = sent.remove();
    if (single) {
      int offset = oldest.offsets()[answered];
      ready.add(
          new OffsetBatch(
              new int[] {offset}, columns.nulls(own), List.of(WorkerErrors.died(offset, lost))));
      answered++;
    }
    while (!sent.isEmpty()) {
      waiting.addFirst(sent.removeLast());
    }
    int left = oldest.rows() - answered;
    int suspects = single ? 0 : Math.min(left, suspects(left));
    // From behind, so that each is before what comes after it.
    for (int end = left; end > suspects; ) {
      int rows = Math.min(FEW_ROWS, end - suspects);
      putBack(oldest, answered + end - rows, rows);
      end -= rows;
    }
    putBack(oldest, answered, suspects);
    oldest.close();
    answered = 0;
    single = suspects > 0;
  }

  private void putBack(OffsetBatch batch, int from, int rows) {
    if (rows > 0) {
      waiting.addFirst(batch.part(from, rows, allocator));
    }
  }

  /**
   * The most rows that a worker can have had in hand together, to be computed one by one; none if
   * they are so many that another worker is to tell first in which part of them it dies.
   */
  private int suspects(int left) {
    Integer batchSize = function.batchSize();
    if (batchSize != null && !function.byLength()) {
      return batchSize;
    }
    return left > FEW_ROWS ? 0 : left;
  }

  private PythonWorker worker() {
    PythonWorker running = worker;
    if (running == null) {
      running = PythonWorker.start(python, this::body, settings(), single, allocator);
      worker = running;
    }
    return running;
  }

  private WorkerSettings settings() {
    WorkerEnvironment environment = function.environment();
    Integer batchSize = function.batchSize();
    return new WorkerSettings(
        function.python(),
        batchSize == null ? 0 : batchSize,
        function.byLength(),
        job.checkpointIntervalMs(),
        job.errors(),
        function.threads(),
        environment == null ? Map.of() : installed(environment));
  }

  private Map<String, String> installed(WorkerEnvironment environment) {
    long began = System.nanoTime();
    Map<String, String> variables = environment.variables(function.python());
    manifestNanos = Math.max(manifestNanos, System.nanoTime() - began);
    return variables;
  }

  @Override
  public StartWaits waits() {
    return waits;
  }

  private byte[] body() {
    return new StoredFunctions(new TableState(job.table()).functions())
        .bodyOf(function.descriptor());
  }

  private void closeWorker() {
    PythonWorker running = worker;
    worker = null;
    if (running != null) {
      running.close();
    }
  }

  private static void closeAll(Deque<OffsetBatch> batches) {
    batches.forEach(OffsetBatch::close);
    batches.clear();
  }

  @Override
  public void close() {
    long rowBytes = reader.bytesPerRow();
    if (rowBytes > 0) {
      BYTES_PER_ROW.put(read, rowBytes);
    }
    try {
      closeWorker();
    } finally {
      closeAll(sent);
      closeAll(waiting);
      closeAll(ready);
      reader.close();
    }
  }
}
