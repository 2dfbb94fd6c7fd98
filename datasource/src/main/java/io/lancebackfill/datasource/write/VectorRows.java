package io.lancebackfill.datasource.write;

import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.BaseFixedWidthVector;
import org.apache.arrow.vector.BitVectorHelper;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeArrayData;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.apache.spark.unsafe.Platform;
import org.jspecify.annotations.Nullable;

/**
 * Writes Spark's arrays of numbers into a fixed-size list, a whole array at once where it lies in
 * one piece, as in every row that Spark's generated code makes.
 */
final class VectorRows {
  /** How one kind of number is laid out, alike in Spark and Arrow. */
  private record Layout(int width, ElementCopy copy) {}

  private interface ElementCopy {
    void copy(ArrayData from, int index, long address);
  }

  private final FixedSizeListVector lists;
  private final BaseFixedWidthVector elements;
  private final int size;
  private final Layout layout;

  private VectorRows(FixedSizeListVector lists, Layout layout) {
    this.lists = lists;
    this.elements = (BaseFixedWidthVector) lists.getDataVector();
    this.size = lists.getListSize();
    this.layout = layout;
  }

  /** Null if the vector is no list of numbers of one size. Its buffers must be allocated. */
  static @Nullable VectorRows of(FieldVector vector) {
    if (!(vector instanceof FixedSizeListVector lists)) {
      return null;
    }
    Layout layout = layout(lists.getDataVector().getField().getType());
    return layout == null ? null : new VectorRows(lists, layout);
  }

  private static @Nullable Layout layout(ArrowType type) {
    if (type instanceof ArrowType.FloatingPoint number) {
      return switch (number.getPrecision()) {
        case SINGLE ->
            new Layout(4, (from, i, address) -> Platform.putFloat(null, address, from.getFloat(i)));
        case DOUBLE ->
            new Layout(
                8, (from, i, address) -> Platform.putDouble(null, address, from.getDouble(i)));
        case HALF -> null;
      };
    }
    if (type instanceof ArrowType.Int number && number.getIsSigned()) {
      return switch (number.getBitWidth()) {
        case 8 ->
            new Layout(1, (from, i, address) -> Platform.putByte(null, address, from.getByte(i)));
        case 16 ->
            new Layout(2, (from, i, address) -> Platform.putShort(null, address, from.getShort(i)));
        case 32 ->
            new Layout(4, (from, i, address) -> Platform.putInt(null, address, from.getInt(i)));
        case 64 ->
            new Layout(8, (from, i, address) -> Platform.putLong(null, address, from.getLong(i)));
        default -> null;
      };
    }
    return null;
  }

  /**
   * Writes one value; rows come in order, each once.
   *
   * @throws IllegalArgumentException if the array has another length than the column's vectors
   */
  void write(int row, InternalRow from, int ordinal) {
    if (from.isNullAt(ordinal)) {
      return; // New buffers are all NULL.
    }
    ArrayData array = from.getArray(ordinal);
    if (array.numElements() != size) {
      throw new IllegalArgumentException(
          "A value of column %s has %d elements, and the column's vectors have %d"
              .formatted(lists.getName(), array.numElements(), size));
    }
    int first = Math.multiplyExact(row, size);
    while (elements.getValueCapacity() < first + size) {
      elements.reAlloc();
    }
    lists.setNotNull(row);
    ArrowBuf values = elements.getDataBuffer();
    long address = values.memoryAddress() + (long) first * layout.width();
    if (array instanceof UnsafeArrayData unsafe) {
      copyWhole(unsafe, address);
    }
    ArrowBuf validity = elements.getValidityBuffer();
    boolean bytewise = size % Byte.SIZE == 0;
    if (bytewise) {
      validity.setOne((long) first / Byte.SIZE, (long) size / Byte.SIZE);
    }
    if (bytewise && array instanceof UnsafeArrayData unsafe && !hasNulls(unsafe)) {
      return;
    }
    for (int i = 0; i < size; i++) {
      if (array.isNullAt(i)) {
        BitVectorHelper.unsetBit(validity, first + i);
      } else {
        BitVectorHelper.setBit(validity, first + i);
        if (!(array instanceof UnsafeArrayData)) {
          layout.copy().copy(array, i, address + (long) i * layout.width());
        }
      }
    }
  }

  /** The numbers lie behind their count and one bit for each, in whole words. */
  private void copyWhole(UnsafeArrayData array, long address) {
    Platform.copyMemory(
        array.getBaseObject(),
        array.getBaseOffset() + UnsafeArrayData.calculateHeaderPortionInBytes(size),
        null,
        address,
        (long) size * layout.width());
  }

  private boolean hasNulls(UnsafeArrayData array) {
    int end = UnsafeArrayData.calculateHeaderPortionInBytes(size);
    for (int at = Long.BYTES; at < end; at += Long.BYTES) {
      if (Platform.getLong(array.getBaseObject(), array.getBaseOffset() + at) != 0) {
        return true;
      }
    }
    return false;
  }
}
