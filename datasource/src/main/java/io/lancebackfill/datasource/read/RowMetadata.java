package io.lancebackfill.datasource.read;

import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.connector.catalog.MetadataColumn;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;

/** A column that each row has besides those of the table. */
record RowMetadata(String name, DataType dataType, String comment) implements MetadataColumn {
  static final RowMetadata ADDRESS =
      new RowMetadata(
          "_rowaddr",
          DataTypes.LongType,
          "Where the row is stored: fragment id * 2^32 + physical offset");

  static final RowMetadata FRAGMENT =
      new RowMetadata("_fragid", DataTypes.IntegerType, "Id of the fragment that holds the row");

  static final List<RowMetadata> ALL = List.of(ADDRESS, FRAGMENT);

  static Optional<RowMetadata> named(String name) {
    return ALL.stream().filter(column -> column.name().equals(name)).findFirst();
  }

  @Override
  public boolean isNullable() {
    return false;
  }

  StructField field() {
    return DataTypes.createStructField(name, dataType, false);
  }
}
