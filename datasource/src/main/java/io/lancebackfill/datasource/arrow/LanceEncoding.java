package io.lancebackfill.datasource.arrow;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;

/** How columns are to be encoded in Lance files. */
public final class LanceEncoding {
  private static final String STRUCTURAL_ENCODING = "lance-encoding:structural-encoding";
  private static final String FULL_ZIP = "fullzip";

  private LanceEncoding() {}

  /**
   * The field with the metadata that files need and no other: what it says of extension types and
   * encodings. Lists get the full-zip encoding unless they name one: with the other one Lance 4.0.0
   * takes the whole JVM down when a long run of empty or null lists meets strings ("chunk_bytes <=
   * max_chunk_size"), which is what a column filled in parts looks like. Formats before 2.1 ignore
   * it.
   */
  public static Field forFile(Field field) {
    return forFile(field, holdsList(field));
  }

  private static Field forFile(Field field, boolean fullZip) {
    Map<String, String> metadata = new HashMap<>();
    field
        .getMetadata()
        .forEach(
            (key, value) -> {
              if (key.startsWith("lance-encoding:") || key.startsWith("ARROW:extension:")) {
                metadata.put(key, value);
              }
            });
    if (fullZip) {
      metadata.putIfAbsent(STRUCTURAL_ENCODING, FULL_ZIP);
    }
    List<Field> children =
        field.getChildren().stream().map(child -> forFile(child, fullZip)).toList();
    FieldType type =
        new FieldType(field.isNullable(), field.getType(), field.getDictionary(), metadata);
    return new Field(field.getName(), type, children);
  }

  private static boolean holdsList(Field field) {
    ArrowType type = field.getType();
    return type instanceof ArrowType.List
        || type instanceof ArrowType.LargeList
        || type instanceof ArrowType.Map
        || field.getChildren().stream().anyMatch(LanceEncoding::holdsList);
  }
}
