package io.lancebackfill.datasource.table;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.lance.schema.LanceField;

/** Field ids in the schema of a Project, by which Lance tells a field that stays from a new one. */
public final class FieldIds {
  private static final String FIELD_ID = "lance:field_id";

  private FieldIds() {}

  /** The field with the ids of another, which has the same fields below it. */
  public static Field with(Field field, LanceField identity) {
    Map<String, String> metadata = new HashMap<>(field.getMetadata());
    metadata.put(FIELD_ID, Integer.toString(identity.getId()));
    List<Field> children = new ArrayList<>();
    for (int i = 0; i < field.getChildren().size(); i++) {
      Field child = field.getChildren().get(i);
      // To Lance a fixed-size list of numbers is one field.
      children.add(
          identity.getChildren().isEmpty() ? child : with(child, identity.getChildren().get(i)));
    }
    return new Field(
        field.getName(),
        new FieldType(field.isNullable(), field.getType(), field.getDictionary(), metadata),
        children);
  }
}
