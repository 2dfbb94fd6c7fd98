package io.lancebackfill.job;

import io.lancebackfill.commit.CommitCoordinator;
import io.lancebackfill.commit.StagedFragment;
import io.lancebackfill.config.OnError;
import io.lancebackfill.context.AdmissionWatch;
import io.lancebackfill.datasource.commit.ColumnFileAttachment;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.RemoteTrace;
import io.lancebackfill.error.StorageCodes;
import io.lancebackfill.exec.ErrorPolicy;
import io.lancebackfill.exec.RowFailure;
import io.lancebackfill.failure.ErrorRecord;
import io.lancebackfill.plan.BackfillPlan;
import io.lancebackfill.plan.FragmentPlan;
import io.lancebackfill.progress.JobTotals;
import io.lancebackfill.run.TaskRunner;
import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.InputPlaces;
import io.lancebackfill.state.JobCounts;
import io.lancebackfill.state.RowOffsets;
import io.lancebackfill.task.ProcessLoss;
import io.lancebackfill.task.TaskResult;
import io.lancebackfill.task.TaskResult.Fault;
import io.lancebackfill.task.TaskSpec;
import io.lancebackfill.task.TaskSpec.CheckpointUse;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.roaringbitmap.RoaringBitmap;

/** Carries out one plan: runs its tasks and gives what they finish to the committer. */
final class BackfillRound {
  private static final Duration POLL = Duration.ofMillis(50);

  /** How long tasks that run may go on after another one's fault. */
  private static final Duration GRACE = Duration.ofSeconds(10);

  private static final String MEND =
      " Mend the function, or leave such rows out with where, and make the same call again. The whole trace"
          + " is in the job's history.";

  private static final String LOOK =
      " Look at such rows with errors(table, job_id). Mend the function, or allow more of them with"
          + " max_failed_rows and max_failed_fraction, and make the same call again.";

  private final JobRun job;
  private final ComputedColumn column;
  private final List<TableColumn> inputColumns;
  private final TableSnapshot inputs;
  private final TaskRunner runner;
  private final CommitCoordinator coordinator;
  private final JobTotals totals;
  private final AdmissionWatch admission;
  private final ErrorPolicy errors;

  private final Map<Integer, FragmentPlan> plans = new HashMap<>();
  private final Map<Integer, Integer> rangesLeft = new HashMap<>();
  private final Map<Integer, List<CheckpointUse>> ranges = new HashMap<>();

  /** Rows that failed in the ranges of a fragment, or in a task that failed, by fragment. */
  private final Map<Integer, List<RowFailure>> failedRows = new HashMap<>();

  private @Nullable Fault fault;
  private int faultyFragment;
  private long faultAt;

  /**
   * @param inputs the version at which inputs are read
   * @param admission watches that tasks get executors
   */
  BackfillRound(
      JobRun job,
      CheckedCall call,
      TableSnapshot inputs,
      TaskRunner runner,
      CommitCoordinator coordinator,
      AdmissionWatch admission) {
    this.job = job;
    this.column = call.column();
    this.inputColumns = call.bound().inputs();
    this.inputs = inputs;
    this.runner = runner;
    this.coordinator = coordinator;
    this.totals = job.totals();
    this.admission = admission;
    this.errors = OnError.policy(call.conf());
  }

  /**
   * Runs the tasks to their end, or to the first fault; commits all that was finished in either
   * case.
   */
  void run(BackfillPlan plan, List<TaskSpec> tasks) {
    plan.fragments().forEach(fragment -> plans.put(fragment.fragmentId(), fragment));
    for (TaskSpec task : tasks) {
      if (task.kind() == TaskSpec.Kind.RANGE) {
        rangesLeft.merge(task.fragmentId(), 1, Integer::sum);
      }
    }
    runner.run(
        inputs,
        tasks,
        () -> {
          try {
            // While the first tasks run: this thread only waits for them.
            job.origins().prepare();
            drain();
          } catch (BackfillException | DatasetException e) {
            commitWhatIsFinished(e);
            throw e;
          }
          coordinator.flush();
          if (runner.gaveUp()) {
            job.losses().planAgain();
          }
          return null;
        });
    Fault ending = fault;
    if (ending != null) {
      recordFailedRows();
      throw new BackfillException(
          ending.code(),
          "%s\nIt happened in fragment %d; what was finished before is committed or kept as checkpoints.%s"
              .formatted(
                  ending.message(),
                  faultyFragment,
                  switch (ending.code()) {
                    case FUNCTION_FAILED -> MEND;
                    case TOO_MANY_FAILED_ROWS -> LOOK;
                    default -> "";
                  }),
          ending.trace().isEmpty() ? null : new RemoteTrace(ending.trace()));
    }
  }

  /** Those that no file tells of, since the job ends before theirs is made. */
  private void recordFailedRows() {
    List<ErrorRecord> records = new ArrayList<>();
    failedRows.forEach((fragment, failures) -> records.addAll(records(fragment, failures)));
    job.errors().append(records);
  }

  private void drain() {
    while (runner.outstanding() > 0 && !graceIsOver()) {
      runner.poll(POLL).ifPresent(this::accept);
      if (!job.held()) {
        throw new BackfillException(
            BackfillErrorCode.LEASE_LOST,
            "This driver could not renew its lease on column %s in time, and another may have taken the job over. Nothing is lost: the same call goes on from what is finished."
                .formatted(column.name()));
      }
      admission.tick();
      coordinator.tick();
      totals.tick(job.live().count());
    }
  }

  private boolean graceIsOver() {
    return fault != null && System.nanoTime() - faultAt > GRACE.toNanos();
  }

  private void commitWhatIsFinished(RuntimeException e) {
    BackfillErrorCode code =
        e instanceof DatasetException storage
            ? StorageCodes.of(storage)
            : ((BackfillException) e).code();
    if (code == BackfillErrorCode.TASK_FAILED
        || code == BackfillErrorCode.ADMISSION_TIMEOUT
        || code == BackfillErrorCode.JOB_INTERRUPTED) {
      // Waiting for the store would fail at once under the flag.
      boolean interrupted = Thread.interrupted();
      try {
        coordinator.flush();
      } catch (RuntimeException onFlush) {
        e.addSuppressed(onFlush);
      } finally {
        if (interrupted) {
          Thread.currentThread().interrupt();
        }
      }
    }
  }

  private void accept(TaskResult result) {
    totals.computed(result.rowsComputed(), result.bytesWritten());
    FragmentPlan plan = Objects.requireNonNull(plans.get(result.fragmentId()));
    if (result.note() != null) {
      totals.noCheckpoints(result.note());
    }
    int id = result.fragmentId();
    List<RowFailure> failed = failedRows.computeIfAbsent(id, fragment -> new ArrayList<>());
    failed.addAll(result.failures());
    totals.failed(id, RowOffsets.fromBytes(result.rows()), offsets(result.failures()));
    Optional<ProcessLoss> lost = result.lost();
    if (lost.isPresent()) {
      job.losses().lost(id, lost.get());
    } else if (result.fault() != null) {
      fault(id, result.fault());
    } else if (result.file() != null) {
      totals.finished(plan, job.id().jobId());
      failedRows.remove(id);
      coordinator.add(staged(plan, result, failed));
      if (job.losses().isolating()) {
        // Where the process is the driver's, the next one's death is not to count for this one.
        coordinator.flush();
      }
    } else {
      List<CheckpointUse> done = ranges.computeIfAbsent(id, fragment -> new ArrayList<>());
      String checkpoint = result.checkpoint();
      byte[] rows = result.rows();
      if (checkpoint != null && rows != null) {
        done.add(new CheckpointUse(checkpoint, rows));
      }
      // After a fault its checkpoints are left to the next call.
      if (rangesLeft.merge(id, -1, Integer::sum) == 0 && fault == null) {
        runner.assemble(plan, done);
      }
    }
    JobCounts counts = totals.counts();
    if (errors.tooMany(counts.rowsFailed(), counts.rowsComputed())) {
      fault(id, tooMany(counts));
    }
  }

  private Fault tooMany(JobCounts counts) {
    boolean rows = counts.rowsFailed() > errors.maxFailedRows();
    return new Fault(
        BackfillErrorCode.TOO_MANY_FAILED_ROWS,
        "The function failed on %d of the %d rows that were computed, and %s is %s."
            .formatted(
                counts.rowsFailed(),
                counts.rowsComputed(),
                rows ? "max_failed_rows" : "max_failed_fraction",
                rows
                    ? Long.toString(errors.maxFailedRows())
                    : Double.toString(errors.maxFailedFraction())),
        "");
  }

  private static RoaringBitmap offsets(List<RowFailure> failures) {
    RoaringBitmap offsets = new RoaringBitmap();
    failures.forEach(failure -> offsets.add(failure.offset()));
    return offsets;
  }

  private List<ErrorRecord> records(int fragmentId, List<RowFailure> failures) {
    Instant now = Instant.now().truncatedTo(ChronoUnit.MICROS);
    return failures.stream()
        .map(failure -> ErrorRecord.of(job.id(), column, fragmentId, failure, now))
        .toList();
  }

  /** The first one ends the job; what runs beside it may end, so that its work is kept. */
  private void fault(int fragmentId, Fault found) {
    if (fault == null) {
      fault = found;
      faultyFragment = fragmentId;
      faultAt = System.nanoTime();
      runner.holdBack();
    }
  }

  private StagedFragment staged(FragmentPlan plan, TaskResult result, List<RowFailure> failures) {
    FragmentSnapshot fragment = plan.coverage().fragment();
    FragmentSnapshot inputFragment = inputs.fragment(fragment.id()).orElseThrow();
    var file = Objects.requireNonNull(result.file());
    RoaringBitmap failed = offsets(failures);
    ColumnOrigin.Part made =
        new ColumnOrigin.Part(
            column.fingerprint(),
            plan.coverage().inputs(),
            job.id().generation(),
            RoaringBitmap.or(RowOffsets.fromBytes(result.rows()), failed),
            failed);
    return new StagedFragment(
        new ColumnFileAttachment(
            fragment.id(),
            fragment.physicalRows(),
            file,
            plan.coverage().place().orElse(null),
            StagedFileAdoption.inputPlaces(inputFragment, inputColumns),
            plan.deleted()),
        new ColumnOrigin(
            column.idKey(),
            fragment.id(),
            fragment.physicalRows(),
            file,
            plan.coverage().place().map(InputPlaces::text).orElse(""),
            ColumnOrigin.onTop(plan.coverage().origin(), made, plan.deleted().rows()),
            plan.deleted(),
            job.id().jobId(),
            job.id().epoch(),
            Instant.now().truncatedTo(ChronoUnit.MICROS)),
        records(fragment.id(), failures));
  }
}
