package io.lancebackfill.commit;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * When finished fragments are committed.
 *
 * @param interval how long a finished fragment waits for its commit at most
 * @param nanoTime the clock, as {@link System#nanoTime}
 */
public record CommitSchedule(
    CommitGranularity granularity, Duration interval, LongSupplier nanoTime) {
  public CommitSchedule(CommitGranularity granularity, Duration interval) {
    this(granularity, interval, System::nanoTime);
  }
}
