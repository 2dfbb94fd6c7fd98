package io.lancebackfill.job;

import static io.lancebackfill.config.BackfillOptions.CHECKPOINT_INTERVAL;
import static io.lancebackfill.config.BackfillOptions.COMMIT_GRANULARITY;
import static io.lancebackfill.config.BackfillOptions.COMMIT_INTERVAL;
import static io.lancebackfill.config.BackfillOptions.CONCURRENCY;
import static io.lancebackfill.config.BackfillOptions.RECOMPUTE;

import io.lancebackfill.commit.CommitCoordinator;
import io.lancebackfill.commit.CommitGranularity;
import io.lancebackfill.commit.CommitSchedule;
import io.lancebackfill.config.FunctionNeeds;
import io.lancebackfill.config.OnError;
import io.lancebackfill.context.AdmissionWatch;
import io.lancebackfill.context.PodFindings;
import io.lancebackfill.coverage.HistoryWalk;
import io.lancebackfill.datasource.commit.ColumnFileCommitter;
import io.lancebackfill.datasource.commit.CommitOutcome;
import io.lancebackfill.datasource.commit.Refusal;
import io.lancebackfill.datasource.store.Lease;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.failure.ErrorRecords;
import io.lancebackfill.plan.BackfillPlan;
import io.lancebackfill.progress.FollowedJob;
import io.lancebackfill.progress.JobJournal;
import io.lancebackfill.progress.JobListener;
import io.lancebackfill.progress.JobListener.JobInfo;
import io.lancebackfill.progress.JobTotals;
import io.lancebackfill.run.Admission;
import io.lancebackfill.run.ExecutorMemory;
import io.lancebackfill.run.LiveRows;
import io.lancebackfill.run.StartTimes;
import io.lancebackfill.run.TaskCutter;
import io.lancebackfill.run.TaskResources;
import io.lancebackfill.run.TaskRunner;
import io.lancebackfill.state.CheckpointStore;
import io.lancebackfill.state.ColumnOrigins;
import io.lancebackfill.state.JobEvent;
import io.lancebackfill.state.JobRecords;
import io.lancebackfill.state.JobRecords.Followed;
import io.lancebackfill.state.JobStatus;
import io.lancebackfill.state.Json;
import io.lancebackfill.state.RunId;
import io.lancebackfill.state.TableState;
import io.lancebackfill.table.Tables;
import io.lancebackfill.task.JobTasks;
import io.lancebackfill.task.TaskSpec;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.SparkSession;

/**
 * One run of a job, under its lease: what it pins, holds and counts for its length. Its phases are
 * begin; then, in rounds until no other writer is in the way, follow the table's history, adopt
 * what earlier runs left, plan, run and commit; then finish.
 */
final class JobRun {
  /** How often a job plans anew for fragments that others changed under its hands. */
  private static final int ATTEMPTS = 3;

  private static final String EXECUTOR_STEPS = "spark.kubernetes.executor.pod.featureSteps";

  private final SparkSession spark;
  private final BackfillRequest request;
  private final CheckedCall checked;
  private final Lease lease;
  private final RunId id;
  private final TableState state;
  private final ColumnOrigins origins;
  private final ErrorRecords errors;
  private final JobJournal journal;
  private final JobTotals totals;
  private final AttachmentNotes attachments;
  private final FragmentLosses losses;
  private final LiveRows live;
  private final OtherWriters others;
  private final Finishing finishing;
  private final StartTimes start;
  private Followed followed;
  private boolean labelsPods;

  /**
   * Reads what earlier jobs on the column leave to this one.
   *
   * @param checked as the column is now that the lease is held
   * @param start of the job
   */
  JobRun(
      SparkSession spark,
      BackfillRequest request,
      JobListener listener,
      CheckedCall checked,
      Lease lease,
      StartTimes start) {
    this.spark = spark;
    this.request = request;
    this.checked = checked;
    this.lease = lease;
    this.start = start;
    this.state = new TableState(request.table().ref());
    this.origins = new ColumnOrigins(state);
    this.errors = new ErrorRecords(state);
    JobRecords records = new JobRecords(state);
    List<JobEvent> before = records.decidingOn(checked.column().idKey(), lease.epoch());
    this.followed = JobRecords.followed(before);
    String generation =
        checked.conf().value(RECOMPUTE) ? generation(JobRecords.last(before), checked) : "";
    this.id = RunId.of(checked.jobId(), checked.column(), lease, generation);
    JobInfo info = new JobInfo(id.jobId(), request.table().name(), id.column());
    this.journal =
        new JobJournal(records, listener, info, id, options(request, checked), start::json);
    this.totals = new JobTotals(journal);
    this.attachments = new AttachmentNotes(request.table(), checked.column());
    this.losses =
        new FragmentLosses(
            before,
            checked.column().checkpointKey(),
            new LossesOfJob(
                journal,
                totals,
                () -> ExecutorMemory.of(spark.sparkContext(), checked.resources(spark).profile())));
    this.live = new LiveRows(spark.sparkContext());
    this.others = new OtherWriters(spark, request);
    this.finishing = new Finishing(this, records);
  }

  /** A rerun of an interrupted recompute goes on with it; another one begins anew. */
  private static String generation(Optional<JobEvent> last, CheckedCall call) {
    return last.filter(e -> !e.generation().isEmpty())
        .filter(e -> e.status() != JobStatus.DONE && e.status() != JobStatus.DONE_WITH_ERRORS)
        .map(JobEvent::generation)
        .orElse(call.jobId());
  }

  /** The options that were given, and which manifest its name meant. */
  static String options(BackfillRequest request, CheckedCall call) {
    Map<String, String> options = new HashMap<>();
    request.options().forEach((name, value) -> options.put(name, String.valueOf(value)));
    call.environment().ifPresent(found -> options.put("manifest_hash", found.hash()));
    return Json.write(options);
  }

  /**
   * @throws io.lancebackfill.error.BackfillException for whatever keeps the job from its end; what
   *     was finished is committed then, and the end is recorded
   */
  BackfillResult run() {
    JobOutcome outcome;
    try (live) {
      outcome = rounds(begin());
    } catch (Throwable e) { // Spark's checked exceptions, which Scala does not declare, and errors
      throw finishing.afterFailure(JobFailure.coded(request.table(), e), checked.table());
    } finally {
      if (labelsPods) {
        PodFindings.end(spark.sparkContext());
      }
    }
    String note = finishing.afterEnd(checked, outcome);
    if (outcome.complete() && journal.untroubled()) {
      JobLease.leaveComplete(lease, outcome.version(), origins.version());
    }
    return new BackfillResult(
        id.jobId(),
        checked.column().name(),
        outcome.status(),
        outcome.version(),
        totals.counts(),
        journal.elapsed().toMillis(),
        attachments.attachedBy(),
        note);
  }

  /** Pins the version that is read, and says that the job is on. */
  private TableSnapshot begin() {
    attachments.begin();
    TableSnapshot table =
        Tables.repaired(
            request.table(),
            checked.table(),
            checked.column().presentIn(checked.table()).columns());
    Tables.tag(request.table(), finishing.tag(), checked.inputs(table).version());
    journal.started(table.version());
    forgetPodsOfTheDead();
    return table;
  }

  /** Whatever comes of it, the job goes on: those pods are in nobody's way but the quota's. */
  private void forgetPodsOfTheDead() {
    SparkContext context = spark.sparkContext();
    if (!context.master().startsWith("k8s") || !context.getConf().contains(EXECUTOR_STEPS)) {
      return; // A Spark without Kubernetes has no client; without the step no pod has a label.
    }
    try {
      String everywhere = request.table().ref().display() + " " + id.jobId();
      labelsPods = true;
      Set<String> dead = PodFindings.begin(context, everywhere);
      if (!dead.isEmpty()) {
        journal.notice("Removed the pods that dead drivers of this job left: %s".formatted(dead));
      }
    } catch (RuntimeException | LinkageError e) {
      journal.notice("Could not look for pods of a dead driver: " + e.getMessage());
    }
  }

  /** The version that a round works on, and what is known there. */
  private record Round(
      CheckedCall call, HistoryWalk.Result history, CommitCoordinator coordinator) {
    TableSnapshot table() {
      return call.table();
    }
  }

  private JobOutcome rounds(TableSnapshot first) {
    CheckedCall agreed = checked.on(first);
    Map<Integer, Refusal> left = new HashMap<>();
    boolean noted = false;
    int attempt = 1;
    for (int number = 1; ; number++) {
      List<Long> seen = request.followed().stream().map(FollowedJob::steps).toList();
      if (number > 1 || !seen.isEmpty()) {
        TableSnapshot newest = Tables.latest(request.table());
        agreed = others.stillAgreed(agreed, newest).on(newest);
      }
      CheckedCall call = agreed.presentIn(agreed.table());
      Round round = adopt(agreed, new Round(call, follow(call), coordinator(call)));
      BackfillPlan all = plan(round);
      all.restored().forEach(fragment -> left.put(fragment, Refusal.ROWS_RESTORED));
      if (number == 1) {
        journal.planned(
            followed.to(), all.counts(), all.rowsToCompute(), round.call().slots(spark));
      }
      if (!noted && !all.fragments().isEmpty()) {
        noted = true;
        round.call().notes(spark).forEach(journal::notice);
      }
      BackfillPlan plan = losses.choose(all);
      if (!plan.fragments().isEmpty()) {
        execute(round, plan);
      }
      CommitCoordinator commits = round.coordinator();
      Map<Integer, Refusal> refused = new TreeMap<>(commits.refused());
      boolean pinned = round.call().pinned() != null;
      if (!pinned) {
        refused.putAll(others.takenBack(round.call(), round.table(), commits.committed()));
      }
      if (refused.isEmpty() || pinned) {
        left.putAll(refused);
        if (losses.more() || moreToFollow(seen)) {
          continue;
        }
        long version = Math.max(round.table().version(), commits.version());
        // From the version before the first of them, those of adopted files.
        boolean ours = version == call.table().version() + commits.commits();
        return JobOutcome.of(
            request.table(),
            plan,
            version,
            new JobOutcome.Left(left, losses, totals.counts().rowsFailed()),
            ours && !pinned && !round.call().selects());
      }
      if (attempt++ == ATTEMPTS) {
        throw JobOutcome.refusedTooOften(refused, ATTEMPTS);
      }
      journal.notice(
          "%d fragments were changed by others meanwhile (%s); they are planned again"
              .formatted(refused.size(), refused));
    }
  }

  /**
   * Waits until a job that fills an input has gone on since a round began.
   *
   * @param seen its steps by then, of each such job
   * @return false if all of them were over
   */
  private boolean moreToFollow(List<Long> seen) {
    try {
      boolean more = false;
      for (int i = 0; i < seen.size() && !more; i++) {
        more = request.followed().get(i).awaitBeyond(seen.get(i));
      }
      return more;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw JobFailure.coded(request.table(), e);
    }
  }

  /** Takes up what other writers did since the last job. */
  private HistoryWalk.Result follow(CheckedCall call) {
    HistoryWalk.Result history = call.followed(spark, state, followed);
    origins.append(history.carried());
    followed = followed.upTo(call.table().version());
    return history;
  }

  /** Commits files that an earlier run finished. */
  private Round adopt(CheckedCall agreed, Round round) {
    if (losses.isolating()) {
      return round;
    }
    CheckedCall call = round.call();
    new StagedFileAdoption(
            round.table(),
            call.column(),
            call.bound().inputs(),
            round.history().origins(),
            call.conf().value(RECOMPUTE) ? id.generation() : null)
        .adopt(spark, id.jobId(), round.coordinator(), totals);
    if (round.coordinator().committed().isEmpty()) {
      return round;
    }
    CheckedCall after = agreed.presentIn(Tables.latest(request.table()));
    return new Round(after, follow(after), round.coordinator());
  }

  private BackfillPlan plan(Round round) {
    BackfillPlan plan =
        round
            .call()
            .plan(spark, request.table(), round.history(), id.generation(), journal::notice);
    origins.append(plan.observed());
    if (!losses.isolating()) {
      totals.planned(plan);
    }
    return plan;
  }

  private CommitCoordinator coordinator(CheckedCall call) {
    return new CommitCoordinator(
        new ColumnFileCommitter(
            request.table().ref(), call.column().columns(), call.attachPolicy()),
        origins,
        errors,
        new CommitSchedule(
            new CommitGranularity(
                call.conf().optional(COMMIT_GRANULARITY).orElse(null),
                call.table().manifestBytes()),
            call.conf().value(COMMIT_INTERVAL)),
        Map.of("lance-backfill.job_id", id.jobId()),
        lease::held,
        this::committed);
  }

  private void committed(CommitOutcome outcome) {
    attachments.add(outcome);
    totals.committed(outcome);
  }

  /** Runs the plan's tasks, and commits what they finish. */
  private void execute(Round round, BackfillPlan plan) {
    CheckedCall call = losses.isolating() ? round.call().inSmallBatches() : round.call();
    TableSnapshot inputs = call.inputs(round.table());
    TaskResources resources = call.resources(spark);
    int slots = call.slots(spark);
    boolean alone = losses.isolating();
    int atOnce = alone ? Math.min(slots, TaskRunner.processes(spark.sparkContext())) : slots;
    List<TaskSpec> tasks = new TaskCutter(atOnce).cut(plan);
    JobTasks shared =
        new JobTasks(
            id.jobId(),
            request.table().ref(),
            inputs.version(),
            round.table().version(),
            round.table().storageVersion(),
            call.column().columns(),
            call.column().declaredInputs().sortedNames(inputs),
            new CheckpointStore(state, call.column().checkpointKey()).folder(),
            id.generation(),
            call.conf().value(CHECKPOINT_INTERVAL).toMillis(),
            OnError.policy(call.conf()),
            FunctionNeeds.of(call.conf()),
            alone);
    Admission admission =
        new Admission(
            resources.atMost(call.conf().optional(CONCURRENCY).orElse(0)),
            atOnce,
            spark.sparkContext().isLocal() && losses.afterDeath() ? losses.recorder(plan) : null,
            journal::settle);
    String description =
        "backfill %s of %s".formatted(call.column().name(), request.table().name());
    try (TaskRunner runner =
        new TaskRunner(
            call.bound().session(),
            shared,
            call.bound().computation(),
            live,
            new TaskRunner.Place(admission, resources.profile(), description, start))) {
      AdmissionWatch watch = call.admission(spark, journal::notice);
      new BackfillRound(this, call, inputs, runner, round.coordinator(), watch).run(plan, tasks);
    }
  }

  RunId id() {
    return id;
  }

  /** Whether no other driver can have taken the job over. */
  boolean held() {
    return lease.held();
  }

  BackfillRequest request() {
    return request;
  }

  TableState state() {
    return state;
  }

  ColumnOrigins origins() {
    return origins;
  }

  ErrorRecords errors() {
    return errors;
  }

  JobJournal journal() {
    return journal;
  }

  JobTotals totals() {
    return totals;
  }

  AttachmentNotes attachments() {
    return attachments;
  }

  FragmentLosses losses() {
    return losses;
  }

  LiveRows live() {
    return live;
  }
}
