package io.lancebackfill.datasource.read;

import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.Decimal;
import org.apache.spark.sql.vectorized.ColumnVector;
import org.apache.spark.sql.vectorized.ColumnarArray;
import org.apache.spark.sql.vectorized.ColumnarMap;
import org.apache.spark.unsafe.types.UTF8String;

/** Row addresses of a batch, computed from the physical offsets. */
final class RowAddressVector extends ColumnVector {
  private final long base;
  private final int[] offsets;

  RowAddressVector(int fragmentId, int[] offsets) {
    super(DataTypes.LongType);
    this.base = (long) fragmentId << 32;
    this.offsets = offsets;
  }

  @Override
  public void close() {}

  @Override
  public boolean hasNull() {
    return false;
  }

  @Override
  public int numNulls() {
    return 0;
  }

  @Override
  public boolean isNullAt(int row) {
    return false;
  }

  @Override
  public long getLong(int row) {
    return base | offsets[row];
  }

  @Override
  public boolean getBoolean(int row) {
    throw longOnly();
  }

  @Override
  public byte getByte(int row) {
    throw longOnly();
  }

  @Override
  public short getShort(int row) {
    throw longOnly();
  }

  @Override
  public int getInt(int row) {
    throw longOnly();
  }

  @Override
  public float getFloat(int row) {
    throw longOnly();
  }

  @Override
  public double getDouble(int row) {
    throw longOnly();
  }

  @Override
  public ColumnarArray getArray(int row) {
    throw longOnly();
  }

  @Override
  public ColumnarMap getMap(int row) {
    throw longOnly();
  }

  @Override
  public Decimal getDecimal(int row, int precision, int scale) {
    throw longOnly();
  }

  @Override
  public UTF8String getUTF8String(int row) {
    throw longOnly();
  }

  @Override
  public byte[] getBinary(int row) {
    throw longOnly();
  }

  @Override
  public ColumnVector getChild(int ordinal) {
    throw longOnly();
  }

  private static UnsupportedOperationException longOnly() {
    return new UnsupportedOperationException("_rowaddr is a BIGINT column");
  }
}
