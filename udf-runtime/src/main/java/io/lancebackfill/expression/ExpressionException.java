package io.lancebackfill.expression;

import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** An expression is refused, for one or more faults. The message has a line for each. */
public final class ExpressionException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  @SuppressWarnings("serial") // List.of() is serialisable.
  private final List<ExpressionFault> faults;

  /**
   * All faults of one expression.
   *
   * @param faults at least one
   * @param cause Spark's own error, if there is one
   */
  public ExpressionException(List<ExpressionFault> faults, @Nullable Throwable cause) {
    super(faults.stream().map(ExpressionFault::toString).collect(Collectors.joining("\n")), cause);
    this.faults = List.copyOf(faults);
  }

  /** In the order in which they were found, the first being the first to mend. */
  public List<ExpressionFault> faults() {
    return faults;
  }
}
