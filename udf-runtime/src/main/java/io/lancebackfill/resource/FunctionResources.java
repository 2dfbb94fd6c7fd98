package io.lancebackfill.resource;

import java.io.Serializable;

/**
 * What one task of a function asks for.
 *
 * @param cpus over 0; below 1 a task of one CPU runs several parts of a batch at once
 * @param gpus 0 or more; below 1 tasks share a GPU
 * @param memoryBytes 0 if it asks for no amount
 */
public record FunctionResources(double cpus, double gpus, long memoryBytes)
    implements Serializable {
  /** One CPU, as every task of Spark's has. */
  public static final FunctionResources ONE_CPU = new FunctionResources(1, 0, 0);

  /** Sums of fractions, as three times a third, are not exact. */
  static final double ROUNDING = 1e-6;

  /** How many such shares a whole has: 3 for a third, 1 for more than a half. */
  public static int sharesOf(double fraction) {
    return (int) Math.floor(1 / fraction + ROUNDING);
  }

  /** Parts of a batch that a task runs at once, unless the call says how many. */
  public int threads() {
    return cpus < 1 ? sharesOf(cpus) : 1;
  }
}
