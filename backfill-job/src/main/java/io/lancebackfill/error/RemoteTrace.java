package io.lancebackfill.error;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Optional;

/** The stack trace of a failure in another process, as a cause of what it led to here. */
public final class RemoteTrace extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final int HEAD = 4_000;
  private static final int TAIL = 12_000;

  public RemoteTrace(String trace) {
    super(trace, null, false, false);
  }

  /** The trace of a failure with those of its causes, its middle left out if it is very long. */
  public static String text(Throwable failure) {
    StringWriter writer = new StringWriter();
    failure.printStackTrace(new PrintWriter(writer, true));
    String trace = writer.toString();
    int left = trace.length() - HEAD - TAIL;
    return left <= 0
        ? trace
        : "%s%n... %d characters left out ...%n%s"
            .formatted(trace.substring(0, HEAD), left, trace.substring(HEAD + left));
  }

  /** The remote trace among the causes of a failure. */
  public static Optional<String> in(Throwable failure) {
    return RootCause.chain(failure).stream()
        .filter(RemoteTrace.class::isInstance)
        .map(cause -> String.valueOf(cause.getMessage()))
        .findFirst();
  }
}
