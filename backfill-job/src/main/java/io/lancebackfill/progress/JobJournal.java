package io.lancebackfill.progress;

import io.lancebackfill.progress.JobListener.JobInfo;
import io.lancebackfill.state.JobCounts;
import io.lancebackfill.state.JobEvent;
import io.lancebackfill.state.JobRecords;
import io.lancebackfill.state.JobStatus;
import io.lancebackfill.state.RunId;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes one job's history and tells the listener. Neither can fail the job: a line that cannot be
 * written waits for the next one, and is said to be missing.
 *
 * <p>Lines are written in the order in which they come, beside what the job does next; {@link
 * #settle} waits for them. For one thread.
 */
public final class JobJournal {
  private static final Logger LOG = LoggerFactory.getLogger(JobJournal.class);

  /** A commit so soon after the line before it is written with the next: the table tells of it. */
  private static final long WAIT_NANOS = 500_000_000;

  /** Of all jobs of this process; few write at the same time. */
  private static final ExecutorService WRITERS =
      Executors.newCachedThreadPool(
          work -> {
            Thread thread = new Thread(work, "lance-backfill-journal");
            thread.setDaemon(true);
            return thread;
          });

  private static final String UNWRITTEN = "Lines of the job's history could not be written";

  private final JobRecords records;
  private final JobListener listener;
  private final JobInfo info;
  private final RunId run;
  private final String options;
  private final Supplier<String> startup;
  private final long startedNanos = System.nanoTime();
  private long lastWriteAt = startedNanos;
  private final List<JobEvent> unwritten = new ArrayList<>();
  private final Map<String, Trouble> troubles = new LinkedHashMap<>();
  private @Nullable Writing writing;
  private long lastVersion;
  private String endMessage = "";

  /**
   * @param startup what is known of the job's start, as {@link JobEvent} has it
   */
  public JobJournal(
      JobRecords records,
      JobListener listener,
      JobInfo info,
      RunId run,
      String options,
      Supplier<String> startup) {
    this.records = records;
    this.listener = listener;
    this.info = info;
    this.run = run;
    this.options = options;
    this.startup = startup;
  }

  /** The first so many of the lines that are not known to be written, under way. */
  private record Writing(int lines, Future<?> done) {}

  /** Is written together with the plan. */
  public void started(long tableVersion) {
    add(JobEvent.STARTED, JobStatus.RUNNING, tableVersion, JobCounts.NONE, 0, "");
  }

  public void planned(long tableVersion, JobCounts counts, long rowsToCompute, int slots) {
    add(JobEvent.PLANNED, JobStatus.RUNNING, tableVersion, counts, rowsToCompute, "");
    if (counts.fragmentsPlanned() > 0) {
      // Of a job that has nothing to do the end follows at once.
      beginWriting();
    }
    tell(() -> listener.planned(info, counts, rowsToCompute, slots));
  }

  void committed(long tableVersion, JobCounts counts, long rowsToCompute) {
    add("COMMITTED", JobStatus.RUNNING, tableVersion, counts, rowsToCompute, "");
    writeWhatWaits();
    tell(() -> listener.committed(info, counts, tableVersion));
  }

  /** Fragments are about to be begun whose computation could take this driver down. */
  public void attempt(String fragments, JobCounts counts) {
    write(JobEvent.ATTEMPT, JobStatus.RUNNING, lastVersion, counts, 0, fragments);
  }

  /** Processes were lost on a fragment. */
  public void lost(String message, JobCounts counts) {
    write("LOST", JobStatus.RUNNING, lastVersion, counts, 0, message);
    notice(message);
  }

  void running(JobCounts counts, long rowsDone, long rowsToCompute) {
    writeWhatWaits();
    tell(() -> listener.running(info, counts, rowsDone, rowsToCompute, elapsed()));
  }

  public void notice(String message) {
    tell(() -> listener.notice(info, message));
  }

  /**
   * Something that did not work, and that the job does without: said once, and at the end.
   *
   * @param what the same for all troubles of that sort
   * @param cause of this one
   */
  public void trouble(String what, String cause) {
    Trouble before = troubles.get(what);
    if (before == null) {
      troubles.put(what, new Trouble(1, cause));
      notice(what + ": " + cause);
    } else {
      troubles.put(what, new Trouble(before.times() + 1, before.cause()));
    }
  }

  /** How often something did not work, and the first cause. */
  private record Trouble(int times, String cause) {}

  /** The whole trace of the fault that ends the job. */
  public void trace(String trace, long tableVersion, JobCounts counts) {
    write(JobEvent.TRACE, JobStatus.RUNNING, tableVersion, counts, 0, trace);
  }

  /**
   * Records how the job ended, beside what is tidied up afterwards, which changes nothing about it.
   */
  public void ended(JobStatus status, long tableVersion, JobCounts counts, String message) {
    endMessage = message;
    add(JobEvent.ENDED, status, tableVersion, counts, 0, message);
    beginWriting();
  }

  /**
   * Says that the job is over; records the message if it says more than the one at the end did.
   *
   * @return the message, with what did not work
   */
  public String tidied(JobStatus status, long tableVersion, JobCounts counts, String message) {
    settle();
    String all = withTroubles(message);
    if (!all.equals(endMessage) || !unwritten.isEmpty()) {
      write(JobEvent.TIDIED, status, tableVersion, counts, 0, all);
      all = withTroubles(message);
    }
    String told = all;
    tell(() -> listener.ended(info, status, counts, elapsed(), told));
    return all;
  }

  /** Whether all worked so far. */
  public boolean untroubled() {
    return troubles.isEmpty();
  }

  private String withTroubles(String message) {
    List<String> parts = new ArrayList<>();
    if (!message.isEmpty()) {
      parts.add(message);
    }
    troubles.forEach(
        (what, trouble) ->
            parts.add(
                what
                    + (trouble.times() == 1 ? "" : " (" + trouble.times() + " times)")
                    + ": "
                    + trouble.cause()));
    return String.join(" ", parts);
  }

  /** Newest version of the table that a line told of. */
  public long lastVersion() {
    return lastVersion;
  }

  public Duration elapsed() {
    return Duration.ofNanos(System.nanoTime() - startedNanos);
  }

  /** A listener shows a job; it cannot end one. */
  private static void tell(Runnable listener) {
    try {
      listener.run();
    } catch (RuntimeException e) {
      LOG.warn("A listener of a job failed", e);
    }
  }

  private void write(
      String event,
      JobStatus status,
      long tableVersion,
      JobCounts counts,
      long rowsPlanned,
      String message) {
    add(event, status, tableVersion, counts, rowsPlanned, message);
    write();
  }

  private void add(
      String event,
      JobStatus status,
      long tableVersion,
      JobCounts counts,
      long rowsPlanned,
      String message) {
    lastVersion = tableVersion;
    unwritten.add(
        new JobEvent(
            run.jobId(),
            Instant.now().truncatedTo(ChronoUnit.MICROS),
            event,
            status,
            run.column(),
            run.columnIds(),
            run.driver(),
            run.epoch(),
            run.generation(),
            tableVersion,
            counts,
            rowsPlanned,
            elapsed().toMillis(),
            options,
            startup.get(),
            message));
  }

  private void writeWhatWaits() {
    Writing before = writing;
    if (before != null && before.done().isDone()) {
      settle();
    }
    boolean due = System.nanoTime() - lastWriteAt > WAIT_NANOS;
    if (due && writing == null && !unwritten.isEmpty() && !troubles.containsKey(UNWRITTEN)) {
      beginWriting();
    }
  }

  private void write() {
    beginWriting();
    settle();
  }

  private void beginWriting() {
    settle();
    List<JobEvent> lines = List.copyOf(unwritten);
    writing = new Writing(lines.size(), WRITERS.submit(() -> records.append(lines)));
  }

  /** Waits until each line that was to be written is, or could not be. */
  public void settle() {
    Writing begun = writing;
    if (begun == null) {
      return;
    }
    writing = null;
    Throwable failure = failure(begun.done());
    if (failure instanceof Error error) {
      throw error;
    }
    if (failure != null) {
      // Kept for the next line: history must not end what it tells of.
      trouble(UNWRITTEN, String.valueOf(failure.getMessage()));
      return;
    }
    unwritten.subList(0, begun.lines()).clear();
    lastWriteAt = System.nanoTime();
    troubles.remove(UNWRITTEN);
  }

  /** Waits for the end also under an interrupt, which is kept: a line is not given up halfway. */
  private static @Nullable Throwable failure(Future<?> done) {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          done.get();
          return null;
        } catch (ExecutionException e) {
          return e.getCause();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
