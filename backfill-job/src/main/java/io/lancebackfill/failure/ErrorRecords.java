package io.lancebackfill.failure;

import io.lancebackfill.datasource.store.StateRow;
import io.lancebackfill.datasource.store.StateTable;
import io.lancebackfill.datasource.store.StateTable.Column;
import io.lancebackfill.datasource.store.StateTable.Type;
import io.lancebackfill.state.TableState;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Rows on which functions failed: {@code _backfill/errors.lance}, append only. */
public final class ErrorRecords implements ErrorLog {
  private static final List<Column> SCHEMA =
      List.of(
          new Column("job_id", Type.STRING),
          new Column("column_ids", Type.STRING),
          new Column("column", Type.STRING),
          new Column("function", Type.STRING),
          new Column("function_version", Type.STRING),
          new Column("fragment_id", Type.INT),
          new Column("row_address", Type.LONG),
          new Column("input_hash", Type.STRING),
          new Column("attempt", Type.INT),
          new Column("code", Type.STRING),
          new Column("message", Type.STRING),
          new Column("trace", Type.STRING),
          new Column("at", Type.TIMESTAMP));

  private static final int MOST_FRAGMENTS = 50;

  private final StateTable table;

  public ErrorRecords(TableState state) {
    this.table = new StateTable(state.errors(), SCHEMA);
  }

  @Override
  public void append(List<ErrorRecord> errors) {
    table.append(errors.stream().map(ErrorRecords::row).toList());
  }

  private static List<@Nullable Object> row(ErrorRecord e) {
    return Arrays.asList(
        e.jobId(),
        e.columnIds(),
        e.column(),
        e.function(),
        e.functionVersion(),
        e.fragmentId(),
        e.rowAddress(),
        e.inputHash(),
        e.attempt(),
        e.code(),
        e.message(),
        e.trace(),
        e.at());
  }

  /** The records of one job, or of all if {@code jobId} is null, oldest first. */
  public List<ErrorRecord> read(@Nullable String jobId) {
    return table.read(jobId == null ? null : ofJob(jobId), List.of()).stream()
        .map(ErrorRecords::error)
        .toList();
  }

  private static String ofJob(String jobId) {
    return "job_id = '%s'".formatted(jobId.replace("'", "''"));
  }

  private static ErrorRecord error(StateRow r) {
    return new ErrorRecord(
        r.string("job_id"),
        r.string("column_ids"),
        r.string("column"),
        r.string("function"),
        r.string("function_version"),
        r.longValue("row_address"),
        r.stringOrNull("input_hash"),
        r.intValue("attempt"),
        r.string("code"),
        r.string("message"),
        r.string("trace"),
        r.instant("at"));
  }

  /**
   * Forgets jobs of which no row is failed any more.
   *
   * @param before jobs with newer records stay
   * @param stillFailed whether a row that a record names is failed still
   */
  public void trim(Instant before, Predicate<ErrorRecord> stillFailed) {
    Map<String, Boolean> mayGo = new LinkedHashMap<>();
    for (ErrorRecord error : read(null)) {
      boolean goes = error.at().isBefore(before) && !stillFailed.test(error);
      mayGo.merge(error.jobId(), goes, Boolean::logicalAnd);
    }
    Set<String> gone = new HashSet<>();
    mayGo.forEach(
        (job, goes) -> {
          if (goes) {
            gone.add(job);
          }
        });
    gone.forEach(job -> table.delete(ofJob(job)));
    compact();
  }

  /** Folds small files together. */
  public void compact() {
    if (table.fragments() > MOST_FRAGMENTS) {
      table.compact();
    }
  }
}
