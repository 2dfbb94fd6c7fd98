package io.lancebackfill.datasource.write;

import java.io.IOException;
import java.util.Optional;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Schema;

/** What Lance pulls batches from. It gets the vectors themselves: nothing is copied. */
final class QueueReader extends ArrowReader {
  private final BatchQueue queue;
  private final Schema schema;
  private VectorSchemaRoot current;

  QueueReader(BufferAllocator allocator, BatchQueue queue, Schema schema) {
    super(allocator);
    this.queue = queue;
    this.schema = schema;
    this.current = VectorSchemaRoot.create(schema, allocator);
  }

  @Override
  public boolean loadNextBatch() throws IOException {
    current.close();
    try {
      Optional<VectorSchemaRoot> next = queue.take();
      next.ifPresent(batch -> current = batch);
      return next.isPresent();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("Interrupted while waiting for rows", e);
    }
  }

  @Override
  public VectorSchemaRoot getVectorSchemaRoot() {
    return current;
  }

  @Override
  public long bytesRead() {
    return 0;
  }

  @Override
  protected void closeReadSource() {
    current.close();
  }

  @Override
  protected Schema readSchema() {
    return schema;
  }
}
