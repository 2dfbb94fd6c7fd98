package io.lancebackfill.datasource.commit;

import static java.util.Objects.requireNonNull;

import io.lancebackfill.datasource.table.ColumnTypes;
import io.lancebackfill.datasource.table.FieldIdentity;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.lance.Dataset;

/** The schema in which shadow columns have taken the place of the columns that they stand for. */
final class ShadowSchema {
  private ShadowSchema() {}

  /**
   * The table's schema without the shadows, and with their ids for the columns.
   *
   * @param read the version that the handle is at
   */
  static Schema withoutOld(
      Dataset newest, TableSnapshot read, List<TableColumn> columns, List<TableColumn> shadows) {
    Schema schema = newest.getSchema();
    List<FieldIdentity> identities = FieldIdentity.of(read.ref(), newest);
    Map<Integer, FieldIdentity> byId = new HashMap<>();
    identities.forEach(identity -> byId.put(identity.id(), identity));
    Map<Integer, Integer> shadowOf = new HashMap<>();
    for (int i = 0; i < columns.size(); i++) {
      shadowOf.put(columns.get(i).id(), shadows.get(i).id());
    }
    List<Field> fields = new ArrayList<>();
    for (int i = 0; i < read.columns().size(); i++) {
      TableColumn column = read.columns().get(i);
      FieldIdentity identity = identities.get(i);
      Field field = identity.withDictionaries(schema.getFields().get(i));
      Integer shadow = shadowOf.get(column.id());
      if (shadow != null) {
        Map<String, String> metadata = new HashMap<>(column.metadata());
        metadata.put(TableColumn.PREVIOUS_IDS, column.previousIdsAndOwn());
        fields.add(
            requireNonNull(byId.get(shadow)).withIds(ColumnTypes.withMetadata(field, metadata)));
      } else if (!shadowOf.containsValue(column.id())) {
        fields.add(identity.withIds(field));
      }
    }
    return new Schema(fields, schema.getCustomMetadata());
  }

  /** The field under another name, with other metadata. */
  static Field field(Field like, String name, Map<String, String> metadata) {
    return new Field(
        name,
        new FieldType(like.isNullable(), like.getType(), like.getDictionary(), metadata),
        like.getChildren());
  }
}
