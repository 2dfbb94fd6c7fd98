package io.lancebackfill.report;

import com.fasterxml.jackson.core.type.TypeReference;
import io.lancebackfill.datasource.store.LeaseSurvey;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.state.JobEvent;
import io.lancebackfill.state.JobRecords;
import io.lancebackfill.state.JobStatus;
import io.lancebackfill.state.Json;
import io.lancebackfill.state.TableState;
import io.lancebackfill.table.StorageErrors;
import io.lancebackfill.table.TableTarget;
import io.lancebackfill.table.Tables;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What jobs a table has seen. Reads only. */
public final class JobsReport {
  private final TableTarget target;
  private final TableState state;
  private final Duration leaseDuration;

  /**
   * @param leaseDuration after which a driver that is not heard of is taken for dead
   */
  public JobsReport(TableTarget target, Duration leaseDuration) {
    this.target = target;
    this.leaseDuration = leaseDuration;
    this.state = new TableState(target.ref());
  }

  /**
   * One job as it stands.
   *
   * @param status INTERRUPTED if its driver ended without a word
   * @param last its last event
   */
  public record Job(JobStatus status, Instant startedAt, JobEvent last) {}

  /**
   * All jobs, oldest first; only those of a status if it is given. Waits for up to the duration of
   * a lease where the clocks say that a driver on another machine has not renewed its one in time.
   */
  public List<Job> jobs(@Nullable JobStatus status) {
    return StorageErrors.translate(
        target,
        () -> {
          Tables.latest(target);
          Map<String, List<JobEvent>> events = new LinkedHashMap<>();
          for (JobEvent event : new JobRecords(state).events(null)) {
            events.computeIfAbsent(event.jobId(), id -> new ArrayList<>()).add(event);
          }
          Set<String> atWork = atWork(events.values().stream().map(JobsReport::last).toList());
          return events.values().stream()
              .map(job -> job(job, atWork))
              .filter(job -> status == null || job.status() == status)
              .sorted(java.util.Comparator.comparing(Job::startedAt))
              .toList();
        });
  }

  /**
   * The history of one job, oldest first; the last event has the status that the job has now.
   *
   * @throws BackfillException JOB_NOT_FOUND
   */
  public List<JobEvent> events(String jobId) {
    return StorageErrors.translate(
        target,
        () -> {
          Tables.latest(target);
          List<JobEvent> events = new ArrayList<>(new JobRecords(state).events(jobId));
          if (events.isEmpty()) {
            throw new BackfillException(
                BackfillErrorCode.JOB_NOT_FOUND,
                "Table %s has no job '%s' in its records at %s. jobs(table) lists those that it has."
                    .formatted(target.name(), jobId, state.jobs().display()));
          }
          JobEvent last = last(events);
          events.set(events.size() - 1, last.withStatus(status(last, atWork(List.of(last)))));
          return events;
        });
  }

  /** What is known of the start of an event's job: steps and their seconds, or counts. */
  public static Map<String, Double> startup(JobEvent event) {
    return event.startup().isEmpty()
        ? Map.of()
        : Json.read(event.startup(), new TypeReference<Map<String, Double>>() {});
  }

  private static Job job(List<JobEvent> events, Set<String> atWork) {
    JobEvent last = last(events);
    return new Job(status(last, atWork), JobRecords.startedAt(events), last);
  }

  private static JobEvent last(List<JobEvent> events) {
    return events.get(events.size() - 1);
  }

  private static JobStatus status(JobEvent last, Set<String> atWork) {
    return last.status() == JobStatus.RUNNING && !atWork.contains(last.jobId())
        ? JobStatus.INTERRUPTED
        : last.status();
  }

  /** The jobs without an end whose drivers live. */
  private Set<String> atWork(List<JobEvent> last) {
    Set<DatasetRef> leases =
        last.stream()
            .filter(event -> event.status() == JobStatus.RUNNING)
            .map(event -> state.lease(event.columnIds()))
            .collect(Collectors.toSet());
    return LeaseSurvey.quick(leases, leaseDuration).values().stream()
        .filter(LeaseSurvey.Held::alive)
        .map(held -> held.holder().jobId())
        .collect(Collectors.toSet());
  }
}
