package io.lancebackfill.datasource.table;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.lance.Dataset;
import org.lance.schema.LanceField;

/**
 * A field of a table's schema, as Lance knows it.
 *
 * @param id survives renames
 * @param logicalType Lance's name of the type
 */
public record FieldIdentity(int id, String name, String logicalType, List<FieldIdentity> children) {
  /** Metadata key by which Lance's projection takes the id of a field. */
  private static final String FIELD_ID = "lance:field_id";

  private static final String DICTIONARY = "dict:";

  public FieldIdentity {
    children = List.copyOf(children);
  }

  /**
   * The top-level fields of the version that the handle is at, in the order of its schema.
   *
   * @throws DatasetException as classified
   */
  public static List<FieldIdentity> of(DatasetRef ref, Dataset table) {
    List<LanceField> fields;
    try {
      fields = table.getLanceSchema().fields();
    } catch (IllegalArgumentException e) {
      if (!LanceErrorClassifier.dictionaryInSchema(e)) {
        throw e;
      }
      return ManifestFields.read(ref, table.version());
    }
    return fields.stream().map(FieldIdentity::of).toList();
  }

  private static FieldIdentity of(LanceField field) {
    return new FieldIdentity(
        field.getId(),
        field.getName(),
        field.getLogicalType(),
        field.getChildren().stream().map(FieldIdentity::of).toList());
  }

  /** The ids of the field and all fields below it, depth first, its own first. */
  List<Integer> allIds() {
    List<Integer> ids = new ArrayList<>();
    addIds(ids);
    return ids;
  }

  private void addIds(List<Integer> ids) {
    ids.add(id);
    children.forEach(child -> child.addIds(ids));
  }

  /**
   * The Arrow field with its dictionaries. Lance's Java exports of these no more than the type of
   * their codes; here they have the type of their values, and the codes' in their encoding.
   *
   * @param exported this field, as {@link Dataset#getSchema} has it
   */
  public Field withDictionaries(Field exported) {
    if (logicalType.startsWith(DICTIONARY)) {
      ArrowType.Int codes = (ArrowType.Int) exported.getType();
      return new Field(
          exported.getName(),
          new FieldType(
              exported.isNullable(),
              values(logicalType.replaceFirst("^dict:(.*):[^:]*:[^:]*$", "$1")),
              new DictionaryEncoding(id, /* ordered= */ false, codes),
              exported.getMetadata()),
          List.of());
    }
    return children.isEmpty()
        ? exported
        : withChildren(exported, exported.getMetadata(), FieldIdentity::withDictionaries);
  }

  /**
   * The Arrow field with the ids of this one, which has the same fields below it: by them Lance
   * tells, in the schema of a Project, a field that stays from a new one.
   */
  public Field withIds(Field field) {
    Map<String, String> metadata = new HashMap<>(field.getMetadata());
    metadata.put(FIELD_ID, Integer.toString(id));
    return withChildren(field, metadata, FieldIdentity::withIds);
  }

  private interface ChildChange {
    Field apply(FieldIdentity identity, Field child);
  }

  private Field withChildren(Field field, Map<String, String> metadata, ChildChange change) {
    List<Field> changed = new ArrayList<>();
    for (int i = 0; i < field.getChildren().size(); i++) {
      Field child = field.getChildren().get(i);
      // To Lance a fixed-size list of numbers is one field.
      changed.add(children.isEmpty() ? child : change.apply(children.get(i), child));
    }
    return new Field(
        field.getName(),
        new FieldType(field.isNullable(), field.getType(), field.getDictionary(), metadata),
        changed);
  }

  /** The types whose names have no colon: Lance takes no others in a dictionary. */
  private static ArrowType values(String name) {
    return switch (name) {
      case "string" -> ArrowType.Utf8.INSTANCE;
      case "large_string" -> ArrowType.LargeUtf8.INSTANCE;
      case "binary" -> ArrowType.Binary.INSTANCE;
      case "large_binary" -> ArrowType.LargeBinary.INSTANCE;
      case "bool" -> ArrowType.Bool.INSTANCE;
      case "int8" -> new ArrowType.Int(8, true);
      case "int16" -> new ArrowType.Int(16, true);
      case "int32" -> new ArrowType.Int(32, true);
      case "int64" -> new ArrowType.Int(64, true);
      case "uint8" -> new ArrowType.Int(8, false);
      case "uint16" -> new ArrowType.Int(16, false);
      case "uint32" -> new ArrowType.Int(32, false);
      case "uint64" -> new ArrowType.Int(64, false);
      case "halffloat" -> new ArrowType.FloatingPoint(FloatingPointPrecision.HALF);
      case "float" -> new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE);
      case "double" -> new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE);
      case "null" -> ArrowType.Null.INSTANCE;
      default -> throw new IllegalArgumentException("A dictionary of " + name + " is unknown");
    };
  }
}
