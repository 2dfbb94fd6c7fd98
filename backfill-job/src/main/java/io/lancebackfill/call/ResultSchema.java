package io.lancebackfill.call;

import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructType;

/** Builds result columns. */
public final class ResultSchema {
  private StructType type = new StructType();

  public ResultSchema notNull(String name, DataType dataType) {
    type = type.add(name, dataType, false);
    return this;
  }

  public ResultSchema nullable(String name, DataType dataType) {
    type = type.add(name, dataType, true);
    return this;
  }

  public StructType build() {
    return type;
  }
}
