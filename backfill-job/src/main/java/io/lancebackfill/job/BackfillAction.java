package io.lancebackfill.job;

import static io.lancebackfill.config.BackfillOptions.CHECKPOINT_INTERVAL;
import static io.lancebackfill.config.BackfillOptions.COMMIT_GRANULARITY;
import static io.lancebackfill.config.BackfillOptions.COMMIT_INTERVAL;
import static io.lancebackfill.config.BackfillOptions.CONCURRENCY;
import static io.lancebackfill.config.BackfillOptions.DRY_RUN;
import static io.lancebackfill.config.BackfillOptions.LEASE_DURATION;
import static io.lancebackfill.config.BackfillOptions.RECOMPUTE;

import io.lancebackfill.commit.CommitCoordinator;
import io.lancebackfill.commit.StagedFragment;
import io.lancebackfill.datasource.commit.ColumnFileCommitter;
import io.lancebackfill.datasource.commit.Refusal;
import io.lancebackfill.datasource.store.Lease;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.RemoteTrace;
import io.lancebackfill.error.RootCause;
import io.lancebackfill.job.JobListener.JobInfo;
import io.lancebackfill.plan.BackfillPlan;
import io.lancebackfill.plan.HistoryWalk;
import io.lancebackfill.run.Admission;
import io.lancebackfill.run.JobTasks;
import io.lancebackfill.run.LiveRows;
import io.lancebackfill.run.TaskCutter;
import io.lancebackfill.run.TaskRunner;
import io.lancebackfill.run.TaskSpec;
import io.lancebackfill.state.CheckpointStore;
import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.ColumnOrigins;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.JobCounts;
import io.lancebackfill.state.JobEvent;
import io.lancebackfill.state.JobRecords;
import io.lancebackfill.state.JobStatus;
import io.lancebackfill.state.Json;
import io.lancebackfill.state.TableState;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.apache.spark.sql.SparkSession;

/**
 * The backfill of one computed column, or group: checks the call, takes the column's lease, plans,
 * computes, commits, and leaves a record of all that. Interrupted at any moment, the same call goes
 * on from what is finished.
 */
public final class BackfillAction {
  /** How often a job plans anew for fragments that others changed under its hands. */
  private static final int ROUNDS = 3;

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
    return StorageErrors.translate(
        request.table(),
        () -> {
          CheckedCall call = CheckedCall.of(spark, request);
          if (call.conf().value(DRY_RUN)) {
            return dryRun(call, started);
          }
          JobInfo info = new JobInfo(call.jobId(), request.table().name(), call.column().name());
          TableState state = new TableState(request.table().ref());
          Duration lease = call.conf().value(LEASE_DURATION);
          try (Lease held =
              JobLease.acquire(
                  state.lease(call.column().idKey()),
                  call.jobId(),
                  lease,
                  notice -> listener.notice(info, notice))) {
            return run(afterWaiting(call), info, state, held);
          }
        });
  }

  /** The call checked again if the column was changed while this driver waited for its lease. */
  private CheckedCall afterWaiting(CheckedCall call) {
    TableSnapshot table = Tables.latest(request.table());
    ComputedColumn now = ComputedColumn.of(table, request.column());
    boolean same =
        now.fieldIds().equals(call.column().fieldIds())
            && now.fingerprint().equals(call.column().fingerprint());
    return same ? call.on(table) : CheckedCall.of(spark, request);
  }

  private BackfillResult dryRun(CheckedCall call, long started) {
    TableSnapshot table = call.table();
    TableState state = new TableState(request.table().ref());
    JobInfo info = new JobInfo(call.jobId(), request.table().name(), call.column().name());
    CheckedCall present = call.presentIn(table);
    long followedTo = new JobRecords(state).followedTo(call.column().idKey());
    BackfillPlan plan =
        present.plan(
            request.table(),
            table,
            present.followed(spark, table, state, followedTo),
            call.jobId(),
            notice -> listener.notice(info, notice));
    JobCounts counts =
        new JobCounts(
            plan.fragments().size(), 0, plan.fragmentsSkipped(), 0, takenOver(plan), 0, 0, 0);
    listener.planned(info, counts, plan.rowsToCompute(), call.slots(spark));
    return new BackfillResult(
        call.jobId(),
        JobStatus.PLANNED,
        table.version(),
        counts,
        (System.nanoTime() - started) / 1_000_000,
        /* attachedBy= */ null,
        HeldBackNote.of(request.table(), plan.heldBack()));
  }

  private BackfillResult run(CheckedCall call, JobInfo info, TableState state, Lease lease) {
    ComputedColumn column = call.column();
    JobRecords records = new JobRecords(state);
    ColumnOrigins origins = new ColumnOrigins(state);
    boolean recompute = call.conf().value(RECOMPUTE);
    List<JobEvent> before = records.eventsOn(column.idKey());
    String generation = recompute ? generation(JobRecords.last(before), call) : "";
    JobJournal journal =
        new JobJournal(
            records,
            listener,
            info,
            column,
            lease.holder().driver(),
            lease.epoch(),
            generation,
            Json.write(texts(request.options())));
    JobTotals totals = new JobTotals(journal, new AttachmentNotes(request.table(), column));
    TableSnapshot table =
        Tables.repaired(request.table(), call.table(), column.presentIn(call.table()).columns());
    String tag = "lance-backfill-" + column.idKey();
    Tables.tag(request.table(), tag, call.inputs(table).version());
    journal.started(table.version());
    try (LiveRows live = new LiveRows(spark.sparkContext())) {
      JobOutcome outcome =
          rounds(call.on(table), state, lease, journal, totals, origins, generation, live, before);
      TableSnapshot newest = Tables.latest(request.table());
      CheckedCall present = call.presentIn(newest);
      CheckpointCleaner checkpoints = new CheckpointCleaner(state, present.column());
      if (outcome.everyRow() && call.where() == null) {
        checkpoints.dropAll();
      } else {
        checkpoints.dropThoseInTable(
            newest, call.inputs(newest), present.bound().inputs(), origins.byPath(column.idKey()));
      }
      origins.compact();
      String note = totals.attachments().finish(newest, outcome.message());
      journal.ended(outcome.status(), outcome.version(), totals.counts(), note);
      return new BackfillResult(
          call.jobId(),
          outcome.status(),
          outcome.version(),
          totals.counts(),
          journal.elapsed().toMillis(),
          totals.attachments().attachedBy(),
          note);
    } catch (RuntimeException e) {
      BackfillException failure = coded(e);
      if (lease.held()) {
        try {
          RemoteTrace.in(e)
              .or(() -> failure == e ? Optional.empty() : Optional.of(RemoteTrace.text(e)))
              .ifPresent(trace -> journal.trace(trace, table.version(), totals.counts()));
          journal.ended(JobStatus.FAILED, table.version(), totals.counts(), failure.getMessage());
        } catch (RuntimeException onRecord) {
          failure.addSuppressed(onRecord);
        }
      }
      throw new BackfillException(
          failure.code(),
          failure.problem() + "\nJob " + call.jobId() + "; see job and jobs.",
          failure);
    } finally {
      untag(tag, journal);
    }
  }

  /** A tag that stays does no harm: the next job on the column moves it, and clean removes it. */
  private void untag(String tag, JobJournal journal) {
    try {
      LanceTables.untag(request.table().ref(), tag);
    } catch (DatasetException e) {
      journal.notice("the tag %s stays behind: %s".formatted(tag, e.getMessage()));
    }
  }

  private JobOutcome rounds(
      CheckedCall checked,
      TableState state,
      Lease lease,
      JobJournal journal,
      JobTotals totals,
      ColumnOrigins origins,
      String generation,
      LiveRows live,
      List<JobEvent> before) {
    FragmentLosses losses = new FragmentLosses(before, checked.column(), journal, totals);
    long followedTo = JobRecords.followedTo(before);
    Map<Integer, Refusal> left = new HashMap<>();
    int attempt = 1;
    for (int round = 1; ; round++) {
      TableSnapshot table = round == 1 ? checked.table() : Tables.latest(request.table());
      CheckedCall call = checked.presentIn(table);
      HistoryWalk.Result history = call.followed(spark, table, state, followedTo);
      origins.append(history.carried());
      followedTo = table.version();
      CommitCoordinator coordinator = coordinator(call, table, origins, lease, totals);
      if (round == 1) {
        adoptStaged(call, table, history.origins(), generation, coordinator, totals);
        if (!coordinator.committed().isEmpty()) {
          table = Tables.latest(request.table());
          call = checked.presentIn(table);
          history = call.followed(spark, table, state, followedTo);
          origins.append(history.carried());
          followedTo = table.version();
        }
      }
      BackfillPlan all = call.plan(request.table(), table, history, generation, journal::notice);
      int slots = call.slots(spark);
      if (!losses.isolating()) {
        totals.planned(all.fragments().size(), all.fragmentsSkipped(), all.rowsToCompute());
      }
      if (round == 1) {
        journal.planned(followedTo, planned(all), all.rowsToCompute(), slots);
      }
      BackfillPlan plan = losses.choose(all);
      if (!plan.fragments().isEmpty()) {
        execute(
            call, state, table, plan, slots, coordinator, totals, generation, lease, live, losses);
      }
      long version = Math.max(table.version(), coordinator.version());
      Map<Integer, Refusal> refused = coordinator.refused();
      if (refused.isEmpty() || call.pinned() != null) {
        left.putAll(refused);
        if (losses.more()) {
          continue;
        }
        return JobOutcome.of(request.table(), plan, version, left, losses.setAside());
      }
      if (attempt++ == ROUNDS) {
        throw JobOutcome.refusedTooOften(refused, ROUNDS);
      }
      journal.notice(
          "%d fragments were changed by others meanwhile (%s); they are planned again"
              .formatted(refused.size(), refused));
    }
  }

  private void adoptStaged(
      CheckedCall call,
      TableSnapshot table,
      Map<String, ColumnOrigin> known,
      String generation,
      CommitCoordinator coordinator,
      JobTotals totals) {
    List<StagedFragment> staged =
        StagedFileAdoption.find(
            table,
            call.column(),
            call.bound().inputs(),
            known,
            call.conf().value(RECOMPUTE) ? generation : null);
    for (StagedFragment fragment : staged) {
      coordinator.adopt(fragment);
      totals.adopted(fragment.origin(), call.column().fingerprint());
    }
    coordinator.flush();
  }

  private CommitCoordinator coordinator(
      CheckedCall call, TableSnapshot table, ColumnOrigins origins, Lease lease, JobTotals totals) {
    return new CommitCoordinator(
        new ColumnFileCommitter(
            request.table().ref(), call.column().columns(), call.attachPolicy()),
        origins,
        call.conf().optional(COMMIT_GRANULARITY).orElse(null),
        table.fragments().size(),
        call.conf().value(COMMIT_INTERVAL),
        Map.of("lance-backfill.job_id", call.jobId()),
        lease::held,
        totals::committed);
  }

  private void execute(
      CheckedCall call,
      TableState state,
      TableSnapshot table,
      BackfillPlan plan,
      int slots,
      CommitCoordinator coordinator,
      JobTotals totals,
      String generation,
      Lease lease,
      LiveRows live,
      FragmentLosses losses) {
    TableSnapshot inputs = call.inputs(table);
    List<TaskSpec> tasks = new TaskCutter(slots).cut(plan);
    JobTasks job =
        new JobTasks(
            call.jobId(),
            request.table().ref(),
            inputs.version(),
            table.version(),
            table.storageVersion(),
            call.column().columns(),
            new CheckpointStore(state, call.column().checkpointKey()).folder(),
            generation,
            call.conf().value(CHECKPOINT_INTERVAL).toMillis());
    try (TaskRunner runner =
        new TaskRunner(
            call.bound().session(),
            job,
            call.bound().computation(),
            live,
            new Admission(
                call.conf().optional(CONCURRENCY).orElse(0),
                slots,
                spark.sparkContext().isLocal() ? losses.recorder(plan) : null),
            "backfill %s of %s".formatted(call.column().name(), request.table().name()))) {
      new BackfillRound(
              runner,
              coordinator,
              totals,
              call.column(),
              call.bound().inputs(),
              inputs,
              generation,
              call.jobId(),
              lease.epoch(),
              lease::held,
              live,
              losses)
          .run(plan, tasks);
    }
  }

  private BackfillException coded(RuntimeException e) {
    if (e instanceof BackfillException ours) {
      return ours;
    }
    if (e instanceof DatasetException storage) {
      return StorageErrors.translated(request.table(), storage);
    }
    return new BackfillException(
        BackfillErrorCode.INTERNAL_ERROR,
        "The job met a fault that it does not know: %s. What was finished is kept; the same call goes on from there. Please report it with its stack trace."
            .formatted(RootCause.of(e)),
        e);
  }

  /** A rerun of an interrupted recompute goes on with it; another one begins anew. */
  private static String generation(Optional<JobEvent> last, CheckedCall call) {
    return last.filter(e -> !e.generation().isEmpty())
        .filter(e -> e.status() != JobStatus.DONE && e.status() != JobStatus.DONE_WITH_ERRORS)
        .map(JobEvent::generation)
        .orElse(call.jobId());
  }

  private static long takenOver(BackfillPlan plan) {
    return plan.fragments().stream()
        .flatMap(f -> f.checkpoints().stream())
        .mapToLong(c -> c.rows().getLongCardinality())
        .sum();
  }

  private static JobCounts planned(BackfillPlan plan) {
    return new JobCounts(
        plan.fragments().size(), 0, plan.fragmentsSkipped(), 0, takenOver(plan), 0, 0, 0);
  }

  private static Map<String, String> texts(Map<String, Object> options) {
    return options.entrySet().stream()
        .collect(Collectors.toMap(Map.Entry::getKey, e -> String.valueOf(e.getValue())));
  }
}
