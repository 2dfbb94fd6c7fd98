package io.lancebackfill.job;

import static io.lancebackfill.config.BackfillOptions.DRY_RUN;
import static io.lancebackfill.config.BackfillOptions.LEASE_DURATION;
import static io.lancebackfill.config.BackfillOptions.RECOMPUTE;

import io.lancebackfill.context.PodFindings;
import io.lancebackfill.datasource.store.Lease;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.plan.BackfillPlan;
import io.lancebackfill.progress.ConsoleProgress;
import io.lancebackfill.progress.JobJournal;
import io.lancebackfill.progress.JobListener;
import io.lancebackfill.progress.JobListener.JobInfo;
import io.lancebackfill.report.HeldBackNote;
import io.lancebackfill.run.StartTimes;
import io.lancebackfill.state.ColumnOrigins;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.JobCounts;
import io.lancebackfill.state.JobRecords;
import io.lancebackfill.state.JobRecords.Followed;
import io.lancebackfill.state.JobStatus;
import io.lancebackfill.state.RunId;
import io.lancebackfill.state.TableState;
import io.lancebackfill.table.ReadyTag;
import io.lancebackfill.table.StorageErrors;
import io.lancebackfill.table.Tables;
import java.util.OptionalLong;
import org.apache.spark.sql.SparkSession;

/**
 * The backfill of one computed column, or group: checks the call, takes the column's lease, plans,
 * computes, commits, and leaves a record of all that. Interrupted at any moment, the same call goes
 * on from what is finished.
 */
public final class BackfillAction {
  private final SparkSession spark;
  private final BackfillRequest request;
  private final JobListener listener;

  public BackfillAction(SparkSession spark, BackfillRequest request) {
    this(spark, request, new ConsoleProgress(System.err));
  }

  public BackfillAction(SparkSession spark, BackfillRequest request, JobListener listener) {
    this.spark = spark;
    this.request = request;
    this.listener = listener;
  }

  /**
   * @throws BackfillException for whatever keeps the job from its end; what was finished is
   *     committed then
   */
  public BackfillResult run() {
    long started = System.nanoTime();
    CheckedCall call =
        StorageErrors.translate(request.table(), () -> BackfillCheck.call(spark, request));
    boolean dryRun = call.conf().value(DRY_RUN);
    try {
      return dryRun ? dryRun(call, started) : leased(call, times(started));
    } catch (Throwable e) { // Spark's checked exceptions, which Scala does not declare, and errors
      BackfillException coded = JobFailure.coded(request.table(), e);
      throw dryRun ? coded : JobFailure.withId(coded, call.jobId());
    }
  }

  private StartTimes times(long started) {
    return new StartTimes(started, executors -> PodFindings.start(spark.sparkContext(), executors));
  }

  private BackfillResult leased(CheckedCall call, StartTimes start) {
    JobInfo info = new JobInfo(call.jobId(), request.table().name(), call.column().name());
    TableState state = new TableState(request.table().ref());
    OptionalLong passed = passed(call, state);
    if (passed.isPresent()) {
      return nothingToDo(call, info, state, passed.getAsLong());
    }
    try (Lease held =
        JobLease.acquire(
            state.lease(call.column().idKey()),
            call.jobId(),
            call.conf().value(LEASE_DURATION),
            notice -> listener.notice(info, notice))) {
      return new JobRun(spark, request, listener, afterWaiting(call), held, start).run();
    }
  }

  private static OptionalLong passed(CheckedCall call, TableState state) {
    return call.pinned() != null || call.conf().value(RECOMPUTE)
        ? OptionalLong.empty()
        : JobLease.passIfComplete(
            state.lease(call.column().idKey()),
            call.table().version(),
            () -> new ColumnOrigins(state).version());
  }

  /** A job whose records are all that there is of it. */
  private BackfillResult nothingToDo(CheckedCall call, JobInfo info, TableState state, long epoch) {
    TableSnapshot table = call.table();
    RunId id = RunId.passing(call.jobId(), call.column(), epoch);
    JobJournal journal =
        new JobJournal(
            new JobRecords(state), listener, info, id, JobRun.options(request, call), () -> "");
    JobCounts counts = new JobCounts(0, 0, table.fragments().size(), 0, 0, 0, 0, 0);
    journal.started(table.version());
    journal.planned(table.version(), counts, 0, call.slots(spark));
    journal.ended(JobStatus.DONE, table.version(), counts, "");
    if (call.readyTag()) {
      try {
        ReadyTag.move(request.table(), call.column(), table.version());
      } catch (RuntimeException e) {
        journal.trouble("Could not move its ready tag", String.valueOf(e.getMessage()));
      }
    }
    String note = journal.tidied(JobStatus.DONE, table.version(), counts, "");
    return new BackfillResult(
        call.jobId(),
        call.column().name(),
        JobStatus.DONE,
        table.version(),
        counts,
        journal.elapsed().toMillis(),
        /* attachedBy= */ null,
        note);
  }

  /** The call checked again if the column was changed while this driver waited for its lease. */
  private CheckedCall afterWaiting(CheckedCall call) {
    TableSnapshot table = Tables.latest(request.table());
    ComputedColumn now =
        ComputedColumn.of(table, table.present(call.column().columns().get(0)).name());
    boolean same =
        now.fieldIds().equals(call.column().fieldIds())
            && now.fingerprint().equals(call.column().fingerprint())
            && now.require().equals(call.column().require());
    return same ? call.on(table) : BackfillCheck.call(spark, request);
  }

  private BackfillResult dryRun(CheckedCall call, long started) {
    TableSnapshot table = call.table();
    TableState state = new TableState(request.table().ref());
    JobInfo info = new JobInfo(call.jobId(), request.table().name(), call.column().name());
    CheckedCall present = call.presentIn(table);
    Followed followed = new JobRecords(state).followed(call.column().idKey());
    BackfillPlan plan =
        present.plan(
            spark,
            request.table(),
            present.followed(spark, state, followed),
            call.jobId(),
            notice -> listener.notice(info, notice));
    listener.planned(info, plan.counts(), plan.rowsToCompute(), call.slots(spark));
    return new BackfillResult(
        call.jobId(),
        call.column().name(),
        JobStatus.PLANNED,
        table.version(),
        plan.counts(),
        (System.nanoTime() - started) / 1_000_000,
        /* attachedBy= */ null,
        HeldBackNote.of(request.table(), plan.heldBack()));
  }
}
