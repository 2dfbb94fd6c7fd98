package io.lancebackfill.cluster.spark;

/** No group of a cluster has what a function needs. */
public final class GroupUnfitException extends RuntimeException {
  public static final String CODE = "CLUSTER_GROUP_UNFIT";

  GroupUnfitException(String message) {
    super("[" + CODE + "] " + message);
  }

  public String code() {
    return CODE;
  }
}
