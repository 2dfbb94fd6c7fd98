package io.lancebackfill.failure;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.DateDayVector;
import org.apache.arrow.vector.DateMilliVector;
import org.apache.arrow.vector.DecimalVector;
import org.apache.arrow.vector.DurationVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.FixedSizeBinaryVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.LargeVarBinaryVector;
import org.apache.arrow.vector.LargeVarCharVector;
import org.apache.arrow.vector.SmallIntVector;
import org.apache.arrow.vector.TimeMilliVector;
import org.apache.arrow.vector.TimeNanoVector;
import org.apache.arrow.vector.TimeStampMicroTZVector;
import org.apache.arrow.vector.TimeStampNanoVector;
import org.apache.arrow.vector.TinyIntVector;
import org.apache.arrow.vector.UInt1Vector;
import org.apache.arrow.vector.UInt4Vector;
import org.apache.arrow.vector.UInt8Vector;
import org.apache.arrow.vector.VarBinaryVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.LargeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.PromotableVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.util.Text;
import org.apache.arrow.vector.util.TransferPair;
import org.junit.jupiter.api.Test;

/** The hash of the bytes that the guide names, whatever the vectors are that hold the values. */
class TestInputHash {
  private static final ArrowType INT32 = new ArrowType.Int(32, true);
  private static final ArrowType FLOAT = new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE);

  private final BufferAllocator allocator = new RootAllocator();

  /** The hash of the canonical bytes themselves; one char is one byte. */
  private static String of(String bytes) {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(bytes.getBytes(ISO_8859_1));
      return HexFormat.of().formatHex(Arrays.copyOf(digest, 16));
    } catch (java.security.NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  private <V extends FieldVector> void check(V vector, String expected, Consumer<V> set) {
    try (vector) {
      vector.allocateNew();
      set.accept(vector);
      vector.setValueCount(1);
      assertThat(InputHash.of(List.of(vector), 0)).isEqualTo(of(expected));
    }
  }

  @Test
  void integersOfAnyWidth() {
    check(new TinyIntVector("v", allocator), "i2:-5", v -> v.set(0, -5));
    check(new SmallIntVector("v", allocator), "i2:-5", v -> v.set(0, -5));
    check(new IntVector("v", allocator), "i2:-5", v -> v.set(0, -5));
    check(new BigIntVector("v", allocator), "i2:-5", v -> v.set(0, -5));
    check(new UInt1Vector("v", allocator), "i3:255", v -> v.set(0, 255));
    check(new UInt4Vector("v", allocator), "i10:4294967295", v -> v.set(0, -1));
    check(new UInt8Vector("v", allocator), "i20:18446744073709551615", v -> v.set(0, -1L));
    check(
        new BigIntVector("v", allocator),
        "i20:-9223372036854775808",
        v -> v.set(0, Long.MIN_VALUE));
    check(new BitVector("v", allocator), "b1:1", v -> v.set(0, 1));
  }

  @Test
  void floatsAsDoubles() {
    check(new Float4Vector("v", allocator), "f8:?\u00f8\0\0\0\0\0\0", v -> v.set(0, 1.5f));
    check(new Float8Vector("v", allocator), "f8:?\u00f8\0\0\0\0\0\0", v -> v.set(0, 1.5));
    check(new Float8Vector("v", allocator), "f8:\u0080\0\0\0\0\0\0\0", v -> v.set(0, -0.0));
    String nan = "f8:\u007f\u00f8\0\0\0\0\0\0";
    check(new Float4Vector("v", allocator), nan, v -> v.set(0, Float.intBitsToFloat(0xffc00001)));
    check(
        new Float8Vector("v", allocator),
        nan,
        v -> v.set(0, Double.longBitsToDouble(0x7ff0000000000001L)));
  }

  @Test
  void decimalsWithTheirScale() {
    check(
        new DecimalVector("v", allocator, 9, 2), "d4:1.50", v -> v.set(0, new BigDecimal("1.50")));
    check(
        new DecimalVector("v", allocator, 38, 0),
        "d31:-100000000000000000000000000000",
        v -> v.set(0, new BigDecimal("-100000000000000000000000000000")));
  }

  @Test
  void textAndBytes() {
    String utf8 = new String("aé".getBytes(UTF_8), ISO_8859_1);
    check(new VarCharVector("v", allocator), "s3:" + utf8, v -> v.setSafe(0, new Text("aé")));
    check(new LargeVarCharVector("v", allocator), "s3:" + utf8, v -> v.setSafe(0, new Text("aé")));
    check(new VarCharVector("v", allocator), "s0:", v -> v.setSafe(0, new byte[0]));
    byte[] bytes = {0, (byte) 0xff};
    check(new VarBinaryVector("v", allocator), "x2:\0\u00ff", v -> v.setSafe(0, bytes));
    check(new LargeVarBinaryVector("v", allocator), "x2:\0\u00ff", v -> v.setSafe(0, bytes));
    check(new FixedSizeBinaryVector("v", allocator, 2), "x2:\0\u00ff", v -> v.set(0, bytes));
  }

  @Test
  void timesInAnyUnit() {
    check(new DateDayVector("v", allocator), "a2:-1", v -> v.set(0, -1));
    check(new DateMilliVector("v", allocator), "a2:-1", v -> v.set(0, -1));
    check(
        new TimeStampMicroTZVector("v", allocator, "UTC"),
        "t13:1000000001000",
        v -> v.set(0, 1_000_000_001L));
    check(
        new TimeStampNanoVector("v", allocator),
        "t13:1000000001000",
        v -> v.set(0, 1_000_000_001_000L));
    check(new TimeMilliVector("v", allocator), "h7:5000000", v -> v.set(0, 5));
    check(new TimeNanoVector("v", allocator), "h7:5000000", v -> v.set(0, 5_000_000));
    Field seconds = Field.nullable("v", new ArrowType.Duration(TimeUnit.SECOND));
    check(new DurationVector(seconds, allocator), "p11:-2000000000", v -> v.set(0, -2));
  }

  @Test
  void listsAndVectors() {
    String expected = "l2:i1:7n0:";
    try (ListVector list = ListVector.empty("v", allocator);
        LargeListVector large = LargeListVector.empty("v", allocator);
        FixedSizeListVector vector = FixedSizeListVector.empty("v", 2, allocator)) {
      for (FieldVector each : List.of(list, large, vector)) {
        IntVector items =
            (IntVector)
                ((PromotableVector) each).addOrGetVector(FieldType.nullable(INT32)).getVector();
        each.allocateNew();
        // Row 1 is the one that is looked at: its elements do not begin at 0.
        items.setSafe(0, 1);
        items.setSafe(1, 2);
        items.setSafe(2, 7);
        items.setNull(3);
        items.setValueCount(4);
      }
      list.startNewValue(0);
      list.endValue(0, 2);
      list.startNewValue(1);
      list.endValue(1, 2);
      list.setValueCount(2);
      large.startNewValue(0);
      large.endValue(0, 2);
      large.startNewValue(1);
      large.endValue(1, 2);
      large.setValueCount(2);
      vector.setNotNull(0);
      vector.setNotNull(1);
      vector.setValueCount(2);
      for (FieldVector each : List.of(list, large, vector)) {
        assertThat(InputHash.of(List.of(each), 1)).isEqualTo(of(expected));
        TransferPair part = each.getTransferPair(allocator);
        part.splitAndTransfer(1, 1);
        try (FieldVector slice = (FieldVector) part.getTo()) {
          assertThat(InputHash.of(List.of(slice), 0)).isEqualTo(of(expected));
        }
      }
    }
  }

  @Test
  void structsFieldByField() {
    try (StructVector struct = StructVector.empty("v", allocator)) {
      struct.addOrGet("n", FieldType.nullable(INT32), IntVector.class).setSafe(0, 3);
      struct.addOrGet("f", FieldType.nullable(FLOAT), Float4Vector.class).setNull(0);
      struct.setIndexDefined(0);
      struct.setNull(1);
      struct.setValueCount(2);
      assertThat(InputHash.of(List.of(struct), 0)).isEqualTo(of("r2:i1:3n0:"));
      assertThat(InputHash.of(List.of(struct), 1)).isEqualTo(of("n0:"));
    }
  }

  @Test
  void severalColumnsCannotRunIntoEachOther() {
    try (VarCharVector a = new VarCharVector("a", allocator);
        VarCharVector b = new VarCharVector("b", allocator)) {
      for (VarCharVector each : List.of(a, b)) {
        each.allocateNew();
        each.setSafe(1, new Text("s1:x"));
        each.setValueCount(2);
      }
      assertThat(InputHash.of(List.of(a, b), 0)).isEqualTo(of("n0:n0:"));
      assertThat(InputHash.of(List.of(a, b), 1)).isEqualTo(of("s4:s1:xs4:s1:x"));
    }
  }
}
