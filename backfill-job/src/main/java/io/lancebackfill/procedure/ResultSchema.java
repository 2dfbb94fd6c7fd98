package io.lancebackfill.procedure;

import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructType;

/** Builds result columns. */
final class ResultSchema {
  private StructType type = new StructType();

  ResultSchema notNull(String name, DataType dataType) {
    type = type.add(name, dataType, false);
    return this;
  }

  ResultSchema nullable(String name, DataType dataType) {
    type = type.add(name, dataType, true);
    return this;
  }

  StructType build() {
    return type;
  }
}
