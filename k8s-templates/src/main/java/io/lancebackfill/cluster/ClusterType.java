package io.lancebackfill.cluster;

/** Where a cluster's executors come from. */
public enum ClusterType {
  /** Tasks run in the driver; there are no workers. */
  LOCAL,
  /** A Spark that somebody else runs: standalone, YARN, or a session that is there already. */
  EXISTING,
  /** Spark starts executors as pods. */
  KUBERNETES
}
