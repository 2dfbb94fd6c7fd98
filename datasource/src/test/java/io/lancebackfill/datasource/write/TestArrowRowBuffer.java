package io.lancebackfill.datasource.write;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.datasource.table.LanceAllocator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.types.DateUnit;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.util.GenericArrayData;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Vectors and lists of all kinds of numbers, from rows in one piece and from others. */
class TestArrowRowBuffer {
  private static final int ROWS = 150;

  private record Kind(ArrowType arrow, DataType spark, List<Object> numbers) {}

  private static final List<Kind> KINDS =
      List.of(
          new Kind(
              new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE),
              DataTypes.FloatType,
              List.of(1.5f, Float.NaN, -0f)),
          new Kind(
              new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE),
              DataTypes.DoubleType,
              List.of(1.5, Double.MIN_VALUE, -0.0)),
          new Kind(
              new ArrowType.Int(8, true),
              DataTypes.ByteType,
              List.of((byte) 1, (byte) -128, (byte) 7)),
          new Kind(
              new ArrowType.Int(16, true),
              DataTypes.ShortType,
              List.of((short) 1, (short) -300, (short) 7)),
          new Kind(new ArrowType.Int(32, true), DataTypes.IntegerType, List.of(1, -1, 1 << 30)),
          new Kind(new ArrowType.Int(64, true), DataTypes.LongType, List.of(1L, -1L, 1L << 60)),
          new Kind(
              new ArrowType.Date(DateUnit.DAY),
              DataTypes.DateType,
              List.of(0, Integer.MIN_VALUE, Integer.MAX_VALUE)),
          new Kind(
              new ArrowType.Timestamp(TimeUnit.MICROSECOND, "UTC"),
              DataTypes.TimestampType,
              List.of(0L, Long.MIN_VALUE, Long.MAX_VALUE)));

  /** How long the lists are of which each row has another one; some are empty. */
  private static final int ANY_SIZE = -1;

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 8, 70, ANY_SIZE})
  void keepsNumbersAndNulls(int size) {
    // Vectors are of numbers only.
    for (Kind kind : size == ANY_SIZE ? KINDS : KINDS.subList(0, 6)) {
      for (boolean inOnePiece : new boolean[] {true, false}) {
        for (int room : new int[] {1, 100, ROWS}) {
          assertThat(written(kind, size, inOnePiece, room))
              .as("%s[%d], rows in one piece: %s, %d", kind.spark(), size, inOnePiece, room)
              .isEqualTo(expected(kind, size));
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 4})
  void refusesAVectorOfAnotherLength(int length) {
    Field field = field(KINDS.get(0), 3);
    try (BufferAllocator allocator = LanceAllocator.child("test");
        ArrowRowBuffer buffer = new ArrowRowBuffer(List.of(field), allocator, 1)) {
      Object[] elements = new Object[length];
      InternalRow row = new GenericInternalRow(new Object[] {0L, new GenericArrayData(elements)});
      assertThatThrownBy(() -> buffer.write(row))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "A value of column v has %d elements, and the column's vectors have 3", length);
    }
  }

  @Test
  void takesMemoryForTheRowsThatAreToComeOnceTheyCome() {
    Field field = field(KINDS.get(0), 256);
    try (BufferAllocator allocator = LanceAllocator.child("test");
        ArrowRowBuffer buffer = new ArrowRowBuffer(List.of(field), allocator, 4096)) {
      assertThat(allocator.getAllocatedMemory()).isZero();
      InternalRow row =
          new GenericInternalRow(new Object[] {0L, new GenericArrayData(new float[256])});
      buffer.write(row);
      long room = allocator.getAllocatedMemory();
      assertThat(room).isBetween(4L << 20, 9L << 20);
      for (int i = 1; i < 4096; i++) {
        buffer.write(row);
      }
      assertThat(allocator.getPeakMemoryAllocation()).as("nothing grew").isEqualTo(room);
      buffer.take().forEach(FieldVector::close);
      assertThat(allocator.getAllocatedMemory()).isZero();
    }
  }

  /** One row of 4 MB: no room is made for as many of them as of short ones. */
  @Test
  void longVectorsHaveRoomForThoseThatAreToCome() {
    Field field = field(KINDS.get(0), 1 << 20);
    try (BufferAllocator allocator = LanceAllocator.child("test");
        ArrowRowBuffer buffer = new ArrowRowBuffer(List.of(field), allocator, 1)) {
      InternalRow row =
          new GenericInternalRow(new Object[] {0L, new GenericArrayData(new float[1 << 20])});
      for (int batch = 0; batch < 2; batch++) {
        buffer.write(row);
        assertThat(allocator.getAllocatedMemory()).isLessThan(9L << 20);
        buffer.take().forEach(FieldVector::close);
      }
    }
  }

  /** Their offsets are those of the rows that were taken, and not those before. */
  @Test
  void aBatchOfNullAndEmptyListsHasNoElements() {
    Field field = field(KINDS.get(0), ANY_SIZE);
    try (BufferAllocator allocator = LanceAllocator.child("test");
        ArrowRowBuffer buffer = new ArrowRowBuffer(List.of(field), allocator, 1)) {
      List<Object> found = new ArrayList<>();
      for (Object value : new Object[] {List.of(1.5f), List.of(), null}) {
        for (int i = 0; i < 2; i++) {
          GenericArrayData array =
              value == null ? null : new GenericArrayData(((List<?>) value).toArray());
          buffer.write(new GenericInternalRow(new Object[] {0L, array}));
        }
        take(buffer, found);
      }
      assertThat(found)
          .isEqualTo(Arrays.asList(List.of(1.5f), List.of(1.5f), List.of(), List.of(), null, null));
    }
  }

  /** Row r: NULL if r is a multiple of 7, else a vector with some NULL elements if it is of 5. */
  private static List<Object> vector(Kind kind, int size, int row) {
    if (row % 7 == 0) {
      return null;
    }
    int length = size == ANY_SIZE ? row * 37 % 81 : size;
    List<Object> elements = new ArrayList<>();
    for (int i = 0; i < length; i++) {
      boolean none = row % 5 == 0 && (row + i) % 3 == 0;
      elements.add(none ? null : kind.numbers().get((row + i) % 3));
    }
    return elements;
  }

  private static List<Object> expected(Kind kind, int size) {
    List<Object> rows = new ArrayList<>();
    for (int row = 0; row < ROWS; row++) {
      rows.add(vector(kind, size, row));
    }
    return rows;
  }

  private static List<Object> written(Kind kind, int size, boolean inOnePiece, int room) {
    UnsafeProjection projection =
        UnsafeProjection.create(
            new StructType()
                .add("_rowaddr", DataTypes.LongType)
                .add("v", DataTypes.createArrayType(kind.spark())));
    List<Object> found = new ArrayList<>();
    try (BufferAllocator allocator = LanceAllocator.child("test");
        ArrowRowBuffer buffer = new ArrowRowBuffer(List.of(field(kind, size)), allocator, room)) {
      for (int row = 0; row < ROWS; row++) {
        List<Object> vector = vector(kind, size, row);
        Object[] values = {
          (long) row, vector == null ? null : new GenericArrayData(vector.toArray())
        };
        InternalRow generic = new GenericInternalRow(values);
        buffer.write(inOnePiece ? projection.apply(generic) : generic);
        if (row == 99) {
          take(buffer, found);
        }
      }
      take(buffer, found);
    }
    return found;
  }

  private static void take(ArrowRowBuffer buffer, List<Object> found) {
    for (FieldVector vector : buffer.take()) {
      try (vector) {
        for (int row = 0; row < vector.getValueCount(); row++) {
          List<?> value = (List<?>) vector.getObject(row);
          found.add(value == null ? null : Arrays.asList(value.toArray()));
        }
      }
    }
  }

  private static Field field(Kind kind, int size) {
    return new Field(
        "v",
        FieldType.nullable(
            size == ANY_SIZE ? ArrowType.List.INSTANCE : new ArrowType.FixedSizeList(size)),
        List.of(Field.nullable("item", kind.arrow())));
  }
}
