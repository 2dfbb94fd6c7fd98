package io.lancebackfill.error;

import java.io.PrintStream;
import java.util.List;
import org.apache.spark.QueryContext;
import org.apache.spark.SparkRuntimeException;
import org.jspecify.annotations.Nullable;
import scala.collection.immutable.Map;

/**
 * A failure that a user sees. The message has a line for each fault: {@code [CODE] problem. cause.
 * remedy.}, as Spark's error classes have. It is one of Spark's exceptions, so that PySpark, its
 * Connect client and Spark's SQL programs show it as they show Spark's own, and not as a fault of
 * Java.
 */
public final class BackfillException extends SparkRuntimeException {
  private static final long serialVersionUID = 1L;

  /** Spark looks the class of each of its exceptions up, for a message that is not shown here. */
  private static final String SPARKS_CLASS = "INTERNAL_ERROR";

  private static final String CLI = "org.apache.spark.sql.hive.thriftserver.SparkSQLCLIDriver";

  private final BackfillErrorCode code;
  private final String message;
  private final List<BackfillException> together;

  public BackfillException(BackfillErrorCode code, @Nullable String message) {
    this(code, message, null);
  }

  public BackfillException(
      BackfillErrorCode code, @Nullable String message, @Nullable Throwable cause) {
    this("[" + code + "] " + message, code, cause, List.of());
  }

  BackfillException(List<BackfillException> faults) {
    this(
        String.join("\n", faults.stream().map(BackfillException::getMessage).toList()),
        faults.get(0).code,
        null,
        faults);
    faults.forEach(this::addSuppressed);
  }

  private BackfillException(
      String message,
      BackfillErrorCode code,
      @Nullable Throwable cause,
      List<BackfillException> together) {
    super(SPARKS_CLASS, new Map.Map1<>("message", code.name()), cause, new QueryContext[0], "");
    this.code = code;
    this.message = message;
    this.together = List.copyOf(together);
  }

  /** The faults that it tells together; itself if it is one. */
  List<BackfillException> each() {
    return together.isEmpty() ? List.of(this) : together;
  }

  @Override
  public String getMessage() {
    return message;
  }

  /** The message without the first fault's code. */
  public String problem() {
    String prefix = "[" + code + "] ";
    return message.startsWith(prefix) ? message.substring(prefix.length()) : message;
  }

  /** The code of the first fault. */
  public BackfillErrorCode code() {
    return code;
  }

  /** The code's name. */
  @Override
  public String getErrorClass() {
    return code.name();
  }

  @Override
  public String getSqlState() {
    return code.sqlState();
  }

  @Override
  public boolean isInternalError() {
    return code.kind() == BackfillErrorCode.Kind.INTERNAL;
  }

  @Override
  public java.util.Map<String, String> getMessageParameters() {
    return java.util.Map.of("problem", problem());
  }

  /**
   * spark-sql prints the stack trace of all that is no AnalysisException below its message. The
   * message is all that its user can use; the trace of a defect is for us, and stays.
   */
  @Override
  public void printStackTrace(PrintStream out) {
    if (isInternalError() || !calledByCli()) {
      super.printStackTrace(out);
    }
  }

  private static boolean calledByCli() {
    return StackWalker.getInstance()
        .walk(frames -> frames.skip(2).findFirst())
        .filter(frame -> frame.getClassName().equals(CLI))
        .isPresent();
  }
}
