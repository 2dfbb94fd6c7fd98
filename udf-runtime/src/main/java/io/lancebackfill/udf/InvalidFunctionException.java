package io.lancebackfill.udf;

import org.jspecify.annotations.Nullable;

/** A class cannot serve as a function. The message states the problem, its cause and a remedy. */
public final class InvalidFunctionException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  InvalidFunctionException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
