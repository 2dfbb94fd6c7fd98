package io.lancebackfill.expression;

import java.io.Serializable;

/**
 * Why an expression is refused.
 *
 * @param message problem, cause and remedy
 */
public record ExpressionFault(Code code, String message) implements Serializable {

  /** Stable codes of faults. */
  public enum Code {
    /** It does not parse, or does not fit the table's columns. */
    INVALID_EXPRESSION,
    /** Its value may differ from one evaluation to the next. */
    NON_DETERMINISTIC_EXPRESSION,
    /** Its value depends on the clock, the user or the session's place. */
    SESSION_DEPENDENT_EXPRESSION,
    /** It needs other rows, or makes other rows: aggregate, window, generator, subquery. */
    NOT_ROW_WISE_EXPRESSION,
    /** It calls a function that neither the session nor the table knows. */
    FUNCTION_NOT_FOUND,
    /** A function on Arrow batches is called inside of something else. */
    FUNCTION_NOT_TOP_LEVEL,
    /** A function's code has no fingerprint, so that it must be given a version. */
    FUNCTION_NEEDS_VERSION,
    /** A registered function cannot be loaded or does not take these columns. */
    INVALID_FUNCTION,
    /** The result's type cannot be that of a column. */
    UNSUPPORTED_TYPE,
    /** A filter does not parse, is not boolean, or is not a condition on one row. */
    INVALID_WHERE
  }

  @Override
  public String toString() {
    return "[" + code + "] " + message;
  }
}
