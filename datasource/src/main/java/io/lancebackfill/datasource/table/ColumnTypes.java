package io.lancebackfill.datasource.table;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.ByteType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DateType;
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.DoubleType;
import org.apache.spark.sql.types.FloatType;
import org.apache.spark.sql.types.IntegerType;
import org.apache.spark.sql.types.LongType;
import org.apache.spark.sql.types.Metadata;
import org.apache.spark.sql.types.MetadataBuilder;
import org.apache.spark.sql.types.ShortType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.types.TimestampNTZType;
import org.apache.spark.sql.types.TimestampType;
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
  public static Field field(String name, DataType type, int vectorDim, String storageVersion) {
    check(name, type, storageVersion);
    Metadata metadata =
        vectorDim == 0
            ? Metadata.empty()
            : new MetadataBuilder()
                .putLong(LanceArrowUtils.ARROW_FIXED_SIZE_LIST_SIZE_KEY(), vectorDim)
                .build();
    if (vectorDim > 0 && !(type instanceof ArrayType)) {
      throw new DatasetException(
          DatasetException.Kind.INVALID_INPUT,
          ("Column '%s' is to be a vector of %d values, but its expression is of type %s. "
                  + "A vector comes from an array of numbers.")
              .formatted(name, vectorDim, type.catalogString()));
    }
    return nullable(name, LanceArrowUtils.toArrowField(name, type, true, "UTC", metadata));
  }

  /** The nullable field of a column whose Arrow type a function names. */
  public static Field field(String name, Field type, String storageVersion) {
    check(name, LanceArrowUtils.fromArrowField(type), storageVersion);
    return nullable(name, type);
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

  /** The same field with other metadata. */
  public static Field withMetadata(Field field, Map<String, String> metadata) {
    return new Field(
        field.getName(),
        new FieldType(field.isNullable(), field.getType(), field.getDictionary(), metadata),
        field.getChildren());
  }

  /** Everything nullable, and list children named as pylance names them. */
  private static Field nullable(String name, Field field) {
    boolean list =
        field.getType() instanceof ArrowType.List
            || field.getType() instanceof ArrowType.FixedSizeList
            || field.getType() instanceof ArrowType.LargeList;
    List<Field> children = new ArrayList<>();
    for (Field child : field.getChildren()) {
      children.add(nullable(list ? "item" : child.getName(), child));
    }
    return new Field(
        name, new FieldType(true, field.getType(), field.getDictionary(), Map.of()), children);
  }

  private static void check(String name, DataType type, String storageVersion) {
    if (type instanceof ArrayType array) {
      check(name, array.elementType(), storageVersion);
      return;
    }
    if (type instanceof StructType struct) {
      if (storageVersion.equals("2.0") || storageVersion.startsWith("0.")) {
        throw new DatasetException(
            DatasetException.Kind.INVALID_INPUT,
            ("Column '%s' is of type %s, and the table's storage version is %s, in which NULL structs do "
                    + "not survive. Create the table with file_format_version 2.1, or declare a column for "
                    + "each field.")
                .formatted(name, type.catalogString(), storageVersion));
      }
      for (StructField field : struct.fields()) {
        check(name, field.dataType(), storageVersion);
      }
      return;
    }
    boolean known =
        type instanceof BooleanType
            || type instanceof ByteType
            || type instanceof ShortType
            || type instanceof IntegerType
            || type instanceof LongType
            || type instanceof FloatType
            || type instanceof DoubleType
            || type instanceof StringType
            || type instanceof BinaryType
            || type instanceof DateType
            || type instanceof TimestampType
            || type instanceof TimestampNTZType
            || type instanceof DecimalType;
    if (!known) {
      throw new DatasetException(
          DatasetException.Kind.INVALID_INPUT,
          ("Column '%s' would be of type %s, which Lance and Spark do not share. Use numbers, boolean, "
                  + "string, binary, date, timestamp, decimal, and arrays or structs of them; cast or "
                  + "convert the expression.")
              .formatted(name, type.catalogString()));
    }
  }
}
