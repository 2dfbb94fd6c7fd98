package io.lancebackfill.benchmarks;

import io.lancebackfill.udf.ColumnUdf;
import java.io.IOException;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * The batches of another reader with a function over them; computes when Lance asks for a batch.
 */
final class ComputedReader extends ArrowReader {
  private final ArrowReader inputs;
  private final ColumnUdf function;
  private final Schema schema;
  private boolean closed;

  /**
   * @param inputs closed with this reader
   */
  ComputedReader(ArrowReader inputs, ColumnUdf function, Schema schema, BufferAllocator allocator) {
    super(allocator);
    this.inputs = inputs;
    this.function = function;
    this.schema = schema;
  }

  @Override
  public boolean loadNextBatch() throws IOException {
    prepareLoadNextBatch();
    if (!inputs.loadNextBatch()) {
      return false;
    }
    VectorSchemaRoot batch = inputs.getVectorSchemaRoot();
    VectorSchemaRoot root = getVectorSchemaRoot();
    try (FieldVector values =
        function.apply(batch.getFieldVectors(), batch.getRowCount(), allocator)) {
      values.makeTransferPair(root.getVector(0)).transfer();
    } catch (IOException | RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IOException(e);
    }
    root.setRowCount(batch.getRowCount());
    return true;
  }

  @Override
  public long bytesRead() {
    return inputs.bytesRead();
  }

  @Override
  protected void closeReadSource() throws IOException {
    // Lance closes a stream when it has read it, and so does who opened it.
    if (!closed) {
      closed = true;
      inputs.close();
    }
  }

  @Override
  protected Schema readSchema() {
    return schema;
  }
}
