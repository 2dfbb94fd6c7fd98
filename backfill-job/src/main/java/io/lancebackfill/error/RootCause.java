package io.lancebackfill.error;

import org.jspecify.annotations.Nullable;

/** The innermost cause of a failure: what the reader of a message wants to know first. */
public final class RootCause {
  private static final int MOST_LINES = 3;
  private static final int DEEPEST = 20;

  private RootCause() {}

  /** Class and message of the innermost cause, its first lines. */
  public static String of(Throwable failure) {
    Throwable cause = failure;
    for (int depth = 0; depth < DEEPEST; depth++) {
      @Nullable Throwable next = cause.getCause();
      if (next == null || next == cause) {
        break;
      }
      cause = next;
    }
    return cause.toString().lines().limit(MOST_LINES).reduce("", (a, b) -> a + "\n" + b).strip();
  }
}
