package io.lancebackfill.datasource.table;

import java.io.Serializable;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
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

  /**
   * Metadata key: the ids that the column had before its values were put under new ones without a
   * change, oldest first, such as {@code 7,8;12,13}. Lance gives them to no other column while this
   * one exists.
   */
  public static final String PREVIOUS_IDS = "lance-backfill.previous-ids";

  public TableColumn {
    allIds = List.copyOf(allIds);
  }

  /** The column's metadata, such as {@code computed_column}. */
  public Map<String, String> metadata() {
    return field.getMetadata();
  }

  /** For each change of ids, oldest first, what {@link #allIds} was before. */
  public List<List<Integer>> previousIds() {
    String text = metadata().getOrDefault(PREVIOUS_IDS, "");
    return text.isEmpty()
        ? List.of()
        : Arrays.stream(text.split(";"))
            .map(ids -> Arrays.stream(ids.split(",")).map(Integer::valueOf).toList())
            .toList();
  }

  /** The value of {@link #PREVIOUS_IDS} for a column that takes this one's place. */
  public String previousIdsAndOwn() {
    return Stream.concat(previousIds().stream(), Stream.of(allIds))
        .map(ids -> ids.stream().map(String::valueOf).collect(Collectors.joining(",")))
        .collect(Collectors.joining(";"));
  }

  /** The id that the column was declared with: stays when its values get new ids. */
  public int originalId() {
    return previousIds().isEmpty() ? id : previousIds().get(0).get(0);
  }

  /** Whether this is the column that has, or had, this id. */
  public boolean hasOrHadId(int topId) {
    return id == topId || previousIds().stream().anyMatch(ids -> ids.get(0) == topId);
  }

  /** The present id of one of the column's fields, known by its present id or an earlier one. */
  public Optional<Integer> presentId(int fieldId) {
    for (List<Integer> ids : previousIds()) {
      int position = ids.indexOf(fieldId);
      if (position >= 0) {
        return Optional.of(allIds.get(position));
      }
    }
    return allIds.contains(fieldId) ? Optional.of(fieldId) : Optional.empty();
  }

  /**
   * The field as its values are read, which is not always how they are stored: blobs are read as
   * bytes.
   */
  public Field readField() {
    return isBlob()
        ? new Field(name, FieldType.nullable(ArrowType.LargeBinary.INSTANCE), List.of())
        : field;
  }

  /** True if the values are blobs, kept outside of the pages: a scan gives their places. */
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
