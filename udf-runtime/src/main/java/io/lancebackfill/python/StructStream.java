package io.lancebackfill.python;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.VectorUnloader;
import org.apache.arrow.vector.ipc.WriteChannel;
import org.apache.arrow.vector.ipc.message.ArrowFieldNode;
import org.apache.arrow.vector.ipc.message.ArrowRecordBatch;
import org.apache.arrow.vector.ipc.message.MessageSerializer;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Writes batches as Spark's Python workers read them: an Arrow stream whose only column is a struct
 * of all vectors. The vectors' buffers go out as they are.
 */
final class StructStream {
  private static final String STRUCT = "_0";

  private final WriteChannel out;
  private final BufferAllocator allocator;

  StructStream(OutputStream out, BufferAllocator allocator, List<Field> fields) throws IOException {
    this.out = new WriteChannel(Channels.newChannel(out));
    this.allocator = allocator;
    Field struct =
        new Field(STRUCT, FieldType.notNullable(ArrowType.Struct.INSTANCE), List.copyOf(fields));
    MessageSerializer.serialize(this.out, new Schema(List.of(struct)));
  }

  /** Writes {@code rows} values of each vector, which stay the caller's. */
  void write(List<FieldVector> vectors, int rows) throws IOException {
    // Owns no memory of its own: the vectors are closed by those that made them.
    VectorSchemaRoot columns = new VectorSchemaRoot(vectors);
    columns.setRowCount(rows);
    try (ArrowRecordBatch flat = new VectorUnloader(columns).getRecordBatch();
        ArrowBuf noNulls = allocator.getEmpty()) {
      List<ArrowFieldNode> nodes = new ArrayList<>(List.of(new ArrowFieldNode(rows, 0)));
      nodes.addAll(flat.getNodes());
      List<ArrowBuf> buffers = new ArrayList<>(List.of(noNulls));
      buffers.addAll(flat.getBuffers());
      try (ArrowRecordBatch nested = new ArrowRecordBatch(rows, nodes, buffers)) {
        MessageSerializer.serialize(out, nested);
      }
    }
  }

  /** Ends the stream, and leaves what it was written to open. */
  void end() throws IOException {
    out.writeIntLittleEndian(MessageSerializer.IPC_CONTINUATION_TOKEN);
    out.writeIntLittleEndian(0);
  }
}
