package io.lancebackfill.datasource.table;

import io.lancebackfill.datasource.arrow.LanceEncoding;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.Metadata;
import org.apache.spark.sql.util.LanceArrowUtils;

/** Arrow fields of computed columns, as Lance stores them and other Lance tools expect them. */
public final class ColumnTypes {
  private ColumnTypes() {}

  /**
   * The nullable Arrow field of a column.
   *
   * @param vectorDim values of each row of an array column that is a vector; 0 for any number
   * @throws DatasetException INVALID_INPUT if Lance or Spark lacks the type
   */
  public static Field field(String name, DataType type, int vectorDim, TableSnapshot table) {
    SupportedTypes.require(name, type, vectorDim, table.storageVersion());
    Field field =
        vectorDim > 0 && type instanceof ArrayType array
            ? new Field(
                name,
                FieldType.nullable(new ArrowType.FixedSizeList(vectorDim)),
                List.of(arrow("item", array.elementType())))
            : arrow(name, type);
    return nullable(name, field, table);
  }

  private static Field arrow(String name, DataType type) {
    return LanceArrowUtils.toArrowField(name, type, true, "UTC", Metadata.empty());
  }

  /** The nullable field of a column whose Arrow type a function names. */
  public static Field field(String name, Field type, TableSnapshot table) {
    SupportedTypes.require(name, LanceArrowUtils.fromArrowField(type), 0, table.storageVersion());
    return nullable(name, type, table);
  }

  /** The Spark type of an Arrow field. */
  public static DataType sparkType(Field field) {
    return LanceArrowUtils.fromArrowField(field);
  }

  /** The type's name in Spark SQL; {@code fixed_size_list<float>[256]} for a vector. */
  public static String name(Field field) {
    DataType type = sparkType(field);
    return field.getType() instanceof ArrowType.FixedSizeList list
            && type instanceof ArrayType array
        ? "fixed_size_list<%s>[%d]"
            .formatted(array.elementType().catalogString(), list.getListSize())
        : type.catalogString();
  }

  /** How many field ids Lance gives to a column: a fixed-size list of numbers is one field. */
  public static int fieldIds(Field field) {
    boolean vector =
        field.getType() instanceof ArrowType.FixedSizeList
            && field.getChildren().get(0).getChildren().isEmpty();
    return vector ? 1 : 1 + field.getChildren().stream().mapToInt(ColumnTypes::fieldIds).sum();
  }

  /** The same field with more metadata. */
  public static Field withMetadata(Field field, Map<String, String> more) {
    Map<String, String> metadata = new HashMap<>(field.getMetadata());
    metadata.putAll(more);
    return new Field(
        field.getName(),
        new FieldType(field.isNullable(), field.getType(), field.getDictionary(), metadata),
        field.getChildren());
  }

  /** Everything nullable, and encoded as the table's format can hold it. */
  private static Field nullable(String name, Field field, TableSnapshot table) {
    Field nullable = nullable(name, field, itemName(table));
    return withMetadata(nullable, LanceEncoding.metadata(nullable, table.storageVersion()));
  }

  /**
   * Items of lists are named as the table's other lists name them. Where it has none, as Spark
   * does: lance-spark's UPDATE and MERGE refuse a table with another name.
   */
  private static String itemName(TableSnapshot table) {
    return table.columns().stream()
        .map(TableColumn::field)
        .filter(ColumnTypes::isList)
        .map(list -> list.getChildren().get(0).getName())
        .findFirst()
        .orElse("element");
  }

  private static boolean isList(Field field) {
    return field.getType() instanceof ArrowType.List
        || field.getType() instanceof ArrowType.LargeList;
  }

  private static Field nullable(String name, Field field, String itemName) {
    boolean vector = field.getType() instanceof ArrowType.FixedSizeList;
    List<Field> children = new ArrayList<>();
    for (Field child : field.getChildren()) {
      String childName = isList(field) ? itemName : vector ? "item" : child.getName();
      children.add(nullable(childName, child, itemName));
    }
    return new Field(
        name, new FieldType(true, field.getType(), field.getDictionary(), Map.of()), children);
  }
}
