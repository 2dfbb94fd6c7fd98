package io.lancebackfill.datasource.arrow;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;

/**
 * How columns are to be encoded in Lance files.
 *
 * <p>Lance 4.0.0 cannot be trusted with lists in its usual encoding of formats 2.1 and 2.2: a long
 * run of empty or null ones before others, which is what a column filled in parts looks like, takes
 * the whole JVM down when it is written as 2.1 ("chunk_bytes <= max_chunk_size"), and comes back
 * with an error or with wrong values from 2.2. Its full-zip encoding does well for lists of plain
 * values, booleans excepted (writing them takes the JVM down). Lists below or above a struct or
 * another list cannot be read again in either encoding, as their values are, and may take the JVM
 * down. Format 2.0 has none of that. What is said of a column holds for all below it; what its
 * children say is not heard.
 */
public final class LanceEncoding {
  private static final String STRUCTURAL_ENCODING = "lance-encoding:structural-encoding";
  private static final String FULL_ZIP = "fullzip";

  private LanceEncoding() {}

  /**
   * Metadata that a column's field needs in the table: whoever writes the column there, a
   * compaction for example, encodes it so.
   */
  public static Map<String, String> metadata(Field column, String storageVersion) {
    return isFragile(storageVersion) && holdsList(column) && isListOfPlainValues(column)
        ? Map.of(STRUCTURAL_ENCODING, FULL_ZIP)
        : Map.of();
  }

  /** Whether no encoding of such a column both writes and reads it safely. */
  public static boolean isUnsafe(Field column, String storageVersion) {
    return isFragile(storageVersion) && holdsList(column) && !isListOfPlainValues(column);
  }

  private static boolean isFragile(String storageVersion) {
    return !storageVersion.equals("2.0") && !storageVersion.startsWith("0.");
  }

  /**
   * The column's field with the metadata that files need and no other: what it says of extension
   * types and encodings, and {@link #metadata} unless it names an encoding itself.
   */
  public static Field forFile(Field column, String storageVersion) {
    Field bare = withFileMetadata(column);
    Map<String, String> metadata = new HashMap<>(metadata(column, storageVersion));
    metadata.putAll(bare.getMetadata());
    FieldType type =
        new FieldType(bare.isNullable(), bare.getType(), bare.getDictionary(), metadata);
    return new Field(bare.getName(), type, bare.getChildren());
  }

  private static Field withFileMetadata(Field field) {
    Map<String, String> metadata = new HashMap<>();
    field
        .getMetadata()
        .forEach(
            (key, value) -> {
              if (key.startsWith("lance-encoding:") || key.startsWith("ARROW:extension:")) {
                metadata.put(key, value);
              }
            });
    List<Field> children =
        field.getChildren().stream().map(LanceEncoding::withFileMetadata).toList();
    FieldType type =
        new FieldType(field.isNullable(), field.getType(), field.getDictionary(), metadata);
    return new Field(field.getName(), type, children);
  }

  private static boolean isList(Field field) {
    ArrowType type = field.getType();
    return type instanceof ArrowType.List
        || type instanceof ArrowType.LargeList
        || type instanceof ArrowType.Map;
  }

  private static boolean holdsList(Field field) {
    return isList(field) || field.getChildren().stream().anyMatch(LanceEncoding::holdsList);
  }

  private static boolean isListOfPlainValues(Field field) {
    Field item = field.getChildren().get(0);
    return isList(field)
        && item.getChildren().isEmpty()
        && !(item.getType() instanceof ArrowType.Bool);
  }
}
