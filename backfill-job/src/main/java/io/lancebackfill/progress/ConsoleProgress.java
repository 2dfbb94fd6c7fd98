package io.lancebackfill.progress;

import io.lancebackfill.state.JobCounts;
import io.lancebackfill.state.JobStatus;
import java.io.PrintStream;
import java.time.Duration;
import java.util.Locale;
import java.util.function.LongSupplier;

/** Progress as lines for a person, every two seconds while tasks run. */
public final class ConsoleProgress implements JobListener {
  private static final Duration EVERY = Duration.ofSeconds(2);

  private final PrintStream out;
  private final LongSupplier nanoTime;
  private long lastAt;

  public ConsoleProgress(PrintStream out) {
    this(out, System::nanoTime);
  }

  /** With another clock. */
  ConsoleProgress(PrintStream out, LongSupplier nanoTime) {
    this.out = out;
    this.nanoTime = nanoTime;
    this.lastAt = nanoTime.getAsLong();
  }

  @Override
  public void planned(JobInfo job, JobCounts counts, long rowsToCompute, int slots) {
    say(
        job,
        "job %s on %s: %,d rows to compute in %,d fragments%s, %,d fragments need nothing, %d %s",
        job.jobId(),
        job.table(),
        rowsToCompute,
        counts.fragmentsPlanned(),
        counts.rowsFromCheckpoints() == 0
            ? ""
            : String.format(
                Locale.ROOT, " (%,d taken over from earlier work)", counts.rowsFromCheckpoints()),
        counts.fragmentsSkipped(),
        slots,
        slots == 1 ? "slot" : "slots");
    lastAt = nanoTime.getAsLong();
  }

  @Override
  public void running(
      JobInfo job, JobCounts counts, long rowsDone, long rowsToCompute, Duration elapsed) {
    long now = nanoTime.getAsLong();
    if (now - lastAt < EVERY.toNanos()) {
      return;
    }
    lastAt = now;
    double seconds = Math.max(0.001, elapsed.toMillis() / 1000.0);
    double rate = rowsDone / seconds;
    long left = Math.max(0, rowsToCompute - rowsDone);
    String remaining =
        rowsDone <= Math.min(100, rowsToCompute / 100)
            ? "time left unknown"
            : duration(Math.round(left / rate)) + " left";
    say(
        job,
        "%3d %%  %,d of %,d rows, %,d rows/s, %,d of %,d fragments committed, %s",
        rowsToCompute == 0 ? 100 : Math.min(100, 100 * rowsDone / rowsToCompute),
        Math.min(rowsDone, rowsToCompute),
        rowsToCompute,
        Math.round(rate),
        counts.fragmentsCommitted(),
        counts.fragmentsPlanned(),
        remaining);
  }

  @Override
  public void committed(JobInfo job, JobCounts counts, long version) {
    // The next line of running() shows it.
  }

  @Override
  public void notice(JobInfo job, String message) {
    say(job, "%s", message);
  }

  @Override
  public void ended(
      JobInfo job, JobStatus status, JobCounts counts, Duration elapsed, String message) {
    say(
        job,
        "%s in %s: %,d rows computed%s, %,d fragments committed in %,d %s%s",
        status,
        elapsed.toMillis() < 10_000
            ? String.format(Locale.ROOT, "%.1f s", elapsed.toMillis() / 1000.0)
            : duration(elapsed.toSeconds()),
        counts.rowsComputed(),
        counts.rowsFromCheckpoints() == 0
            ? ""
            : String.format(
                Locale.ROOT, " and %,d taken over from earlier work", counts.rowsFromCheckpoints()),
        counts.fragmentsCommitted(),
        counts.commits(),
        counts.commits() == 1 ? "commit" : "commits",
        message.isEmpty() ? "" : ". " + message);
  }

  private void say(JobInfo job, String format, Object... values) {
    out.println("backfill " + job.column() + ": " + String.format(Locale.ROOT, format, values));
  }

  private static String duration(long seconds) {
    if (seconds < 60) {
      return seconds + " s";
    }
    return seconds < 3600
        ? "%d min %02d s".formatted(seconds / 60, seconds % 60)
        : "%d h %02d min".formatted(seconds / 3600, seconds / 60 % 60);
  }
}
