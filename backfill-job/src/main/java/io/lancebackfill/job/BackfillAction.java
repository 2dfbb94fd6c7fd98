package io.lancebackfill.job;

import static io.lancebackfill.config.BackfillOptions.BATCH_SIZE;
import static io.lancebackfill.config.BackfillOptions.CHECKPOINT_INTERVAL;
import static io.lancebackfill.config.BackfillOptions.COMMIT_GRANULARITY;
import static io.lancebackfill.config.BackfillOptions.COMMIT_INTERVAL;
import static io.lancebackfill.config.BackfillOptions.CONCURRENCY;
import static io.lancebackfill.config.BackfillOptions.DRY_RUN;
import static io.lancebackfill.config.BackfillOptions.JOB_ID;
import static io.lancebackfill.config.BackfillOptions.LEASE_DURATION;
import static io.lancebackfill.config.BackfillOptions.MAX_FRAGMENTS;
import static io.lancebackfill.config.BackfillOptions.READ_VERSION;
import static io.lancebackfill.config.BackfillOptions.RECOMPUTE;
import static io.lancebackfill.config.BackfillOptions.RECOMPUTE_UNKNOWN;
import static io.lancebackfill.config.BackfillOptions.WHERE;

import io.lancebackfill.commit.CommitCoordinator;
import io.lancebackfill.commit.StagedFragment;
import io.lancebackfill.config.BackfillConf;
import io.lancebackfill.datasource.commit.ColumnFileCommitter;
import io.lancebackfill.datasource.commit.Refusal;
import io.lancebackfill.datasource.store.Lease;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import io.lancebackfill.job.JobListener.JobInfo;
import io.lancebackfill.plan.BackfillPlan;
import io.lancebackfill.plan.BackfillPlanner;
import io.lancebackfill.plan.PlanRequest;
import io.lancebackfill.run.JobTasks;
import io.lancebackfill.run.LiveRows;
import io.lancebackfill.run.TaskCutter;
import io.lancebackfill.run.TaskRunner;
import io.lancebackfill.run.TaskSpec;
import io.lancebackfill.state.CheckpointStore;
import io.lancebackfill.state.CheckpointStore.Checkpoint;
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
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Collectors;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;

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

  /** What a call asks for, checked. */
  private record Call(
      ComputedColumn column,
      ColumnBinder.BoundColumn bound,
      BackfillConf conf,
      @Nullable TableSnapshot pinned,
      @Nullable Column where,
      String jobId) {}

  /**
   * @throws BackfillException for whatever keeps the job from its end; what was finished is
   *     committed then
   */
  public BackfillResult run() {
    long started = System.nanoTime();
    return StorageErrors.translate(
        request.table(),
        () -> {
          Call call = check();
          if (call.conf().value(DRY_RUN)) {
            return dryRun(call, started);
          }
          JobInfo info =
              new JobInfo(call.jobId(), request.table().name(), call.column().name());
          TableState state = new TableState(request.table().ref());
          Duration lease = call.conf().value(LEASE_DURATION);
          try (Lease held =
              JobLease.acquire(state.lease(call.column().idKey()), call.jobId(), lease, notice -> listener.notice(info, notice))) {
            return run(call, info, state, held);
          }
        });
  }

  /**
   * Checks the call, and does nothing else.
   *
   * @throws BackfillException with a line for each fault
   */
  public void checkCall() {
    StorageErrors.translate(request.table(), this::check);
  }

  private Call check() {
    TableSnapshot table = Tables.latest(request.table());
    Faults faults = new Faults();
    ComputedColumn column = faults.collect(() -> ComputedColumn.of(table, request.column()));
    Map<String, String> columnOptions = column == null ? Map.of() : ColumnOptions.ofJob(column);
    BackfillConf conf =
        faults.collect(() -> BackfillConf.resolve(request.options(), columnOptions, spark.conf()));
    Integer batchSize = conf == null ? null : conf.optional(BATCH_SIZE).orElse(null);
    ColumnBinder.BoundColumn bound =
        column == null
            ? null
            : faults.collect(
                () -> new ColumnBinder(spark, request.table()).bindDeclared(table, column, batchSize));
    TableSnapshot pinned =
        conf == null
            ? null
            : faults.collect(
                () ->
                    conf.optional(READ_VERSION)
                        .map(version -> Tables.at(request.table(), version))
                        .orElse(null));
    Column where =
        conf == null
            ? null
            : faults.collect(
                () ->
                    conf.optional(WHERE)
                        .map(
                            text ->
                                ColumnBinder.where(
                                    bound == null ? spark : bound.session(),
                                    pinned == null ? table : pinned,
                                    text))
                        .orElse(null));
    faults.throwIfAny();
    if (column == null || bound == null || conf == null) {
      throw new IllegalStateException("a fault was lost");
    }
    String jobId = conf.optional(JOB_ID).orElseGet(() -> UUID.randomUUID().toString());
    return new Call(column, bound, conf, pinned, where, jobId);
  }

  private BackfillResult dryRun(Call call, long started) {
    TableSnapshot table = Tables.latest(request.table());
    TableState state = new TableState(request.table().ref());
    JobInfo info = new JobInfo(call.jobId(), request.table().name(), call.column().name());
    BackfillPlan plan =
        plan(call, table, state, new ColumnOrigins(state).byPath(call.column().idKey()), call.jobId(), notice -> listener.notice(info, notice));
    JobCounts counts =
        new JobCounts(plan.fragments().size(), 0, plan.fragmentsSkipped(), 0, takenOver(plan), 0, 0, 0);
    listener.planned(info, counts, plan.rowsToCompute(), slots(call.conf()));
    return new BackfillResult(
        call.jobId(), JobStatus.PLANNED, table.version(), counts, (System.nanoTime() - started) / 1_000_000);
  }

  private BackfillPlan plan(
      Call call,
      TableSnapshot table,
      TableState state,
      Map<String, ColumnOrigin> origins,
      String generation,
      java.util.function.Consumer<String> warnings) {
    List<Checkpoint> checkpoints =
        new CheckpointStore(state, call.column().checkpointKey()).load(warnings);
    BackfillConf conf = call.conf();
    return new BackfillPlanner(call.bound().session())
        .plan(
            new PlanRequest(
                call.pinned() == null ? table : call.pinned(),
                table,
                call.column(),
                call.bound().inputs(),
                origins,
                checkpoints,
                call.where(),
                conf.value(RECOMPUTE),
                conf.value(RECOMPUTE_UNKNOWN),
                generation,
                conf.optional(MAX_FRAGMENTS).orElse(0)));
  }

  private BackfillResult run(Call call, JobInfo info, TableState state, Lease lease) {
    ComputedColumn column = call.column();
    JobRecords records = new JobRecords(state);
    ColumnOrigins origins = new ColumnOrigins(state);
    boolean recompute = call.conf().value(RECOMPUTE);
    String generation = recompute ? generation(records.lastOn(column.idKey()), call) : "";
    JobJournal journal =
        new JobJournal(
            records, listener, info, column, lease.holder().driver(), lease.epoch(), generation, Json.write(texts(request.options())));
    JobTotals totals = new JobTotals(journal);
    TableSnapshot table = Tables.latest(request.table());
    String tag = "lance-backfill-" + column.idKey();
    Tables.tag(request.table(), tag, (call.pinned() == null ? table : call.pinned()).version());
    journal.started(table.version());
    try (LiveRows live = new LiveRows(spark.sparkContext())) {
      Outcome outcome = rounds(call, state, lease, journal, totals, origins, generation, live);
      new CheckpointCleaner(state, column)
          .afterJob(outcome.committed(), outcome.status() == JobStatus.DONE && call.where() == null);
      origins.compact();
      journal.ended(outcome.status(), outcome.version(), totals.counts(), outcome.message());
      return new BackfillResult(
          call.jobId(), outcome.status(), outcome.version(), totals.counts(), journal.elapsed().toMillis());
    } catch (RuntimeException e) {
      if (lease.held()) {
        try {
          journal.ended(JobStatus.FAILED, table.version(), totals.counts(), String.valueOf(e.getMessage()));
        } catch (RuntimeException onRecord) {
          e.addSuppressed(onRecord);
        }
      }
      throw withJobId(e, call.jobId());
    } finally {
      LanceTables.untag(request.table().ref(), tag);
    }
  }

  /** How the rounds ended. */
  private record Outcome(
      JobStatus status, long version, java.util.Set<Integer> committed, String message) {}

  private Outcome rounds(
      Call call,
      TableState state,
      Lease lease,
      JobJournal journal,
      JobTotals totals,
      ColumnOrigins origins,
      String generation,
      LiveRows live) {
    ComputedColumn column = call.column();
    java.util.Set<Integer> committed = new java.util.HashSet<>();
    for (int round = 1; ; round++) {
      TableSnapshot table = Tables.latest(request.table());
      CommitCoordinator coordinator =
          coordinator(call, table, origins, lease, totals);
      if (round == 1) {
        adoptStaged(call, table, origins, generation, coordinator, totals);
        if (!coordinator.committed().isEmpty()) {
          table = Tables.latest(request.table());
        }
      }
      Map<String, ColumnOrigin> known = origins.byPath(column.idKey());
      BackfillPlan plan = plan(call, table, state, known, generation, journal::notice);
      int slots = slots(call.conf());
      totals.planned(plan.fragments().size(), plan.fragmentsSkipped(), plan.rowsToCompute());
      if (round == 1) {
        journal.planned(table.version(), planned(plan), plan.rowsToCompute(), slots);
      }
      if (!plan.fragments().isEmpty()) {
        execute(call, state, table, plan, slots, coordinator, totals, generation, lease, live);
      }
      committed.addAll(coordinator.committed());
      long version = Math.max(table.version(), coordinator.version());
      Map<Integer, Refusal> refused = coordinator.refused();
      if (refused.isEmpty() || call.pinned() != null) {
        return outcome(state, plan, version, committed, refused);
      }
      if (round == ROUNDS) {
        throw refusedTooOften(refused);
      }
      journal.notice(
          "%d fragments were changed by others meanwhile (%s); they are planned again"
              .formatted(refused.size(), refused));
    }
  }

  private void adoptStaged(
      Call call,
      TableSnapshot table,
      ColumnOrigins origins,
      String generation,
      CommitCoordinator coordinator,
      JobTotals totals) {
    List<StagedFragment> staged =
        StagedFileAdoption.find(
            table,
            call.column(),
            call.bound().inputs(),
            origins.byPath(call.column().idKey()),
            call.conf().value(RECOMPUTE) ? generation : null);
    for (StagedFragment fragment : staged) {
      coordinator.adopt(fragment);
      totals.adopted(fragment.origin(), call.column().fingerprint());
    }
    coordinator.flush();
  }

  private CommitCoordinator coordinator(
      Call call, TableSnapshot table, ColumnOrigins origins, Lease lease, JobTotals totals) {
    return new CommitCoordinator(
        new ColumnFileCommitter(request.table().ref(), call.column().columns()),
        origins,
        call.conf().optional(COMMIT_GRANULARITY).orElse(null),
        table.fragments().size(),
        call.conf().value(COMMIT_INTERVAL),
        Map.of("lance-backfill.job_id", call.jobId()),
        lease::held,
        outcome ->
            totals.committed(outcome.committed().size(), outcome.commits(), outcome.version()));
  }

  private void execute(
      Call call,
      TableState state,
      TableSnapshot table,
      BackfillPlan plan,
      int slots,
      CommitCoordinator coordinator,
      JobTotals totals,
      String generation,
      Lease lease,
      LiveRows live) {
    TableSnapshot inputs = call.pinned() == null ? table : call.pinned();
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
            call.conf().optional(CONCURRENCY).orElse(0),
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
              live)
          .run(plan, tasks);
    }
  }

  private static Outcome outcome(
      TableState state,
      BackfillPlan plan,
      long version,
      java.util.Set<Integer> committed,
      Map<Integer, Refusal> refused) {
    StringBuilder message = new StringBuilder();
    if (plan.fragmentsAppended() > 0) {
      message.append(
          "%d fragments were appended after the version that was read and are not included. "
              .formatted(plan.fragmentsAppended()));
    }
    if (!refused.isEmpty()) {
      message.append(
          "%d fragments changed after the version that was read and were left as they are: %s. "
              .formatted(refused.size(), refused));
    }
    if (plan.unknownRows() > 0) {
      message.append(
          "%d rows hold values of unknown origin, which no record in %s explains, and were kept; recompute_unknown computes them. "
              .formatted(plan.unknownRows(), state.columns().uri()));
    }
    if (plan.fragmentsLeft() > 0) {
      message.append(
          "%d fragments are left behind max_fragments. ".formatted(plan.fragmentsLeft()));
    }
    return new Outcome(
        plan.fragmentsLeft() > 0 ? JobStatus.PAUSED : JobStatus.DONE,
        version,
        committed,
        message.toString().strip());
  }

  private static BackfillException refusedTooOften(Map<Integer, Refusal> refused) {
    boolean gone = refused.containsValue(Refusal.FRAGMENT_GONE);
    return new BackfillException(
        gone ? BackfillErrorCode.FRAGMENT_REWRITTEN : BackfillErrorCode.INPUT_CHANGED,
        "%d fragments were changed by others in each of %d attempts: %s. The other fragments are committed. Run the call again when the other writer is quiet."
            .formatted(refused.size(), ROUNDS, refused));
  }

  private static BackfillException withJobId(RuntimeException e, String jobId) {
    if (e instanceof BackfillException ours) {
      return new BackfillException(
          ours.code(), ours.problem() + "\nJob " + jobId + "; see job and jobs.", ours);
    }
    throw e;
  }

  /** A rerun of an interrupted recompute goes on with it; another one begins anew. */
  private static String generation(Optional<JobEvent> last, Call call) {
    return last.filter(e -> !e.generation().isEmpty())
        .filter(e -> e.status() != JobStatus.DONE && e.status() != JobStatus.DONE_WITH_ERRORS)
        .map(JobEvent::generation)
        .orElse(call.jobId());
  }

  private int slots(BackfillConf conf) {
    int all = Math.max(1, spark.sparkContext().defaultParallelism());
    return conf.optional(CONCURRENCY).map(limit -> Math.min(limit, all)).orElse(all);
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
