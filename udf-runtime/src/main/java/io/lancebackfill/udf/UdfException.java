package io.lancebackfill.udf;

import org.jspecify.annotations.Nullable;

/**
 * A function failed or broke its contract on some rows. The cause is what the function threw, null
 * if it broke the contract without throwing.
 */
public final class UdfException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String function;
  private final String where;
  private final long firstRow;
  private final long lastRow;

  private UdfException(
      String message,
      String function,
      String where,
      long firstRow,
      long lastRow,
      @Nullable Throwable cause) {
    super(message, cause);
    this.function = function;
    this.where = where;
    this.firstRow = firstRow;
    this.lastRow = lastRow;
  }

  /** The function failed before its first row or after its last one. */
  public static UdfException outsideRows(String function, String doing, Throwable cause) {
    return new UdfException(
        "Function '%s' failed %s: %s".formatted(function, doing, cause),
        function,
        doing,
        -1,
        -1,
        cause);
  }

  /**
   * The function failed on a batch.
   *
   * @param firstRow physical offset of the batch's first row
   * @param lastRow physical offset of its last row
   */
  public static UdfException onRows(
      String function, long firstRow, long lastRow, String problem, @Nullable Throwable cause) {
    String where =
        firstRow == lastRow
            ? "on the row at physical offset %d".formatted(firstRow)
            : "on the rows at physical offsets %d to %d".formatted(firstRow, lastRow);
    return new UdfException(
        "Function '%s' %s, %s.".formatted(function, problem, where),
        function,
        where,
        firstRow,
        lastRow,
        cause);
  }

  /** The name that the function was registered with. */
  public String function() {
    return function;
  }

  /** On which rows, or while doing what else, it failed. */
  public String where() {
    return where;
  }

  /** Physical offset of the first row of the failed batch; -1 outside of any batch. */
  public long firstRow() {
    return firstRow;
  }

  /** Physical offset of the last row of the failed batch; -1 outside of any batch. */
  public long lastRow() {
    return lastRow;
  }
}
