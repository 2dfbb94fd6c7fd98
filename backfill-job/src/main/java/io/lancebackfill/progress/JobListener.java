package io.lancebackfill.progress;

import io.lancebackfill.state.JobCounts;
import io.lancebackfill.state.JobStatus;
import java.time.Duration;

/** Is told what happens in a job: the console, the log and whatever shows jobs. */
public interface JobListener {
  /**
   * The job knows what it has to do.
   *
   * @param rowsToCompute rows on which the function will run
   * @param slots tasks that run at once
   */
  void planned(JobInfo job, JobCounts counts, long rowsToCompute, int slots);

  /**
   * Called several times a second while tasks run; {@code rowsDone} counts unfinished tasks too.
   */
  void running(JobInfo job, JobCounts counts, long rowsDone, long rowsToCompute, Duration elapsed);

  /** A commit has attached files; {@code counts} are the new totals. */
  void committed(JobInfo job, JobCounts counts, long version);

  /** Something a user should know, in a sentence. */
  void notice(JobInfo job, String message);

  /** The job is over. */
  void ended(JobInfo job, JobStatus status, JobCounts counts, Duration elapsed, String message);

  /**
   * Which job it is.
   *
   * @param table as the caller named it
   * @param column name of the column, or the names of a group with commas
   */
  record JobInfo(String jobId, String table, String column) {}
}
