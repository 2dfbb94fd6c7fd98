package io.lancebackfill.job;

import io.lancebackfill.job.JobListener.JobInfo;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.JobCounts;
import io.lancebackfill.state.JobEvent;
import io.lancebackfill.state.JobRecords;
import io.lancebackfill.state.JobStatus;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** Writes one job's history and tells the listener. */
final class JobJournal {
  private final JobRecords records;
  private final JobListener listener;
  private final JobInfo info;
  private final ComputedColumn column;
  private final String driver;
  private final long epoch;
  private final String generation;
  private final String options;
  private final long startedNanos = System.nanoTime();
  private long lastVersion;

  JobJournal(
      JobRecords records,
      JobListener listener,
      JobInfo info,
      ComputedColumn column,
      String driver,
      long epoch,
      String generation,
      String options) {
    this.records = records;
    this.listener = listener;
    this.info = info;
    this.column = column;
    this.driver = driver;
    this.epoch = epoch;
    this.generation = generation;
    this.options = options;
  }

  void started(long tableVersion) {
    write("STARTED", JobStatus.RUNNING, tableVersion, JobCounts.NONE, 0, "");
  }

  void planned(long tableVersion, JobCounts counts, long rowsToCompute, int slots) {
    write(JobEvent.PLANNED, JobStatus.RUNNING, tableVersion, counts, rowsToCompute, "");
    listener.planned(info, counts, rowsToCompute, slots);
  }

  void committed(long tableVersion, JobCounts counts, long rowsToCompute) {
    write("COMMITTED", JobStatus.RUNNING, tableVersion, counts, rowsToCompute, "");
    listener.committed(info, counts, tableVersion);
  }

  /** Fragments are about to be begun whose computation could take this driver down. */
  void attempt(String fragments, JobCounts counts) {
    write(JobEvent.ATTEMPT, JobStatus.RUNNING, lastVersion, counts, 0, fragments);
  }

  /** Processes were lost on a fragment. */
  void lost(String message, JobCounts counts) {
    write("LOST", JobStatus.RUNNING, lastVersion, counts, 0, message);
    listener.notice(info, message);
  }

  void running(JobCounts counts, long rowsDone, long rowsToCompute) {
    listener.running(info, counts, rowsDone, rowsToCompute, elapsed());
  }

  void notice(String message) {
    listener.notice(info, message);
  }

  /** The whole trace of the fault that ends the job. */
  void trace(String trace, long tableVersion, JobCounts counts) {
    write(JobEvent.TRACE, JobStatus.RUNNING, tableVersion, counts, 0, trace);
  }

  void ended(JobStatus status, long tableVersion, JobCounts counts, String message) {
    write(JobEvent.ENDED, status, tableVersion, counts, 0, message);
    records.compact();
    listener.ended(info, status, counts, elapsed(), message);
  }

  Duration elapsed() {
    return Duration.ofNanos(System.nanoTime() - startedNanos);
  }

  private void write(
      String event,
      JobStatus status,
      long tableVersion,
      JobCounts counts,
      long rowsPlanned,
      String message) {
    lastVersion = tableVersion;
    records.append(
        new JobEvent(
            info.jobId(),
            Instant.now().truncatedTo(ChronoUnit.MICROS),
            event,
            status,
            column.name(),
            column.idKey(),
            driver,
            epoch,
            generation,
            tableVersion,
            counts,
            rowsPlanned,
            elapsed().toMillis(),
            options,
            message));
  }
}
