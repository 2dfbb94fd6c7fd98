package io.lancebackfill.datasource.write;

import io.lancebackfill.datasource.arrow.EmptyOffsets;
import io.lancebackfill.datasource.arrow.FieldLayout;
import io.lancebackfill.datasource.arrow.LanceEncoding;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import io.lancebackfill.datasource.table.LanceLog;
import io.lancebackfill.datasource.table.TableColumn;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.arrow.c.ArrowArrayStream;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.TransferPair;
import org.jspecify.annotations.Nullable;
import org.lance.Fragment;
import org.lance.FragmentMetadata;
import org.lance.WriteFragmentBuilder;
import org.lance.WriteParams.WriteMode;
import org.lance.fragment.DataFile;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Streams one column file of a fragment, covering all its physical rows, into the table's data
 * folder. Lance encodes and writes in a thread of its own while the caller computes the next batch;
 * at most two batches wait. For one caller thread.
 *
 * <p>The file goes through Lance's fragment writer, not its bare file writer. Both take the same
 * time and memory (300 MB of vectors: 2.0 to 2.6 s, 250 MB at most), but only the fragment writer
 * says which field lies in which column of the file, and only it can be stopped: it writes under a
 * temporary name, or as an upload that is not completed, and an abort leaves nothing behind, where
 * closing the file writer always completes the file. The price is that the file's name is known at
 * the end only.
 */
public final class ColumnFileWriter implements AutoCloseable {
  static {
    LanceLog.quieten();
  }

  private static final Logger LOG = LoggerFactory.getLogger(ColumnFileWriter.class);

  /** Of all writers: starting a thread takes as long as writing a small file. */
  private static final ExecutorService THREADS =
      Executors.newCachedThreadPool(
          work -> {
            Thread thread = new Thread(work, "lance-column-file-writer");
            thread.setDaemon(true);
            return thread;
          });

  /** How long an abort waits for Lance to stop; after that its thread ends by itself. */
  private static final long ABORT_SECONDS = 60;

  private final DatasetRef table;
  private final String storageVersion;
  private final List<TableColumn> columns;
  private final BufferAllocator allocator;
  private final Schema schema;
  private final BatchQueue queue = new BatchQueue();
  private final FutureTask<Boolean> writing = new FutureTask<>(this::writeAll, true);
  private long rows;
  private boolean ended;
  private volatile List<FragmentMetadata> written = List.of();

  private ColumnFileWriter(
      DatasetRef table,
      String storageVersion,
      List<TableColumn> columns,
      BufferAllocator allocator) {
    this.table = table;
    this.storageVersion = storageVersion;
    this.columns = List.copyOf(columns);
    this.allocator = allocator;
    this.schema =
        new Schema(
            columns.stream()
                .map(column -> LanceEncoding.forFile(column.field(), storageVersion))
                .map(ColumnFileMark::on)
                .toList());
  }

  /**
   * Begins a file.
   *
   * @param storageVersion the table's: a file of another version is refused at the commit
   * @param columns what the file will hold, in this order
   * @param allocator a descendant of LanceAllocator's root
   * @throws IllegalArgumentException if there is no column
   */
  public static ColumnFileWriter open(
      DatasetRef table,
      String storageVersion,
      List<TableColumn> columns,
      BufferAllocator allocator) {
    if (columns.isEmpty()) {
      throw new IllegalArgumentException("A column file of " + table.display() + " needs a column");
    }
    ColumnFileWriter writer = new ColumnFileWriter(table, storageVersion, columns, allocator);
    THREADS.execute(writer.writing);
    return writer;
  }

  /** An empty batch with the columns of the file, of the writer's allocator; the caller's. */
  public VectorSchemaRoot newBatch() {
    return VectorSchemaRoot.create(schema, allocator);
  }

  /**
   * Hands a batch over: its vectors move out of the given root, which is empty afterwards, and are
   * freed once they are written. Blocks while two batches wait.
   *
   * @throws IllegalArgumentException if the vectors are not of the columns' types; the batch stays
   *     the caller's
   * @throws DatasetException if writing failed, now or earlier
   */
  public void write(VectorSchemaRoot batch) {
    if (ended) {
      throw new IllegalStateException("The column file is finished or closed already");
    }
    requireTypes(batch);
    int count = batch.getRowCount();
    if (count == 0) {
      return;
    }
    VectorSchemaRoot moved = moved(batch, count);
    boolean taken = false;
    try {
      taken = queue.put(moved);
    } catch (InterruptedException e) {
      throw interrupted(e);
    } finally {
      if (!taken) {
        moved.close();
      }
    }
    if (!taken) {
      throw failed();
    }
    rows += count;
  }

  private VectorSchemaRoot moved(VectorSchemaRoot batch, int count) {
    List<FieldVector> vectors = new ArrayList<>();
    for (FieldVector vector : batch.getFieldVectors()) {
      TransferPair transfer = vector.getTransferPair(allocator);
      transfer.transfer();
      FieldVector target = (FieldVector) transfer.getTo();
      EmptyOffsets.repair(target);
      vectors.add(target);
    }
    batch.setRowCount(0);
    VectorSchemaRoot moved = new VectorSchemaRoot(vectors);
    moved.setRowCount(count);
    return moved;
  }

  private void requireTypes(VectorSchemaRoot batch) {
    List<Field> expected = schema.getFields();
    List<Field> found = batch.getSchema().getFields();
    boolean same = expected.size() == found.size();
    for (int i = 0; same && i < expected.size(); i++) {
      same = FieldLayout.same(expected.get(i), found.get(i));
    }
    if (!same) {
      throw new IllegalArgumentException(
          "The column file of "
              + table.display()
              + " holds "
              + expected
              + ", the batch has "
              + found);
    }
  }

  /**
   * Waits until the file is complete.
   *
   * @throws IllegalStateException if no row was written
   * @throws DatasetException if writing failed
   */
  public StagedColumnFile finish() {
    if (ended) {
      throw new IllegalStateException("The column file is finished or closed already");
    }
    if (rows == 0) {
      throw new IllegalStateException(
          "A column file of "
              + table.display()
              + " must have the rows of its fragment; none were"
              + " written");
    }
    ended = true;
    try {
      if (Thread.interrupted()) {
        throw new InterruptedException("before the end of the file");
      }
      queue.end();
      queue.awaitConsumer();
    } catch (InterruptedException e) {
      giveUp();
      throw interrupted(e);
    }
    if (queue.failure().isPresent()) {
      throw failed();
    }
    return staged(written);
  }

  private StagedColumnFile staged(List<FragmentMetadata> fragments) {
    if (fragments.size() != 1 || fragments.get(0).getFiles().size() != 1) {
      throw new DatasetException(
          Kind.OTHER,
          "Lance wrote "
              + fragments.size()
              + " fragments for "
              + rows
              + " rows of one column file"
              + " of "
              + table.display()
              + "; exactly one file was asked for.");
    }
    FragmentMetadata fragment = fragments.get(0);
    if (fragment.getPhysicalRows() != rows) {
      throw new DatasetException(
          Kind.OTHER,
          "The column file of "
              + table.display()
              + " has "
              + fragment.getPhysicalRows()
              + " rows where "
              + rows
              + " were written.");
    }
    DataFile file = fragment.getFiles().get(0);
    // Field ids in the file count from 0, depth first, over all its columns.
    List<Integer> ids = columns.stream().flatMap(column -> column.allIds().stream()).toList();
    Long bytes = file.getFileSizeBytes();
    return new StagedColumnFile(
        file.getPath(),
        Arrays.stream(file.getFields()).mapToObj(ids::get).toList(),
        Arrays.stream(file.getColumnIndices()).boxed().toList(),
        file.getFileMajorVersion(),
        file.getFileMinorVersion(),
        bytes == null ? -1 : bytes,
        rows);
  }

  /** Gives the file up unless it is finished: nothing of it is left behind. */
  @Override
  public void close() {
    if (ended) {
      return;
    }
    ended = true;
    giveUp();
  }

  /** The writing thread uses the caller's allocator: it must be over before that is closed. */
  private void giveUp() {
    queue.abort();
    boolean interrupted = Thread.interrupted();
    try {
      writing.get(ABORT_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      interrupted = true;
    } catch (TimeoutException e) {
      LOG.warn("A column file of {} that is given up is still being written", table.display());
    } catch (ExecutionException e) {
      throw new IllegalStateException(e); // what fails is told of by the queue
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void writeAll() {
    Throwable failure = null;
    try (QueueReader reader = new QueueReader(allocator, queue, schema);
        ArrowArrayStream stream = ArrowArrayStream.allocateNew(allocator)) {
      Data.exportArrayStream(allocator, reader, stream);
      WriteFragmentBuilder builder =
          Fragment.write()
              .datasetUri(table.uri())
              .allocator(allocator)
              .data(stream)
              .mode(WriteMode.OVERWRITE)
              .maxRowsPerFile(Integer.MAX_VALUE)
              .maxBytesPerFile(Long.MAX_VALUE)
              .dataStorageVersion(storageVersion)
              .storageOptions(table.storageOptions());
      written = builder.execute();
    } catch (Throwable e) {
      failure = e;
    } finally {
      queue.consumerDone(failure);
    }
  }

  private DatasetException failed() {
    @Nullable Throwable failure = queue.failure().orElse(null);
    if (failure == null) {
      return new DatasetException(
          Kind.OTHER,
          "The column file of " + table.display() + " ended before all rows were written.");
    }
    return LanceErrorClassifier.classify("write a column file of", table, failure);
  }

  private DatasetException interrupted(InterruptedException cause) {
    Thread.currentThread().interrupt();
    return new DatasetException(
        Kind.INTERRUPTED,
        table,
        "Interrupted while a column file of " + table.display() + " was written; it is given up.",
        cause);
  }
}
