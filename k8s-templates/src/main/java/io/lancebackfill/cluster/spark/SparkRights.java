package io.lancebackfill.cluster.spark;

import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.HeadGroup;
import java.util.List;

/**
 * The least that Spark's accounts need in their namespace, as an API server's audit log showed it.
 * Nodes, events and other namespaces are not among them.
 *
 * @param resource of the core API group
 */
public record SparkRights(String resource, List<String> verbs) {
  /** The driver's service account where a definition's head group names none. */
  public static final String DRIVER_ACCOUNT = "lance-backfill-driver";

  /** The account that a driver pod of a cluster acts with. */
  public static String driverAccount(ClusterSpec cluster) {
    HeadGroup head = cluster.headGroup();
    return head == null || head.pod().serviceAccount() == null
        ? DRIVER_ACCOUNT
        : head.pod().serviceAccount();
  }

  /** Of the driver, in a pod or outside. */
  public static List<SparkRights> ofDriver() {
    return List.of(
        new SparkRights(
            "pods",
            List.of("create", "get", "list", "watch", "delete", "deletecollection", "patch")),
        new SparkRights("configmaps", List.of("create", "deletecollection")),
        new SparkRights("services", List.of("deletecollection")),
        new SparkRights("persistentvolumeclaims", List.of("list", "deletecollection")));
  }

  /** Of whoever calls spark-submit in cluster mode. */
  public static List<SparkRights> ofSubmitter() {
    return List.of(
        new SparkRights("pods", List.of("create", "get", "list", "watch", "patch")),
        new SparkRights("services", List.of("create", "patch")),
        new SparkRights("configmaps", List.of("create", "patch")));
  }
}
