package io.lancebackfill.cluster;

import org.jspecify.annotations.Nullable;

/**
 * A taint of nodes that pods put up with, as Kubernetes has it.
 *
 * @param key null with the operator Exists is every taint
 * @param operator {@code Equal} or {@code Exists}
 * @param effect {@code NoSchedule}, {@code PreferNoSchedule} or {@code NoExecute}; null is all
 * @param tolerationSeconds how long a pod stays on a node after a NoExecute taint; null is for ever
 */
public record Toleration(
    @Nullable String key,
    String operator,
    @Nullable String value,
    @Nullable String effect,
    @Nullable Integer tolerationSeconds) {
  /** Every value of one taint. */
  public static Toleration exists(String key, String effect) {
    return new Toleration(key, "Exists", null, effect, null);
  }

  /** One value of one taint. */
  public static Toleration equal(String key, String value, String effect) {
    return new Toleration(key, "Equal", value, effect, null);
  }

  /** Whether nodes with this taint take the pods, whatever the taint's value. */
  public boolean covers(String taint) {
    return key == null || key.equals(taint);
  }
}
