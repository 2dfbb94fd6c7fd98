package io.lancebackfill.datasource.catalog;

import java.io.IOException;
import java.io.Serializable;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.apache.arrow.c.ArrowArrayStream;
import org.apache.arrow.c.Data;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.write.DataWriter;
import org.apache.spark.sql.connector.write.DataWriterFactory;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;
import org.lance.Fragment;
import org.lance.FragmentMetadata;
import org.lance.WriteFragmentBuilder;
import org.lance.WriteParams;
import org.lance.WriteParams.WriteMode;
import org.lance.io.StorageOptionsProvider;
import org.lance.spark.LanceRuntime;
import org.lance.spark.LanceSparkWriteOptions;
import org.lance.spark.write.ArrowBatchWriteBuffer;
import org.lance.spark.write.LanceDataWriter;
import org.lance.spark.write.QueuedArrowBatchWriteBuffer;
import org.lance.spark.write.SemaphoreArrowBatchWriteBuffer;

/**
 * Writes a task's rows with lance-spark's own writer, but always as if for a new table: Lance
 * refuses files without all of the table's columns otherwise. Crosses to the executors.
 */
final class IngestWriterFactory implements DataWriterFactory {
  private static final long serialVersionUID = 1L;

  private final StructType schema;
  private final LanceSparkWriteOptions options;
  private final @Nullable Map<String, String> storageOptions;
  private final @Nullable String namespaceImpl;
  private final @Nullable Map<String, String> namespaceProperties;
  private final @Nullable List<String> tableId;

  IngestWriterFactory(
      StructType schema,
      LanceSparkWriteOptions options,
      @Nullable Map<String, String> storageOptions,
      @Nullable String namespaceImpl,
      @Nullable Map<String, String> namespaceProperties,
      @Nullable List<String> tableId) {
    this.schema = schema;
    this.options = options;
    this.storageOptions = storageOptions;
    this.namespaceImpl = namespaceImpl;
    this.namespaceProperties = namespaceProperties;
    this.tableId = tableId;
  }

  /** What one task wrote. */
  record WrittenFragments(List<FragmentMetadata> fragments)
      implements WriterCommitMessage, Serializable {}

  @Override
  public DataWriter<InternalRow> createWriter(int partitionId, long taskId) {
    ArrowBatchWriteBuffer rows =
        options.isUseQueuedWriteBuffer()
            ? new QueuedArrowBatchWriteBuffer(
                schema, options.getBatchSize(), options.getQueueDepth())
            : new SemaphoreArrowBatchWriteBuffer(schema, options.getBatchSize());
    FutureTask<List<FragmentMetadata>> writing = rows.createTrackedTask(() -> write(rows));
    Thread thread = new Thread(writing, "lance-ingest-" + partitionId);
    thread.setDaemon(true);
    thread.start();
    return new Writer(new LanceDataWriter(rows, writing, thread), writing);
  }

  private List<FragmentMetadata> write(ArrowBatchWriteBuffer rows) {
    try (ArrowArrayStream stream = ArrowArrayStream.allocateNew(LanceRuntime.allocator())) {
      Data.exportArrayStream(LanceRuntime.allocator(), rows, stream);
      WriteFragmentBuilder writing =
          Fragment.write().datasetUri(options.getDatasetUri()).data(stream).writeParams(params());
      StorageOptionsProvider fresh =
          LanceRuntime.getOrCreateStorageOptionsProvider(
              namespaceImpl, namespaceProperties, tableId);
      return fresh == null ? writing.execute() : writing.storageOptionsProvider(fresh).execute();
    }
  }

  private WriteParams params() {
    WriteParams.Builder params =
        new WriteParams.Builder()
            .withMode(WriteMode.OVERWRITE)
            .withStorageOptions(
                LanceRuntime.mergeStorageOptions(options.getStorageOptions(), storageOptions));
    if (options.getMaxRowsPerFile() != null) {
      params.withMaxRowsPerFile(options.getMaxRowsPerFile());
    }
    if (options.getMaxRowsPerGroup() != null) {
      params.withMaxRowsPerGroup(options.getMaxRowsPerGroup());
    }
    if (options.getMaxBytesPerFile() != null) {
      params.withMaxBytesPerFile(options.getMaxBytesPerFile());
    }
    if (options.getFileFormatVersion() != null) {
      params.withDataStorageVersion(options.getFileFormatVersion());
    }
    return params.build();
  }

  /** lance-spark's writer, which hands the fragments to us instead of to its own commit. */
  private record Writer(LanceDataWriter writer, FutureTask<List<FragmentMetadata>> writing)
      implements DataWriter<InternalRow> {
    @Override
    public void write(InternalRow row) throws IOException {
      writer.write(row);
    }

    @Override
    public WriterCommitMessage commit() throws IOException {
      writer.commit();
      try {
        return new WrittenFragments(List.copyOf(writing.get()));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("Interrupted while a fragment was written", e);
      } catch (ExecutionException e) {
        throw new IOException("Writing a fragment failed", e);
      }
    }

    @Override
    public void abort() throws IOException {
      writer.abort();
    }

    @Override
    public void close() throws IOException {
      writer.close();
    }
  }
}
