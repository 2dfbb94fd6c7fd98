package io.lancebackfill.task;

import io.lancebackfill.datasource.store.CheckpointDataset;
import io.lancebackfill.datasource.store.CheckpointSink;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceAllocator;
import io.lancebackfill.state.CheckpointStore;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.LongSupplier;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.VectorBatchAppender;
import org.jspecify.annotations.Nullable;
import org.roaringbitmap.RoaringBitmap;

/**
 * Keeps finished rows of one task in a checkpoint dataset, in a thread of its own while the next
 * rows are computed.
 *
 * <p>A task that writes its column file in one go needs no checkpoint until it has lasted longer
 * than the interval; what it computed before is kept in memory up to a bound and given up beyond
 * that: such a function is fast, and repeating it costs less than the interval. Such a checkpoint
 * is a comfort: one that cannot be written is {@linkplain #note noted}, and the next one comes
 * later. A range's rows have no other place, so each of them is written, or the task fails.
 */
final class Checkpointer implements AutoCloseable {
  private static final long MAX_PENDING_BYTES = 64L << 20;
  private static final long RANGE_FLUSH_BYTES = 16L << 20;
  private static final int APPENDS_BEFORE_DOUBLING = 100;
  private static final long WORTH_KEEPING_NANOS = 500_000_000;

  /** Creates an empty dataset, as {@link CheckpointDataset#create} does. */
  interface Creation {
    CheckpointSink create(DatasetRef ref, List<Field> fields, Map<String, String> properties);
  }

  private final JobTasks stage;
  private final TaskSpec task;
  private final List<Field> fields;
  private final BufferAllocator allocator;
  private final boolean everyRow;
  private final Creation creation;
  private final LongSupplier nanoTime;
  private String name;
  private final ExecutorService writer;
  private final long startedAt;
  private final RoaringBitmap written = new RoaringBitmap();
  private List<OffsetBatch> pending = new ArrayList<>();
  private long pendingBytes;
  private long intervalNanos;
  private long lastAppendAt;
  private int appends;
  private @Nullable RuntimeException failure;
  private @Nullable Future<?> running;
  private @Nullable CheckpointSink dataset;

  /**
   * @param everyRow whether the rows have no other place: true for a range
   */
  Checkpointer(JobTasks stage, TaskSpec task, BufferAllocator allocator, boolean everyRow) {
    this(
        stage,
        task,
        allocator,
        everyRow,
        CheckpointDataset::create,
        thread(task),
        System::nanoTime);
  }

  /**
   * With other datasets and another clock.
   *
   * @param writer writes them; shut down when this is closed
   */
  Checkpointer(
      JobTasks stage,
      TaskSpec task,
      BufferAllocator allocator,
      boolean everyRow,
      Creation creation,
      ExecutorService writer,
      LongSupplier nanoTime) {
    this.stage = stage;
    this.task = task;
    this.fields = stage.fields();
    this.allocator = allocator;
    this.everyRow = everyRow;
    this.creation = creation;
    this.nanoTime = nanoTime;
    this.startedAt = nanoTime.getAsLong();
    this.lastAppendAt = startedAt;
    this.intervalNanos = stage.checkpointIntervalMs() * 1_000_000;
    this.name = newName();
    this.writer = writer;
  }

  private static ExecutorService thread(TaskSpec task) {
    return Executors.newSingleThreadExecutor(
        work -> {
          Thread thread = new Thread(work, "lance-backfill-checkpoint-" + task.fragmentId());
          thread.setDaemon(true);
          return thread;
        });
  }

  private String newName() {
    return "%d-%d-%s"
        .formatted(task.fragmentId(), task.start(), UUID.randomUUID().toString().substring(0, 8));
  }

  /**
   * Notes finished rows; the batch stays the caller's. Writes when a checkpoint is due. Rows on
   * which the function failed are not kept: whoever comes next tries them again.
   */
  void offer(OffsetBatch batch) {
    List<OffsetBatch> good = batch.retainGood(allocator);
    pending.addAll(good);
    pendingBytes += good.isEmpty() ? 0 : batch.bytes();
    long now = nanoTime.getAsLong();
    boolean interval = now - lastAppendAt >= intervalNanos;
    boolean full = pendingBytes >= (everyRow ? RANGE_FLUSH_BYTES : MAX_PENDING_BYTES);
    boolean worthIt = everyRow || now - startedAt >= intervalNanos;
    if (full && !worthIt) {
      dropPending();
    } else if (worthIt && (interval || full) && !pending.isEmpty()) {
      boolean busy = running != null && !running.isDone();
      if (!busy || full) {
        append();
      }
    }
  }

  /** Writes what is left and waits: afterwards every row that was offered is kept. */
  void finish() {
    if (!pending.isEmpty()) {
      append();
    }
    await();
  }

  /**
   * Keeps the finished rows of a task that fails or is killed, if they took longer than it takes to
   * keep them. What goes wrong with that is added to the task's failure.
   */
  void keepWhatIsFinished(Exception failure) {
    boolean worthIt = everyRow || nanoTime.getAsLong() - startedAt >= WORTH_KEEPING_NANOS;
    if (pending.isEmpty() || !worthIt || Thread.currentThread().isInterrupted()) {
      return;
    }
    try {
      finish();
    } catch (RuntimeException e) {
      failure.addSuppressed(e);
    }
  }

  /** Name of the dataset, or null if nothing was written. */
  @Nullable String name() {
    return written.isEmpty() ? null : name;
  }

  RoaringBitmap written() {
    return written;
  }

  /** Why a checkpoint could not be written; null if all were. To be asked after close. */
  @Nullable String note() {
    return failure == null ? null : String.valueOf(failure.getMessage());
  }

  /** Size of the data files that were written. To be asked after finish or close. */
  long bytes() {
    return dataset == null ? 0 : dataset.bytes();
  }

  private void append() {
    await();
    List<OffsetBatch> rows = pending;
    pending = new ArrayList<>();
    pendingBytes = 0;
    lastAppendAt = nanoTime.getAsLong();
    if (++appends % APPENDS_BEFORE_DOUBLING == 0) {
      intervalNanos *= 2;
    }
    rows.forEach(batch -> written.add(batch.offsets()));
    running = writer.submit(() -> write(rows));
  }

  private void write(List<OffsetBatch> rows) {
    int[] offsets = rows.stream().flatMapToInt(batch -> Arrays.stream(batch.offsets())).toArray();
    try (VectorSchemaRoot values = concatenate(rows, offsets.length)) {
      if (dataset == null) {
        // Not the name of one whose creation failed, and may have happened.
        name = newName();
        dataset =
            creation.create(
                stage.checkpoints().child(name + ".lance"),
                fields,
                Map.of(
                    CheckpointStore.INPUTS, task.inputs(),
                    CheckpointStore.GENERATION, stage.generation(),
                    CheckpointStore.JOB_ID, stage.jobId()));
      }
      dataset.append(offsets, values);
    } finally {
      rows.forEach(OffsetBatch::close);
    }
  }

  /** One batch for one commit: the rows of all. */
  private VectorSchemaRoot concatenate(List<OffsetBatch> rows, int count) {
    VectorSchemaRoot root = VectorSchemaRoot.create(new Schema(fields), allocator);
    try {
      // Not allocated, a vector of strings or lists has no first offset to append behind.
      for (FieldVector vector : root.getFieldVectors()) {
        vector.setInitialCapacity(count);
        vector.allocateNew();
      }
      for (OffsetBatch batch : rows) {
        for (int i = 0; i < fields.size(); i++) {
          VectorBatchAppender.batchAppend(root.getVector(i), batch.values().get(i));
        }
      }
      root.setRowCount(count);
      return root;
    } catch (RuntimeException e) {
      root.close();
      throw e;
    }
  }

  private void await() {
    if (running == null) {
      return;
    }
    try {
      running.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DatasetException(
          DatasetException.Kind.INTERRUPTED,
          stage.checkpoints(),
          "Interrupted while a checkpoint of fragment %d was written.".formatted(task.fragmentId()),
          e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause && !everyRow) {
        failure = cause;
        intervalNanos *= 2;
        return;
      }
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new IllegalStateException("A checkpoint could not be written", e.getCause());
    } finally {
      running = null;
    }
  }

  private void dropPending() {
    pending.forEach(OffsetBatch::close);
    pending = new ArrayList<>();
    pendingBytes = 0;
  }

  @Override
  public void close() {
    writer.shutdown();
    // The writer's rows are its own: wait for it, so that nothing is freed under its hands.
    boolean interrupted = false;
    while (true) {
      try {
        if (writer.awaitTermination(1, java.util.concurrent.TimeUnit.MINUTES)) {
          break;
        }
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    dropPending();
    if (running != null && !everyRow && !interrupted) {
      await();
    }
    if (dataset != null) {
      dataset.close();
    }
  }

  static BufferAllocator childAllocator(TaskSpec task) {
    return LanceAllocator.root()
        .newChildAllocator("backfill-" + task.fragmentId() + "-" + task.start(), 0, Long.MAX_VALUE);
  }
}
