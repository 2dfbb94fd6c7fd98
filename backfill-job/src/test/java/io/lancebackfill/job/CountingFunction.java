package io.lancebackfill.job;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF2;
import org.apache.spark.sql.types.DataTypes;

/**
 * A function {@code counting(id, text)} of a session that counts its calls, and fails or takes its
 * time if it is told to. Local sessions only: its state is static.
 */
final class CountingFunction implements UDF2<Long, String, Integer> {
  private static final long serialVersionUID = 1L;

  static final LongAdder CALLS = new LongAdder();

  /** The row on which it fails; none if negative. */
  static volatile long failsAt = -1;

  static volatile long micros;

  /** The row at which somebody else does something, once; none if negative. */
  private static final AtomicLong ACTS_AT = new AtomicLong(-1);

  private static volatile Runnable action = () -> {};

  /** Lets somebody else do something in the middle of a job: when it computes the row. */
  static void at(long id, Runnable does) {
    action = does;
    ACTS_AT.set(id);
  }

  static void register(SparkSession spark) {
    spark.udf().register("counting", new CountingFunction(), DataTypes.IntegerType);
    reset();
  }

  static void reset() {
    failsAt = -1;
    micros = 0;
    ACTS_AT.set(-1);
    CALLS.reset();
  }

  @Override
  public Integer call(Long id, String text) {
    CALLS.increment();
    if (ACTS_AT.compareAndSet(id, -1)) {
      action.run();
    }
    if (micros > 0) {
      LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(micros));
    }
    if (id == failsAt) {
      throw new IllegalArgumentException("row " + id + " is not to my taste");
    }
    return text == null ? null : text.length() + (int) (id % 10);
  }
}
