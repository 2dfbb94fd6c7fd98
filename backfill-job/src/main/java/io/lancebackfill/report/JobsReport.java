package io.lancebackfill.report;

import io.lancebackfill.datasource.store.Lease;
import io.lancebackfill.datasource.store.LeaseHolder;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.state.JobEvent;
import io.lancebackfill.state.JobRecords;
import io.lancebackfill.state.JobStatus;
import io.lancebackfill.state.TableState;
import io.lancebackfill.table.StorageErrors;
import io.lancebackfill.table.TableTarget;
import io.lancebackfill.table.Tables;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What jobs a table has seen. Reads only. */
public final class JobsReport {
  private final TableTarget target;
  private final TableState state;

  public JobsReport(TableTarget target) {
    this.target = target;
    this.state = new TableState(target.ref());
  }

  /**
   * One job as it stands.
   *
   * @param status INTERRUPTED if its driver ended without a word
   * @param last its last event
   */
  public record Job(JobStatus status, Instant startedAt, JobEvent last) {}

  /** All jobs, oldest first; only those of a status if it is given. */
  public List<Job> jobs(@Nullable JobStatus status) {
    return StorageErrors.translate(
        target,
        () -> {
          Tables.latest(target);
          Map<String, List<JobEvent>> events = new LinkedHashMap<>();
          for (JobEvent event : new JobRecords(state).events(null)) {
            events.computeIfAbsent(event.jobId(), id -> new ArrayList<>()).add(event);
          }
          return events.values().stream()
              .map(this::job)
              .filter(job -> status == null || job.status() == status)
              .sorted(java.util.Comparator.comparing(Job::startedAt))
              .toList();
        });
  }

  /**
   * The history of one job, oldest first.
   *
   * @throws BackfillException JOB_NOT_FOUND
   */
  public List<JobEvent> events(String jobId) {
    return StorageErrors.translate(
        target,
        () -> {
          Tables.latest(target);
          List<JobEvent> events = new JobRecords(state).events(jobId);
          if (events.isEmpty()) {
            throw new BackfillException(
                BackfillErrorCode.JOB_NOT_FOUND,
                "Table %s has no job '%s' in its records at %s. jobs(table) lists those that it has."
                    .formatted(target.name(), jobId, state.jobs().display()));
          }
          return events;
        });
  }

  private Job job(List<JobEvent> events) {
    JobEvent last = events.get(events.size() - 1);
    return new Job(status(last), JobRecords.startedAt(events), last);
  }

  private JobStatus status(JobEvent last) {
    if (last.status() != JobStatus.RUNNING) {
      return last.status();
    }
    Optional<LeaseHolder> holder = Lease.current(state.lease(last.columnIds()));
    boolean alive =
        holder
            .filter(h -> h.jobId().equals(last.jobId()))
            .filter(h -> !Lease.processGone(h))
            .isPresent();
    return alive ? JobStatus.RUNNING : JobStatus.INTERRUPTED;
  }
}
