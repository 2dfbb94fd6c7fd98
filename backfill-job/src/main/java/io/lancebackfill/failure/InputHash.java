package io.lancebackfill.failure;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import org.apache.arrow.vector.BaseIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.DateDayVector;
import org.apache.arrow.vector.DateMilliVector;
import org.apache.arrow.vector.DurationVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.FixedSizeBinaryVector;
import org.apache.arrow.vector.FloatingPointVector;
import org.apache.arrow.vector.LargeVarBinaryVector;
import org.apache.arrow.vector.LargeVarCharVector;
import org.apache.arrow.vector.TimeMicroVector;
import org.apache.arrow.vector.TimeMilliVector;
import org.apache.arrow.vector.TimeNanoVector;
import org.apache.arrow.vector.TimeSecVector;
import org.apache.arrow.vector.TimeStampVector;
import org.apache.arrow.vector.VarBinaryVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.LargeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;

/**
 * A hash of a row's values that tells whether a function failed on the same input before, and not
 * what it was. It is of the values alone: not of their place, nor of how many bits hold them. The
 * guide says how it is made, so that others can make it.
 */
public final class InputHash {
  private static final int BYTES = 16;
  private static final double ONE_NAN = Double.longBitsToDouble(0x7ff8000000000000L);

  private final MessageDigest digest;

  private InputHash() {
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every Java platform has SHA-256.", e);
    }
  }

  /**
   * The hash of one row.
   *
   * @param columns values of the columns that the function reads, in the order of their names
   * @return 32 hex digits
   */
  public static String of(List<? extends FieldVector> columns, int row) {
    InputHash hash = new InputHash();
    columns.forEach(column -> hash.add(column, row));
    return HexFormat.of().formatHex(Arrays.copyOf(hash.digest.digest(), BYTES));
  }

  private void add(FieldVector vector, int row) {
    if (vector.isNull(row)) {
      add('n', new byte[0]);
    } else if (vector instanceof BitVector bits) {
      add('b', bits.get(row));
    } else if (vector instanceof BaseIntVector integers) {
      add('i', integer(integers, row));
    } else if (vector instanceof FloatingPointVector numbers) {
      double number = numbers.getValueAsDouble(row);
      double one = Double.isNaN(number) ? ONE_NAN : number;
      add('f', ByteBuffer.allocate(Double.BYTES).putDouble(one).array());
    } else if (vector.getField().getType() instanceof ArrowType.Decimal) {
      add('d', ((BigDecimal) Objects.requireNonNull(vector.getObject(row))).toPlainString());
    } else if (!addBytes(vector, row) && !addTime(vector, row) && !addNested(vector, row)) {
      add('o', String.valueOf(vector.getObject(row)));
    }
  }

  private static Object integer(BaseIntVector vector, int row) {
    long value = vector.getValueAsLong(row);
    ArrowType.Int type = (ArrowType.Int) vector.getField().getType();
    if (type.getIsSigned()) {
      return value;
    }
    return type.getBitWidth() == Long.SIZE
        ? Long.toUnsignedString(value)
        : value & (1L << type.getBitWidth()) - 1;
  }

  private boolean addBytes(FieldVector vector, int row) {
    if (vector instanceof VarCharVector text) {
      add('s', text.get(row));
    } else if (vector instanceof LargeVarCharVector text) {
      add('s', text.get(row));
    } else if (vector instanceof VarBinaryVector bytes) {
      add('x', bytes.get(row));
    } else if (vector instanceof LargeVarBinaryVector bytes) {
      add('x', bytes.get(row));
    } else if (vector instanceof FixedSizeBinaryVector bytes) {
      add('x', bytes.get(row));
    } else {
      return false;
    }
    return true;
  }

  private boolean addTime(FieldVector vector, int row) {
    if (vector instanceof DateDayVector days) {
      add('a', days.get(row));
    } else if (vector instanceof DateMilliVector millis) {
      add('a', Math.floorDiv(millis.get(row), 86_400_000L));
    } else if (vector instanceof TimeStampVector instants) {
      ArrowType.Timestamp type = (ArrowType.Timestamp) vector.getField().getType();
      add('t', nanos(instants.get(row), type.getUnit()));
    } else if (vector instanceof DurationVector durations) {
      ArrowType.Duration type = (ArrowType.Duration) vector.getField().getType();
      add('p', nanos(DurationVector.get(durations.getDataBuffer(), row), type.getUnit()));
    } else if (vector instanceof TimeSecVector times) {
      add('h', nanos(times.get(row), TimeUnit.SECOND));
    } else if (vector instanceof TimeMilliVector times) {
      add('h', nanos(times.get(row), TimeUnit.MILLISECOND));
    } else if (vector instanceof TimeMicroVector times) {
      add('h', nanos(times.get(row), TimeUnit.MICROSECOND));
    } else if (vector instanceof TimeNanoVector times) {
      add('h', times.get(row));
    } else {
      return false;
    }
    return true;
  }

  private static BigInteger nanos(long value, TimeUnit unit) {
    long each =
        switch (unit) {
          case SECOND -> 1_000_000_000;
          case MILLISECOND -> 1_000_000;
          case MICROSECOND -> 1_000;
          case NANOSECOND -> 1;
        };
    return BigInteger.valueOf(value).multiply(BigInteger.valueOf(each));
  }

  private boolean addNested(FieldVector vector, int row) {
    if (vector instanceof ListVector list) {
      addAll(list.getDataVector(), list.getElementStartIndex(row), list.getElementEndIndex(row));
    } else if (vector instanceof LargeListVector list) {
      addAll(list.getDataVector(), list.getElementStartIndex(row), list.getElementEndIndex(row));
    } else if (vector instanceof FixedSizeListVector list) {
      addAll(list.getDataVector(), list.getElementStartIndex(row), list.getElementEndIndex(row));
    } else if (vector instanceof StructVector struct) {
      List<FieldVector> fields = struct.getChildrenFromFields();
      begin('r', fields.size());
      fields.forEach(field -> add(field, row));
    } else {
      return false;
    }
    return true;
  }

  private void addAll(FieldVector elements, long start, long end) {
    begin('l', end - start);
    for (long i = start; i < end; i++) {
      add(elements, Math.toIntExact(i));
    }
  }

  private void add(char kind, Object number) {
    add(kind, number.toString().getBytes(UTF_8));
  }

  private void add(char kind, byte[] value) {
    begin(kind, value.length);
    digest.update(value);
  }

  private void begin(char kind, long length) {
    digest.update((kind + Long.toString(length) + ":").getBytes(US_ASCII));
  }
}
