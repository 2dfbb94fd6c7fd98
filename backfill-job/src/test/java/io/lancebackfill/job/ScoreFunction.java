package io.lancebackfill.job;

import io.lancebackfill.udf.ColumnUdf;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;

/**
 * One and a half times its input; throws where that is divisible by 7 or ends in 9, until it is
 * mended. Local sessions only: its state is static.
 */
public final class ScoreFunction implements ColumnUdf {
  /** Rows that it gave values for, or failed on alone. */
  static final LongAdder ROWS = new LongAdder();

  static volatile boolean mended;

  /** The value at which it waits until it is interrupted, or longer; none if negative. */
  static volatile long waitsAt = -1;

  static volatile boolean ignoresInterrupts;

  static void reset() {
    mended = false;
    waitsAt = -1;
    ignoresInterrupts = false;
    ROWS.reset();
  }

  static boolean failsOn(long v) {
    return v % 7 == 0 || v % 10 == 9;
  }

  @Override
  public Field output(List<Field> inputs) {
    return Field.nullable("score", new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE));
  }

  @Override
  public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator allocator)
      throws Exception {
    BigIntVector v = (BigIntVector) inputs.get(0);
    for (int i = 0; i < rows; i++) {
      if (v.get(i) == waitsAt) {
        hang();
      }
    }
    for (int i = 0; i < rows && !mended; i++) {
      if (failsOn(v.get(i))) {
        if (rows == 1) {
          ROWS.increment();
        }
        if (v.get(i) % 7 == 0) {
          throw new IllegalArgumentException("no score for " + v.get(i));
        }
        throw new TimeoutException("slow at " + v.get(i));
      }
    }
    ROWS.add(rows);
    Float8Vector scores = new Float8Vector("score", allocator);
    scores.allocateNew(rows);
    for (int i = 0; i < rows; i++) {
      scores.set(i, v.get(i) * 1.5);
    }
    scores.setValueCount(rows);
    return scores;
  }

  private static void hang() throws InterruptedException {
    while (ignoresInterrupts) {
      Thread.onSpinWait();
    }
    if (waitsAt >= 0) {
      new CountDownLatch(1).await();
    }
  }
}
