package io.lancebackfill.cluster;

import org.jspecify.annotations.Nullable;

/**
 * The driver.
 *
 * @param pod of cluster mode; in client mode the driver is where the session is
 * @param driverHost where executors reach a driver in client mode; null is this machine's address
 */
public record HeadGroup(PodTraits pod, PodSize size, @Nullable String driverHost) {
  public static GroupBuilder builder() {
    return new GroupBuilder();
  }
}
