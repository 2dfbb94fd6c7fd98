package io.lancebackfill.report;

import io.lancebackfill.coverage.PastRows;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.failure.ErrorRecord;
import io.lancebackfill.failure.ErrorRecords;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.JobEvent;
import io.lancebackfill.state.JobRecords;
import io.lancebackfill.state.TableState;
import io.lancebackfill.table.StorageErrors;
import io.lancebackfill.table.TableTarget;
import io.lancebackfill.table.Tables;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.roaringbitmap.RoaringBitmap;

/** On which rows of a table functions failed. Reads only. */
public final class ErrorsReport {
  private final TableTarget target;
  private final TableState state;

  public ErrorsReport(TableTarget target) {
    this.target = target;
    this.state = new TableState(target.ref());
  }

  /**
   * Error records, oldest first, of rows that were computed since, too.
   *
   * @param jobId null for those of all jobs
   * @param column name of a computed column, or of one of a group; null for those of all columns
   * @throws BackfillException COLUMN_NOT_FOUND or NOT_A_COMPUTED_COLUMN
   */
  public List<ErrorRecord> errors(@Nullable String jobId, @Nullable String column) {
    return StorageErrors.translate(
        target,
        () -> {
          TableSnapshot table = Tables.latest(target);
          String ids = column == null ? null : ComputedColumn.of(table, column).idKey();
          return new ErrorRecords(state)
              .read(jobId).stream()
                  .filter(error -> ids == null || error.columnIds().equals(ids))
                  .toList();
        });
  }

  /**
   * The rows on which a job failed.
   *
   * @param column the name of the job's column, or of one of its group, as it is called now
   * @param rows by the places that they had then
   */
  public record OfJob(String column, PastRows rows) {}

  /**
   * @throws BackfillException JOB_NOT_FOUND, or COLUMN_NOT_FOUND if its column is gone
   */
  public OfJob ofJob(String jobId) {
    return StorageErrors.translate(
        target,
        () -> {
          TableSnapshot table = Tables.latest(target);
          List<ErrorRecord> errors = new ErrorRecords(state).read(jobId);
          Map<Integer, RoaringBitmap> rows = new HashMap<>();
          for (ErrorRecord error : errors) {
            rows.computeIfAbsent(error.fragmentId(), id -> new RoaringBitmap()).add(error.offset());
          }
          List<JobEvent> events = new JobRecords(state).events(jobId);
          PastRows past = new PastRows(events.isEmpty() ? 0 : events.get(0).tableVersion(), rows);
          return errors.isEmpty()
              ? new OfJob(column(table, last(jobId, events)), past)
              : new OfJob(column(table, errors.get(0)), past);
        });
  }

  private JobEvent last(String jobId, List<JobEvent> events) {
    return JobRecords.last(events)
        .orElseThrow(
            () ->
                new BackfillException(
                    BackfillErrorCode.JOB_NOT_FOUND,
                    "Table %s has no job '%s' in its records at %s. jobs(table) lists those that it has."
                        .formatted(target.name(), jobId, state.jobs().display())));
  }

  private static String column(TableSnapshot table, JobEvent event) {
    return column(table, event.columnIds(), event.columns());
  }

  private static String column(TableSnapshot table, ErrorRecord error) {
    return column(table, error.columnIds(), error.column());
  }

  private static String column(TableSnapshot table, String ids, String names) {
    return ComputedColumn.all(table).stream()
        .filter(column -> column.idKey().equals(ids))
        .map(column -> column.names().get(0))
        .findFirst()
        .orElseThrow(
            () ->
                new BackfillException(
                    BackfillErrorCode.COLUMN_NOT_FOUND,
                    "The job filled column %s, which is not in the table any more: it was dropped. There is nothing to try again."
                        .formatted(names)));
  }
}
