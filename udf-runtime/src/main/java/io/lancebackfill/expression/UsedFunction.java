package io.lancebackfill.expression;

/**
 * A user's function in an expression.
 *
 * @param name as it was registered
 * @param fingerprint of what it computes; equal in every process
 */
public record UsedFunction(String name, Language language, String fingerprint) {

  /** What a function is written in, and so what its fingerprint is made of. */
  public enum Language {
    /** A Java or Scala function of the session, or a class of an extension. */
    JAVA,
    /** A Python function of the session. */
    PYTHON,
    /** A registered function on Arrow batches. */
    ARROW
  }
}
