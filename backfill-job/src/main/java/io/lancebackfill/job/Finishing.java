package io.lancebackfill.job;

import io.lancebackfill.clean.CheckpointCleaner;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.datasource.write.NamedFiles;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.RemoteTrace;
import io.lancebackfill.progress.JobJournal;
import io.lancebackfill.state.JobCounts;
import io.lancebackfill.state.JobRecords;
import io.lancebackfill.state.JobStatus;
import io.lancebackfill.table.ReadyTag;
import io.lancebackfill.table.TableTarget;
import io.lancebackfill.table.Tables;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * What a job does after its last commit: records the end and tidies up, at the same time. Nothing
 * of that can fail the job any more: what does not work is noted, and the next job on the column,
 * or {@code clean}, does it.
 */
final class Finishing {
  /** Finding out which records are superseded costs a read of every version of the table. */
  private static final long JOBS_BETWEEN_TRIMS = 64;

  /** So old, a file that is not in the table will hardly be put there, except by a restore. */
  private static final Duration MAY_BE_COMMITTED = Duration.ofDays(7);

  private final JobRun job;
  private final TableTarget target;
  private final JobJournal journal;
  private final JobRecords records;

  Finishing(JobRun job, JobRecords records) {
    this.job = job;
    this.target = job.request().table();
    this.journal = job.journal();
    this.records = records;
  }

  /** Name of the tag that keeps the version which the job reads; to be taken off at the end. */
  String tag() {
    return "lance-backfill-" + job.id().columnIds();
  }

  /**
   * @return what a user should know of the job
   */
  String afterEnd(CheckedCall call, JobOutcome outcome) {
    AttachmentNotes attachments = job.attachments();
    JobStatus status = outcome.status();
    JobCounts counts = job.totals().counts();
    journal.ended(status, outcome.version(), counts, outcome.message());
    List<String> notes = new ArrayList<>();
    if (!outcome.message().isEmpty()) {
      notes.add(outcome.message());
    }
    notes.addAll(attachments.rowVersions());
    Optional<TableSnapshot> newest = attempt("look at the table", () -> Tables.latest(target));
    newest.ifPresent(
        table -> {
          notes.addAll(attachments.fieldIds(table));
          attempt(
              "drop its checkpoints",
              () -> {
                dropCheckpoints(call, outcome, table);
                return true;
              });
          attempt("look after the column's indexes", () -> attachments.indexes(table))
              .ifPresent(notes::addAll);
        });
    if (outcome.covered() && call.readyTag() && job.held()) {
      attempt(
          "move its ready tag",
          () -> {
            ReadyTag.move(target, call.column(), outcome.version());
            return true;
          });
    }
    attempt(
        "fold its records of files",
        () -> {
          if (job.id().epoch() % JOBS_BETWEEN_TRIMS == 0) {
            Instant before = Instant.now().minus(MAY_BE_COMMITTED);
            job.origins().trim(before, Set.of(), () -> NamedFiles.of(target.ref()));
          }
          job.origins().compact();
          if (job.totals().counts().rowsFailed() > 0) {
            job.errors().compact();
          }
          return true;
        });
    foldAndUntag();
    return journal.tidied(status, outcome.version(), counts, String.join(" ", notes));
  }

  private void dropCheckpoints(CheckedCall call, JobOutcome outcome, TableSnapshot newest) {
    if (!job.held()) {
      // They may be another driver's by now.
      return;
    }
    CheckedCall present = call.presentIn(newest);
    CheckpointCleaner checkpoints = new CheckpointCleaner(job.state(), present.column());
    if (outcome.everyRow() && !call.selects()) {
      checkpoints.dropAll();
    } else {
      checkpoints.dropThoseInTable(
          newest,
          call.inputs(newest),
          present.bound().inputs(),
          job.origins().deciding(present.column(), newest));
    }
  }

  /**
   * Records that the job ended by a failure, unless another driver goes on with it.
   *
   * @param table as the job found it
   * @return the failure, for the caller to throw
   */
  BackfillException afterFailure(BackfillException failure, TableSnapshot table) {
    // Under the flag, waiting for the store would fail at once.
    boolean interrupted = Thread.interrupted();
    try {
      JobStatus status =
          failure.code() == BackfillErrorCode.JOB_INTERRUPTED
              ? JobStatus.INTERRUPTED
              : JobStatus.FAILED;
      String message = String.valueOf(failure.getMessage());
      long version = Math.max(journal.lastVersion(), table.version());
      JobCounts counts = job.totals().counts();
      if (job.held()) {
        RemoteTrace.in(failure)
            .or(() -> Optional.ofNullable(failure.getCause()).map(RemoteTrace::text))
            .ifPresent(trace -> journal.trace(trace, version, counts));
        journal.ended(status, version, counts, message);
      }
      foldAndUntag();
      if (job.held()) {
        journal.tidied(status, version, counts, message);
      }
    } catch (RuntimeException onRecord) {
      failure.addSuppressed(onRecord);
    } finally {
      if (interrupted || JobFailure.ofInterrupt(failure)) {
        Thread.currentThread().interrupt();
      }
    }
    return failure;
  }

  private void foldAndUntag() {
    attempt(
        "take the tag %s off".formatted(tag()),
        () -> {
          LanceTables.untag(target.ref(), tag());
          return true;
        });
    journal.settle();
    attempt(
        "fold the history of jobs",
        () -> {
          records.tidy(job.id().columnIds(), job.id().epoch());
          return true;
        });
  }

  /** Empty if it did not work, which is noted. */
  private <T> Optional<T> attempt(String what, Supplier<T> step) {
    try {
      return Optional.of(step.get());
    } catch (Exception | Error e) {
      if (JobFailure.ofInterrupt(e)) {
        Thread.currentThread().interrupt();
      }
      journal.trouble(
          "Could not %s, which is left to the next job or clean".formatted(what),
          String.valueOf(e.getMessage()));
      return Optional.empty();
    }
  }
}
