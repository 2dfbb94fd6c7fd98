package io.lancebackfill.error;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.regex.Pattern;
import org.apache.spark.SparkException;
import org.apache.spark.SparkThrowable;
import org.apache.spark.api.python.PythonException;
import org.jspecify.annotations.Nullable;

/**
 * What the reader of a message wants to know first of a failure: the exception that the user's code
 * or a library threw, not those that Spark put around it.
 */
public final class RootCause {
  private static final int DEEPEST = 20;
  private static final int MOST_CHARACTERS = 1_000;
  private static final int MOST_LINES = 12;
  private static final Pattern FRAMEWORK =
      Pattern.compile(
          "(java|javax|jdk|sun|com\\.sun|scala|org\\.apache|net\\.razorvine|io\\.lancebackfill)\\..*");

  private RootCause() {}

  /** Type and message of the exception, its reason, and for Python where it was raised. */
  public static String of(Throwable failure) {
    return describe(failure, false);
  }

  /**
   * The same of a function that failed, also for Java with the innermost frame of the user's own
   * code, and with a hint where the exception alone does not help.
   */
  public static String ofFunction(Throwable failure) {
    return describe(failure, true) + FunctionHint.of(failure);
  }

  /** The same of a traceback as Python prints it. */
  public static String ofPython(String traceback) {
    return describe(PythonTraceback.parse(traceback));
  }

  private static String describe(Throwable failure, boolean javaFrame) {
    List<Throwable> chain = chain(failure);
    for (Throwable cause : chain) {
      if (cause instanceof PythonException) {
        return ofPython(String.valueOf(cause.getMessage()));
      }
    }
    Throwable root = chain.get(chain.size() - 1);
    Throwable thrown = thrown(failure);
    String reason = root == thrown ? null : "caused by " + text(root);
    String frame = javaFrame ? frame(thrown) : null;
    return join(text(thrown), reason, frame);
  }

  /**
   * What was thrown first of all by what is no framework's: without those that Spark put around it.
   */
  public static Throwable thrown(Throwable failure) {
    List<Throwable> chain = chain(failure);
    return chain.stream()
        .filter(cause -> !isWrapper(cause))
        .findFirst()
        .orElse(chain.get(chain.size() - 1));
  }

  private static String describe(PythonTraceback traceback) {
    String reason = traceback.reason();
    return join(cut(traceback.exception()), reason == null ? null : cut(reason), traceback.frame());
  }

  private static String join(String exception, @Nullable String reason, @Nullable String frame) {
    return exception
        + (reason == null ? "" : "\n  " + reason)
        + (frame == null ? "" : "\n  raised at " + frame);
  }

  static List<Throwable> chain(Throwable failure) {
    List<Throwable> chain = new ArrayList<>();
    for (@Nullable Throwable cause = failure;
        cause != null && chain.size() < DEEPEST && !chain.contains(cause);
        cause = cause.getCause()) {
      chain.add(cause);
    }
    return chain;
  }

  private static boolean isWrapper(Throwable cause) {
    return cause.getCause() != null
        && (cause instanceof SparkException
            || cause instanceof ExecutionException
            || cause instanceof java.io.UncheckedIOException);
  }

  /** Type and message; Spark's own say their error class, which is more than their type. */
  private static String text(Throwable cause) {
    String message = cause.getMessage();
    return cause instanceof SparkThrowable && message != null && message.startsWith("[")
        ? cut(message)
        : cut(cause.toString());
  }

  private static @Nullable String frame(Throwable thrown) {
    for (StackTraceElement frame : thrown.getStackTrace()) {
      if (!FRAMEWORK.matcher(frame.getClassName()).matches()) {
        return "%s.%s (%s:%d)"
            .formatted(
                frame.getClassName(),
                frame.getMethodName(),
                frame.getFileName(),
                frame.getLineNumber());
      }
    }
    return null;
  }

  private static String cut(String text) {
    List<String> lines = text.strip().lines().toList();
    String head = String.join("\n", lines.subList(0, Math.min(lines.size(), MOST_LINES)));
    if (head.length() > MOST_CHARACTERS) {
      return head.substring(0, MOST_CHARACTERS) + " ...";
    }
    return lines.size() > MOST_LINES ? head + "\n..." : head;
  }
}
