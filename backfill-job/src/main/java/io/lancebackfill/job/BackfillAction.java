package io.lancebackfill.job;

import static io.lancebackfill.config.BackfillOptions.CHECKPOINT_INTERVAL;
import static io.lancebackfill.config.BackfillOptions.COMMIT_GRANULARITY;
import static io.lancebackfill.config.BackfillOptions.COMMIT_INTERVAL;
import static io.lancebackfill.config.BackfillOptions.CONCURRENCY;
import static io.lancebackfill.config.BackfillOptions.DRY_RUN;
import static io.lancebackfill.config.BackfillOptions.LEASE_DURATION;
import static io.lancebackfill.config.BackfillOptions.RECOMPUTE;

import io.lancebackfill.commit.CommitCoordinator;
import io.lancebackfill.datasource.commit.ColumnFileCommitter;
import io.lancebackfill.datasource.commit.Refusal;
import io.lancebackfill.datasource.store.Lease;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillException;
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
import io.lancebackfill.state.JobRecords.Followed;
import io.lancebackfill.state.JobStatus;
import io.lancebackfill.state.Json;
import io.lancebackfill.state.TableState;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
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
    CheckedCall call =
        StorageErrors.translate(request.table(), () -> CheckedCall.of(spark, request));
    boolean dryRun = call.conf().value(DRY_RUN);
    try {
      return dryRun ? dryRun(call, started) : leased(call);
    } catch (Throwable e) { // Spark's checked exceptions, which Scala does not declare, and errors
      BackfillException coded = JobFailure.coded(request.table(), e);
      throw dryRun ? coded : JobFailure.withId(coded, call.jobId());
    }
  }

  private BackfillResult leased(CheckedCall call) {
    JobInfo info = new JobInfo(call.jobId(), request.table().name(), call.column().name());
    TableState state = new TableState(request.table().ref());
    try (Lease held =
        JobLease.acquire(
            state.lease(call.column().idKey()),
            call.jobId(),
            call.conf().value(LEASE_DURATION),
            notice -> listener.notice(info, notice))) {
      return run(afterWaiting(call), info, state, held);
    }
  }

  /** The call checked again if the column was changed while this driver waited for its lease. */
  private CheckedCall afterWaiting(CheckedCall call) {
    TableSnapshot table = Tables.latest(request.table());
    ComputedColumn now =
        ComputedColumn.of(table, table.present(call.column().columns().get(0)).name());
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
    Followed followed = new JobRecords(state).followed(call.column().idKey());
    BackfillPlan plan =
        present.plan(
            spark,
            request.table(),
            table,
            present.followed(spark, table, state, followed),
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
    List<JobEvent> before = records.decidingOn(column.idKey());
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
    Finishing finishing = new Finishing(request.table(), state, journal, lease);
    JobTotals totals;
    JobOutcome outcome;
    try (LiveRows live = new LiveRows(spark.sparkContext())) {
      totals = new JobTotals(journal, new AttachmentNotes(request.table(), column));
      finishing.counting(totals);
      TableSnapshot table =
          Tables.repaired(request.table(), call.table(), column.presentIn(call.table()).columns());
      Tables.tag(request.table(), finishing.tag(column), call.inputs(table).version());
      journal.started(table.version());
      outcome =
          rounds(call.on(table), state, lease, journal, totals, origins, generation, live, before);
    } catch (Throwable e) { // Spark's checked exceptions, which Scala does not declare, and errors
      throw finishing.afterFailure(JobFailure.coded(request.table(), e), call.table(), records);
    }
    String note = finishing.afterEnd(call, outcome, totals, origins, records);
    return new BackfillResult(
        call.jobId(),
        outcome.status(),
        outcome.version(),
        totals.counts(),
        journal.elapsed().toMillis(),
        totals.attachments().attachedBy(),
        note);
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
    FragmentLosses losses =
        new FragmentLosses(
            before, checked.column().checkpointKey(), new LossesOfJob(journal, totals));
    Followed followed = JobRecords.followed(before);
    OtherWriters others = new OtherWriters(spark, request);
    Map<Integer, Refusal> left = new HashMap<>();
    CheckedCall agreed = checked;
    int attempt = 1;
    for (int round = 1; ; round++) {
      TableSnapshot table = round == 1 ? checked.table() : Tables.latest(request.table());
      agreed = round == 1 ? checked : others.stillAgreed(agreed, table);
      CheckedCall call = agreed.presentIn(table);
      HistoryWalk.Result history = call.followed(spark, table, state, followed);
      origins.append(history.carried());
      followed = followed.upTo(table.version());
      CommitCoordinator coordinator = coordinator(call, table, origins, lease, totals);
      if (!losses.isolating()) {
        adoptStaged(call, table, history.origins(), generation, coordinator, totals);
        if (!coordinator.committed().isEmpty()) {
          table = Tables.latest(request.table());
          call = agreed.presentIn(table);
          history = call.followed(spark, table, state, followed);
          origins.append(history.carried());
          followed = followed.upTo(table.version());
        }
      }
      BackfillPlan all =
          call.plan(spark, request.table(), table, history, generation, journal::notice);
      origins.append(all.observed());
      all.restored().forEach(id -> left.put(id, Refusal.ROWS_RESTORED));
      int slots = call.slots(spark);
      if (!losses.isolating()) {
        totals.planned(all);
      }
      if (round == 1) {
        journal.planned(followed.to(), planned(all), all.rowsToCompute(), slots);
      }
      BackfillPlan plan = losses.choose(all);
      if (!plan.fragments().isEmpty()) {
        execute(
            call, state, table, plan, slots, coordinator, totals, generation, lease, live, losses);
      }
      long version = Math.max(table.version(), coordinator.version());
      Map<Integer, Refusal> refused = new TreeMap<>(coordinator.refused());
      if (call.pinned() == null) {
        refused.putAll(others.takenBack(call, table, coordinator.committed()));
      }
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
    new StagedFileAdoption(
            table,
            call.column(),
            call.bound().inputs(),
            known,
            call.conf().value(RECOMPUTE) ? generation : null)
        .adopt(spark, call.jobId(), coordinator, totals);
  }

  private CommitCoordinator coordinator(
      CheckedCall call, TableSnapshot table, ColumnOrigins origins, Lease lease, JobTotals totals) {
    return new CommitCoordinator(
        new ColumnFileCommitter(
            request.table().ref(), call.column().columns(), call.attachPolicy()),
        origins,
        call.conf().optional(COMMIT_GRANULARITY).orElse(null),
        table.manifestBytes(),
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
    boolean alone = losses.isolating();
    int atOnce = alone ? Math.min(slots, TaskRunner.processes(spark.sparkContext())) : slots;
    List<TaskSpec> tasks = new TaskCutter(atOnce).cut(plan);
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
            call.conf().value(CHECKPOINT_INTERVAL).toMillis(),
            alone);
    try (TaskRunner runner =
        new TaskRunner(
            call.bound().session(),
            job,
            call.bound().computation(),
            live,
            new Admission(
                call.conf().optional(CONCURRENCY).orElse(0),
                atOnce,
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
