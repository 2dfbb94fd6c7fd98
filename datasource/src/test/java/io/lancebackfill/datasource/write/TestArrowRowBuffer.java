package io.lancebackfill.datasource.write;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.datasource.table.LanceAllocator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.types.FloatingPointPrecision;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Vectors of all kinds of numbers, from rows in one piece and from others. */
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
          new Kind(new ArrowType.Int(64, true), DataTypes.LongType, List.of(1L, -1L, 1L << 60)));

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 8, 70})
  void keepsNumbersAndNulls(int size) {
    for (Kind kind : KINDS) {
      for (boolean inOnePiece : new boolean[] {true, false}) {
        assertThat(written(kind, size, inOnePiece))
            .as("%s[%d], rows in one piece: %s", kind.spark(), size, inOnePiece)
            .isEqualTo(expected(kind, size));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 4})
  void refusesAVectorOfAnotherLength(int length) {
    Field field = field(KINDS.get(0), 3);
    try (BufferAllocator allocator = LanceAllocator.child("test");
        ArrowRowBuffer buffer = new ArrowRowBuffer(List.of(field), allocator)) {
      Object[] elements = new Object[length];
      InternalRow row = new GenericInternalRow(new Object[] {0L, new GenericArrayData(elements)});
      assertThatThrownBy(() -> buffer.write(row))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "A value of column v has %d elements, and the column's vectors have 3", length);
    }
  }

  /** Row r: NULL if r is a multiple of 7, else a vector with some NULL elements if it is of 5. */
  private static List<Object> vector(Kind kind, int size, int row) {
    if (row % 7 == 0) {
      return null;
    }
    List<Object> elements = new ArrayList<>();
    for (int i = 0; i < size; i++) {
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

  private static List<Object> written(Kind kind, int size, boolean inOnePiece) {
    UnsafeProjection projection =
        UnsafeProjection.create(
            new StructType()
                .add("_rowaddr", DataTypes.LongType)
                .add("v", DataTypes.createArrayType(kind.spark())));
    List<Object> found = new ArrayList<>();
    try (BufferAllocator allocator = LanceAllocator.child("test");
        ArrowRowBuffer buffer = new ArrowRowBuffer(List.of(field(kind, size)), allocator)) {
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
        FieldType.nullable(new ArrowType.FixedSizeList(size)),
        List.of(Field.nullable("item", kind.arrow())));
  }
}
