package io.lancebackfill.error;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A failure that a user sees. The message has a line for each fault: {@code [CODE] problem. cause.
 * remedy.}, as Spark's error classes have.
 */
public final class BackfillException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final BackfillErrorCode code;

  public BackfillException(BackfillErrorCode code, @Nullable String message) {
    this(code, message, null);
  }

  public BackfillException(
      BackfillErrorCode code, @Nullable String message, @Nullable Throwable cause) {
    super("[" + code + "] " + message, cause);
    this.code = code;
  }

  BackfillException(List<BackfillException> faults) {
    super(String.join("\n", faults.stream().map(Throwable::getMessage).toList()));
    this.code = faults.get(0).code;
    faults.forEach(this::addSuppressed);
  }

  /** The message without the first fault's code. */
  public String problem() {
    String message = String.valueOf(getMessage());
    String prefix = "[" + code + "] ";
    return message.startsWith(prefix) ? message.substring(prefix.length()) : message;
  }

  /** The code of the first fault. */
  public BackfillErrorCode code() {
    return code;
  }
}
