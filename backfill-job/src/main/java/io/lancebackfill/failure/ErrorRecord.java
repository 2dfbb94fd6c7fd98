package io.lancebackfill.failure;

import io.lancebackfill.exec.RowFailure;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.RunId;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A row on which a function failed.
 *
 * @param columnIds {@link ComputedColumn#idKey}
 * @param column names of the columns that the job filled, with commas
 * @param function name of the function, or the expression
 * @param functionVersion as its author gave it; else the column's fingerprint
 * @param rowAddress of the row when it failed: the fragment's id above 32 bits of physical offset
 * @param inputHash of the values that the function got, {@link InputHash}; null if it got none, if
 *     they could not be read again, and in records of older builds
 * @param attempt how often the row was tried alone
 * @param message type and message of what was thrown
 */
public record ErrorRecord(
    String jobId,
    String columnIds,
    String column,
    String function,
    String functionVersion,
    long rowAddress,
    @Nullable String inputHash,
    int attempt,
    String code,
    String message,
    String trace,
    Instant at) {

  public static ErrorRecord of(
      RunId run, ComputedColumn column, int fragmentId, RowFailure failure, Instant at) {
    return new ErrorRecord(
        run.jobId(),
        run.columnIds(),
        run.column(),
        column.function().isEmpty() ? column.expression() : column.function(),
        column.functionVersion().orElse(column.fingerprint()),
        (long) fragmentId << 32 | failure.offset(),
        failure.inputHash(),
        failure.attempt(),
        failure.code(),
        failure.problem(),
        failure.trace(),
        at);
  }

  /** The fragment in which the row was when it failed. */
  public int fragmentId() {
    return (int) (rowAddress >>> 32);
  }

  /** The row's physical offset there. */
  public int offset() {
    return (int) rowAddress;
  }
}
