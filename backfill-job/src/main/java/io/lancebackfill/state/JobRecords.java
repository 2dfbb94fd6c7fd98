package io.lancebackfill.state;

import io.lancebackfill.datasource.store.StateRow;
import io.lancebackfill.datasource.store.StateTable;
import io.lancebackfill.datasource.store.StateTable.Column;
import io.lancebackfill.datasource.store.StateTable.Type;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
          new Column("message", Type.STRING));

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
    row.addAll(List.of(e.rowsPlanned(), e.elapsedMs(), e.options(), e.message()));
    return row;
  }

  /** All events of one job, or of all jobs if {@code jobId} is null, oldest first. */
  public List<JobEvent> events(@Nullable String jobId) {
    return read(jobId == null ? null : equal("job_id", jobId));
  }

  /** All events of the jobs on these columns, oldest first. */
  public List<JobEvent> eventsOn(String columnIds) {
    return read(equal("column_ids", columnIds));
  }

  private static String equal(String column, String value) {
    return "%s = '%s'".formatted(column, value.replace("'", "''"));
  }

  private List<JobEvent> read(@Nullable String filter) {
    if (!table.exists()) {
      return List.of();
    }
    return table.read(filter, List.of()).stream()
        .map(JobRecords::event)
        .sorted(Comparator.comparingLong(JobEvent::epoch).thenComparing(JobEvent::at))
        .toList();
  }

  /** The last event of each job, in the order in which the jobs began. */
  public List<JobEvent> latest() {
    return latest(events(null));
  }

  private static List<JobEvent> latest(List<JobEvent> events) {
    Map<String, JobEvent> last = new LinkedHashMap<>();
    events.stream().sorted(Comparator.comparing(JobEvent::at)).forEach(e -> last.put(e.jobId(), e));
    return List.copyOf(last.values());
  }

  /** When the job began: the time of its first event. */
  public static Instant startedAt(List<JobEvent> events) {
    return events.stream().map(JobEvent::at).min(Comparator.naturalOrder()).orElseThrow();
  }

  /** The last event of the newest job. */
  public static Optional<JobEvent> last(List<JobEvent> events) {
    List<JobEvent> of = latest(events);
    return of.isEmpty() ? Optional.empty() : Optional.of(of.get(of.size() - 1));
  }

  /**
   * The newest version up to which one of the jobs has followed the table's history; 0 if none has.
   */
  public static long followedTo(List<JobEvent> events) {
    return events.stream()
        .filter(e -> e.event().equals(JobEvent.PLANNED))
        .mapToLong(JobEvent::tableVersion)
        .max()
        .orElse(0);
  }

  /** {@link #followedTo(List)} of the jobs on these columns. */
  public long followedTo(String columnIds) {
    return followedTo(eventsOn(columnIds));
  }

  /** Folds small files together; for the end of a job. */
  public void compact() {
    if (table.exists() && table.fragments() > 50) {
      table.compact();
    }
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
        r.string("message"));
  }
}
