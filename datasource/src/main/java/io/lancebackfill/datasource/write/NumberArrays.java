package io.lancebackfill.datasource.write;

import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.BaseFixedWidthVector;
import org.apache.arrow.vector.BitVectorHelper;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.types.DateUnit;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeArrayData;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.apache.spark.unsafe.Platform;
import org.jspecify.annotations.Nullable;

/**
 * Writes Spark's arrays of numbers, dates and timestamps into lists or fixed-size lists, a whole
 * array at once where it lies in one piece, as in every row that Spark's generated code makes.
 */
final class NumberArrays {
  /** How one kind of number is laid out, alike in Spark and Arrow. */
  private record Layout(int width, ElementCopy copy) {
    static final Layout BYTE =
        new Layout(1, (from, i, address) -> Platform.putByte(null, address, from.getByte(i)));
    static final Layout SHORT =
        new Layout(2, (from, i, address) -> Platform.putShort(null, address, from.getShort(i)));
    static final Layout INT =
        new Layout(4, (from, i, address) -> Platform.putInt(null, address, from.getInt(i)));
    static final Layout LONG =
        new Layout(8, (from, i, address) -> Platform.putLong(null, address, from.getLong(i)));
    static final Layout FLOAT =
        new Layout(4, (from, i, address) -> Platform.putFloat(null, address, from.getFloat(i)));
    static final Layout DOUBLE =
        new Layout(8, (from, i, address) -> Platform.putDouble(null, address, from.getDouble(i)));
  }

  private interface ElementCopy {
    void copy(ArrayData from, int index, long address);
  }

  /** Where the elements of a row go, and what says so. */
  private interface Lists {
    /**
     * Makes the row a list of so many elements; rows come in order.
     *
     * @return the place of the first
     * @throws IllegalArgumentException if the lists are of another size
     */
    int begin(int row, int count);
  }

  private final Lists lists;
  private final BaseFixedWidthVector elements;
  private final Layout layout;

  private NumberArrays(Lists lists, BaseFixedWidthVector elements, Layout layout) {
    this.lists = lists;
    this.elements = elements;
    this.layout = layout;
  }

  /** Null if the vector is no list of numbers. Its buffers must be allocated. */
  static @Nullable NumberArrays of(FieldVector vector) {
    Lists lists;
    FieldVector elements;
    if (vector instanceof FixedSizeListVector vectors) {
      lists = (row, count) -> begin(vectors, row, count);
      elements = vectors.getDataVector();
    } else if (vector instanceof ListVector arrays && isList(arrays)) {
      lists = (row, count) -> begin(arrays, row, count);
      elements = arrays.getDataVector();
    } else {
      return null;
    }
    Layout layout = layout(elements.getField().getType());
    return layout == null ? null : new NumberArrays(lists, (BaseFixedWidthVector) elements, layout);
  }

  /** A map's vector is a ListVector, too. */
  private static boolean isList(ListVector vector) {
    return vector.getField().getType() instanceof ArrowType.List;
  }

  private static @Nullable Layout layout(ArrowType type) {
    if (type instanceof ArrowType.FloatingPoint number) {
      return switch (number.getPrecision()) {
        case SINGLE -> Layout.FLOAT;
        case DOUBLE -> Layout.DOUBLE;
        case HALF -> null;
      };
    }
    if (type instanceof ArrowType.Int number && number.getIsSigned()) {
      return switch (number.getBitWidth()) {
        case 8 -> Layout.BYTE;
        case 16 -> Layout.SHORT;
        case 32 -> Layout.INT;
        case 64 -> Layout.LONG;
        default -> null;
      };
    }
    if (type instanceof ArrowType.Date date && date.getUnit() == DateUnit.DAY) {
      return Layout.INT;
    }
    if (type instanceof ArrowType.Timestamp time && time.getUnit() == TimeUnit.MICROSECOND) {
      return Layout.LONG;
    }
    return null;
  }

  private static int begin(FixedSizeListVector vectors, int row, int count) {
    int size = vectors.getListSize();
    if (count != size) {
      throw new IllegalArgumentException(
          "A value of column %s has %d elements, and the column's vectors have %d"
              .formatted(vectors.getName(), count, size));
    }
    int first = Math.multiplyExact(row, size);
    vectors.setNotNull(row);
    return first;
  }

  private static int begin(ListVector arrays, int row, int count) {
    int first = arrays.startNewValue(row);
    Math.addExact(first, count);
    arrays.endValue(row, count);
    return first;
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
    int count = array.numElements();
    int first = lists.begin(row, count);
    while (elements.getValueCapacity() < first + count) {
      elements.reAlloc();
    }
    long address = elements.getDataBuffer().memoryAddress() + (long) first * layout.width();
    ArrowBuf validity = elements.getValidityBuffer();
    setAll(validity, first, count);
    if (array instanceof UnsafeArrayData unsafe) {
      copyWhole(unsafe, count, address);
      if (!hasNulls(unsafe, count)) {
        return;
      }
    }
    for (int i = 0; i < count; i++) {
      if (array.isNullAt(i)) {
        BitVectorHelper.unsetBit(validity, first + i);
      } else if (!(array instanceof UnsafeArrayData)) {
        layout.copy().copy(array, i, address + (long) i * layout.width());
      }
    }
  }

  /** Sets bits, whole bytes at once. */
  private static void setAll(ArrowBuf bits, int first, int count) {
    int end = first + count;
    int firstByte = (first + Byte.SIZE - 1) / Byte.SIZE;
    int lastByte = end / Byte.SIZE;
    if (firstByte < lastByte) {
      bits.setOne((long) firstByte, (long) lastByte - firstByte);
    }
    int headEnd = Math.min(end, firstByte * Byte.SIZE);
    for (int i = first; i < headEnd; i++) {
      BitVectorHelper.setBit(bits, i);
    }
    for (int i = Math.max(headEnd, lastByte * Byte.SIZE); i < end; i++) {
      BitVectorHelper.setBit(bits, i);
    }
  }

  /** The numbers lie behind their count and one bit for each, in whole words. */
  private void copyWhole(UnsafeArrayData array, int count, long address) {
    Platform.copyMemory(
        array.getBaseObject(),
        array.getBaseOffset() + UnsafeArrayData.calculateHeaderPortionInBytes(count),
        null,
        address,
        (long) count * layout.width());
  }

  private static boolean hasNulls(UnsafeArrayData array, int count) {
    int end = UnsafeArrayData.calculateHeaderPortionInBytes(count);
    for (int at = Long.BYTES; at < end; at += Long.BYTES) {
      if (Platform.getLong(array.getBaseObject(), array.getBaseOffset() + at) != 0) {
        return true;
      }
    }
    return false;
  }
}
