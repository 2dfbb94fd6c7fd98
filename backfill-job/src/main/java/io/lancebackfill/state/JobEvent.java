package io.lancebackfill.state;

import java.time.Instant;

/**
 * One line of a job's history. Counters are totals since the job's start.
 *
 * @param event STARTED, PLANNED, ATTEMPT, COMMITTED, LOST, TRACE, ENDED or TIDIED
 * @param status the job's status after the event
 * @param columns names of the columns that the job fills, with commas
 * @param driver id of the driver process that wrote the event
 * @param epoch the lease's epoch under which it was written; a higher one wins
 * @param generation job id that a recompute counts as its own; empty for other jobs
 * @param tableVersion newest version of the table that the job knows
 * @param rowsPlanned rows that the plan would compute
 * @param options the call's options as JSON
 * @param startup seconds until the job's first rows came and what they waited for, as {@code
 *     run.StartTimes} names them; JSON, empty if not known
 * @param message what went wrong or what a user should know; empty if nothing
 */
public record JobEvent(
    String jobId,
    Instant at,
    String event,
    JobStatus status,
    String columns,
    String columnIds,
    String driver,
    long epoch,
    String generation,
    long tableVersion,
    JobCounts counts,
    long rowsPlanned,
    long elapsedMs,
    String options,
    String startup,
    String message) {

  /** The same event with the status of a job of which more is known. */
  public JobEvent withStatus(JobStatus now) {
    return new JobEvent(
        jobId,
        at,
        event,
        now,
        columns,
        columnIds,
        driver,
        epoch,
        generation,
        tableVersion,
        counts,
        rowsPlanned,
        elapsedMs,
        options,
        startup,
        message);
  }

  /** The first event of a job. */
  public static final String STARTED = "STARTED";

  /** The event that says how much there is to do; by then the table's history was followed. */
  public static final String PLANNED = "PLANNED";

  /** Fragments whose computation could take this driver down are about to be begun. */
  public static final String ATTEMPT = "ATTEMPT";

  /** The whole trace, as its message, of the fault that ends the job. */
  public static final String TRACE = "TRACE";

  /** The job is over, whatever its end. */
  public static final String ENDED = "ENDED";

  /** What was done, or left undone, after the end; its message is the job's whole one. */
  public static final String TIDIED = "TIDIED";
}
