package io.lancebackfill.cluster.check;

/**
 * Something that keeps pods from running, or soon may.
 *
 * @param problem what is seen, with names
 * @param cause what Kubernetes says, or what the numbers show
 * @param remedy what to change
 */
public record Finding(
    FindingCode code, Severity severity, String problem, String cause, String remedy) {
  /** How bad it is. */
  public enum Severity {
    /** Waiting does not help. */
    ERROR,
    /** It may pass: nodes get free, or an autoscaler adds some. */
    WARNING,
    /** For information: something could not be looked at, or is under way. */
    INFO
  }

  @Override
  public String toString() {
    return "[" + code + "] " + problem + ": " + cause + ". " + remedy + ".";
  }
}
