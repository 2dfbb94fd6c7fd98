package io.lancebackfill.fingerprint;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What a function computes cannot be told. The message states the problem, cause and remedy. */
public final class FingerprintException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Why there is no fingerprint. */
  public enum Reason {
    /** The function's code or values have no form that is equal in every process. */
    NEEDS_VERSION,
    /** Looking at the function failed: a class or module that is missing, a Python that died. */
    FAILED
  }

  /** How a user gives a function a version, where a column is declared or a function registered. */
  public static final String VERSION_OPTION = "options => map('version', '1')";

  private final Reason reason;

  FingerprintException(Reason reason, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.reason = reason;
  }

  static FingerprintException needsVersion(String function, String why) {
    return new FingerprintException(
        Reason.NEEDS_VERSION,
        "Function '%s' needs a version: %s. ".formatted(function, why)
            + "Give it one, %s, and change it whenever the function computes something else."
                .formatted(VERSION_OPTION),
        null);
  }

  static FingerprintException failed(String message, @Nullable Throwable cause) {
    return new FingerprintException(Reason.FAILED, message, cause);
  }

  @Override
  public String getMessage() {
    return Objects.requireNonNull(super.getMessage());
  }

  public Reason reason() {
    return reason;
  }
}
