package io.lancebackfill.state;

import io.lancebackfill.datasource.store.StateRow;
import io.lancebackfill.datasource.store.StateTable;
import io.lancebackfill.datasource.store.StateTable.Column;
import io.lancebackfill.datasource.store.StateTable.Type;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Jobs and their events: {@code _backfill/jobs.lance}, append only. */
public final class JobRecords {
  private static final List<Column> SCHEMA =
      List.of(
          new Column("job_id", Type.STRING),
          new Column("at", Type.TIMESTAMP),
          new Column("event", Type.STRING),
          new Column("status", Type.STRING),
          new Column("columns", Type.STRING),
          new Column("column_ids", Type.STRING),
          new Column("driver", Type.STRING),
          new Column("epoch", Type.LONG),
          new Column("generation", Type.STRING),
          new Column("table_version", Type.LONG),
          new Column("fragments_planned", Type.LONG),
          new Column("fragments_committed", Type.LONG),
          new Column("fragments_skipped", Type.LONG),
          new Column("rows_computed", Type.LONG),
          new Column("rows_from_checkpoints", Type.LONG),
          new Column("rows_failed", Type.LONG),
          new Column("commits", Type.LONG),
          new Column("bytes_written", Type.LONG),
          new Column("rows_planned", Type.LONG),
          new Column("elapsed_ms", Type.LONG),
          new Column("options", Type.STRING),
          new Column("message", Type.STRING),
          new Column("startup", Type.STRING));

  /** So many jobs of a column or group are remembered at least. */
  private static final long MOST_JOBS = 1000;

  private static final int MOST_FRAGMENTS = 50;

  private final StateTable table;

  public JobRecords(TableState state) {
    this.table = new StateTable(state.jobs(), SCHEMA);
  }

  /** Appends all events or none, in this order. */
  public void append(List<JobEvent> events) {
    table.append(events.stream().map(JobRecords::row).toList());
  }

  private static List<@Nullable Object> row(JobEvent e) {
    JobCounts c = e.counts();
    List<@Nullable Object> row = new ArrayList<>();
    row.addAll(
        List.of(
            e.jobId(),
            e.at(),
            e.event(),
            e.status().name(),
            e.columns(),
            e.columnIds(),
            e.driver(),
            e.epoch(),
            e.generation(),
            e.tableVersion()));
    row.addAll(
        List.of(
            c.fragmentsPlanned(),
            c.fragmentsCommitted(),
            c.fragmentsSkipped(),
            c.rowsComputed(),
            c.rowsFromCheckpoints(),
            c.rowsFailed(),
            c.commits(),
            c.bytesWritten()));
    row.addAll(List.of(e.rowsPlanned(), e.elapsedMs(), e.options(), e.message(), e.startup()));
    return row;
  }

  /** All events of one job, or of all jobs if {@code jobId} is null, oldest first. */
  public List<JobEvent> events(@Nullable String jobId) {
    return read(jobId == null ? null : equal("job_id", jobId));
  }

  /**
   * The events that decide what the next job on these columns does, oldest first: at least all
   * since the last job that ended, and since the newest plan. However many jobs there were before,
   * they are not read.
   */
  public List<JobEvent> decidingOn(String columnIds) {
    return sorted(
        table.readNewest(equal("column_ids", columnIds), "epoch", JobRecords::endAndPlan));
  }

  /**
   * The same for who holds the columns' lease.
   *
   * @param epoch of the lease: earlier jobs have lower ones
   */
  public List<JobEvent> decidingOn(String columnIds, long epoch) {
    return sorted(
        table.readNewest(equal("column_ids", columnIds), "epoch", epoch, JobRecords::endAndPlan));
  }

  private static boolean endAndPlan(List<StateRow> rows) {
    return has(rows, JobEvent.ENDED) && has(rows, JobEvent.PLANNED);
  }

  private static boolean has(List<StateRow> rows, String event) {
    return rows.stream().anyMatch(row -> row.string("event").equals(event));
  }

  private static String equal(String column, String value) {
    return "%s = '%s'".formatted(column, value.replace("'", "''"));
  }

  private List<JobEvent> read(@Nullable String filter) {
    return sorted(table.read(filter, List.of()));
  }

  private static List<JobEvent> sorted(List<StateRow> rows) {
    return rows.stream()
        .map(JobRecords::event)
        .sorted(Comparator.comparingLong(JobEvent::epoch).thenComparing(JobEvent::at))
        .toList();
  }

  /** When the job began: the time of its first event. */
  public static Instant startedAt(List<JobEvent> events) {
    return events.stream().map(JobEvent::at).min(Comparator.naturalOrder()).orElseThrow();
  }

  /** The last event of the newest job: the one with the highest epoch, whatever clocks say. */
  public static Optional<JobEvent> last(List<JobEvent> events) {
    return events.isEmpty() ? Optional.empty() : Optional.of(events.get(events.size() - 1));
  }

  /**
   * What jobs have followed of the table's history.
   *
   * @param to the newest version up to which one of them has; 0 if none has
   * @param byEpoch for each job's epoch the version up to which it has
   */
  public record Followed(long to, Map<Long, Long> byEpoch) {
    /** Up to a later version. */
    public Followed upTo(long version) {
      return new Followed(version, byEpoch);
    }

    /**
     * The version up to which the first of the jobs that made these records has; 0 if one of those
     * jobs is no longer remembered.
     */
    public long first(Collection<ColumnOrigin> origins) {
      return origins.stream()
          .filter(origin -> origin.epoch() > 0)
          .mapToLong(origin -> byEpoch.getOrDefault(origin.epoch(), 0L))
          .min()
          .orElse(to);
    }
  }

  public static Followed followed(List<JobEvent> events) {
    Map<Long, Long> byEpoch = new HashMap<>();
    for (JobEvent event : events) {
      if (event.event().equals(JobEvent.PLANNED)) {
        byEpoch.merge(event.epoch(), event.tableVersion(), Math::max);
      }
    }
    long to = byEpoch.values().stream().mapToLong(Long::longValue).max().orElse(0);
    return new Followed(to, Map.copyOf(byEpoch));
  }

  /** {@link #followed(List)} of the newest jobs on these columns. */
  public Followed followed(String columnIds) {
    return followed(decidingOn(columnIds));
  }

  /** {@link #followed(List)} of all jobs on these columns that are remembered. */
  public Followed everFollowed(String columnIds) {
    return followed(
        read("%s AND event = '%s'".formatted(equal("column_ids", columnIds), JobEvent.PLANNED)));
  }

  /**
   * Folds small files together, and forgets the oldest jobs on these columns where there are too
   * many; for the end of a job.
   *
   * @param epoch of the job that ends
   */
  public void tidy(String columnIds, long epoch) {
    if (table.fragments() > MOST_FRAGMENTS) {
      trim(columnIds, epoch - MOST_JOBS);
      table.compact();
    }
  }

  /** Folds small files together. */
  public void compact() {
    if (table.fragments() > MOST_FRAGMENTS) {
      table.compact();
    }
  }

  /**
   * Forgets jobs on these columns.
   *
   * @param epoch the highest of those that go
   * @return how many events went
   */
  public long trim(String columnIds, long epoch) {
    return epoch <= 0
        ? 0
        : table.delete("%s AND epoch <= %d".formatted(equal("column_ids", columnIds), epoch));
  }

  private static JobEvent event(StateRow r) {
    return new JobEvent(
        r.string("job_id"),
        r.instant("at"),
        r.string("event"),
        JobStatus.valueOf(r.string("status")),
        r.string("columns"),
        r.string("column_ids"),
        r.string("driver"),
        r.longValue("epoch"),
        r.string("generation"),
        r.longValue("table_version"),
        new JobCounts(
            r.longValue("fragments_planned"),
            r.longValue("fragments_committed"),
            r.longValue("fragments_skipped"),
            r.longValue("rows_computed"),
            r.longValue("rows_from_checkpoints"),
            r.longValue("rows_failed"),
            r.longValue("commits"),
            r.longValue("bytes_written")),
        r.longValue("rows_planned"),
        r.longValue("elapsed_ms"),
        r.string("options"),
        // Null in rows of jobs before it was kept.
        Objects.requireNonNullElse(r.stringOrNull("startup"), ""),
        r.string("message"));
  }
}
