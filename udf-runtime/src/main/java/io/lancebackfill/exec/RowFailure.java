package io.lancebackfill.exec;

import io.lancebackfill.udf.scalar.ScalarColumnUdf;
import java.io.Serializable;
import java.util.List;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A row on which a function failed, for good. Its value is NULL.
 *
 * @param offset the row's physical offset in its fragment
 * @param code what kind of failure it was: one of the constants here
 * @param type the name of what was thrown, such as {@code java.util.concurrent.TimeoutException}
 * @param message what it said, shortened
 * @param trace the frames of the function's own code, shortened; empty if none was kept
 * @param attempt how often the row was tried alone
 * @param inputHash of the values that the function got; null before they are looked at, and where
 *     it gets none
 */
public record RowFailure(
    int offset,
    String code,
    String type,
    String message,
    String trace,
    int attempt,
    @Nullable String inputHash)
    implements Serializable {
  /** The function threw. */
  public static final String FUNCTION_RAISED = "FUNCTION_RAISED";

  /** The function took longer than {@code row_timeout}. */
  public static final String ROW_TIMEOUT = "ROW_TIMEOUT";

  private static final List<String> CALLERS =
      List.of(
          BatchUdfExecutor.class.getPackageName() + ".",
          ScalarColumnUdf.class.getPackageName() + ".",
          "org.apache.spark.sql.catalyst.",
          "org.apache.spark.sql.errors.");

  private static final int MOST_MESSAGE = 1_000;
  private static final int MOST_TRACE = 4_000;
  private static final int MOST_CAUSES = 10;

  /** A failure on a row whose input was not looked at yet. */
  public RowFailure(
      int offset, String code, String type, String message, String trace, int attempt) {
    this(offset, code, type, message, trace, attempt, null);
  }

  /** What the function threw on a row. */
  public static RowFailure thrown(int offset, Throwable thrown, int attempt) {
    return new RowFailure(
        offset,
        thrown instanceof TimedCalls.RowTimeoutException ? ROW_TIMEOUT : FUNCTION_RAISED,
        type(thrown),
        shortened(thrown.getMessage() == null ? "" : thrown.getMessage(), MOST_MESSAGE),
        shortened(ownFrames(thrown), MOST_TRACE),
        attempt);
  }

  private static String type(Throwable thrown) {
    return thrown instanceof TimedCalls.RowTimeoutException
        ? TimeoutException.class.getName()
        : thrown.getClass().getName();
  }

  /** Type and message as one text: what {@code retry_on} is matched against, and records say. */
  public String problem() {
    return problem(type, message);
  }

  static String problem(String type, String message) {
    return message.isEmpty() ? type : type + ": " + message;
  }

  /** The same failure, with the hash of the row's input. */
  public RowFailure onInput(String hash) {
    return new RowFailure(offset, code, type, message, trace, attempt, hash);
  }

  /** The trace down to where the function was called, and of its causes what they add. */
  private static String ownFrames(Throwable thrown) {
    StringBuilder trace = new StringBuilder();
    Throwable cause = thrown;
    for (int depth = 0; cause != null && depth < MOST_CAUSES; depth++) {
      String message = cause.getMessage() == null ? "" : cause.getMessage();
      trace
          .append(depth == 0 ? "" : "Caused by: ")
          .append(problem(type(cause), message))
          .append('\n');
      for (StackTraceElement frame : cause.getStackTrace()) {
        if (CALLERS.stream().anyMatch(frame.getClassName()::startsWith)) {
          break;
        }
        trace.append("    at ").append(frame).append('\n');
        if (trace.length() > MOST_TRACE) {
          return trace.toString();
        }
      }
      cause = cause.getCause();
    }
    return trace.toString();
  }

  private static String shortened(String text, int most) {
    return text.length() <= most ? text : text.substring(0, most - 3) + "...";
  }
}
