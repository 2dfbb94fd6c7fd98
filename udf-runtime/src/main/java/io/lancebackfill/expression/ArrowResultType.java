package io.lancebackfill.expression;

import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.Metadata;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.ArrowUtils;

/** The type that Spark sees where a column has an Arrow type, fixed-size lists included. */
final class ArrowResultType {
  private ArrowResultType() {}

  /**
   * Converts a type.
   *
   * @throws UnsupportedOperationException if Spark has no such type
   */
  static DataType sparkType(Field field) {
    ArrowType type = field.getType();
    if (type instanceof ArrowType.FixedSizeList
        || type instanceof ArrowType.List
        || type instanceof ArrowType.LargeList) {
      Field item = field.getChildren().get(0);
      return new ArrayType(sparkType(item), item.isNullable());
    }
    if (type instanceof ArrowType.Struct) {
      StructType struct = new StructType();
      for (Field child : field.getChildren()) {
        struct =
            struct.add(
                new StructField(
                    child.getName(), sparkType(child), child.isNullable(), Metadata.empty()));
      }
      return struct;
    }
    return ArrowUtils.fromArrowField(field);
  }
}
