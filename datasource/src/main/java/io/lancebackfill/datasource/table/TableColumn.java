package io.lancebackfill.datasource.table;

import java.io.Serializable;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * One top-level column of a table version.
 *
 * @param id field id of the column itself; survives renames
 * @param name name in this version
 * @param field Arrow type, with the field's metadata
 * @param allIds the ids of the column and all fields below it, depth first, its own first
 */
public record TableColumn(int id, String name, Field field, List<Integer> allIds)
    implements Serializable {

  public TableColumn {
    allIds = List.copyOf(allIds);
  }

  /** The column's metadata, such as {@code computed_column}. */
  public Map<String, String> metadata() {
    return field.getMetadata();
  }

  /**
   * True if the values are blobs, kept outside of the pages: a scan gives their places, not their
   * bytes.
   */
  public boolean isBlob() {
    return "true".equals(metadata().get("lance-encoding:blob"))
        || "lance.blob.v2".equals(metadata().get("ARROW:extension:name"));
  }

  // Arrow's Field is not serializable, its schema message is.
  private Object writeReplace() {
    return new Message(id, name, new Schema(List.of(field)).toByteArray(), allIds);
  }

  private record Message(int id, String name, byte[] schema, List<Integer> allIds)
      implements Serializable {
    private Object readResolve() {
      Field field = Schema.deserialize(ByteBuffer.wrap(schema)).getFields().get(0);
      return new TableColumn(id, name, field, allIds);
    }
  }
}
