package io.lancebackfill.cluster.check;

/** What can be found; the names are stable. */
public enum FindingCode {
  /** The API server does not answer. */
  CLUSTER_UNREACHABLE,
  /** The API server does not know the caller. */
  CREDENTIALS_REFUSED,
  NAMESPACE_MISSING,
  SERVICE_ACCOUNT_MISSING,
  /** An account lacks verbs that Spark needs. */
  RIGHTS_MISSING,
  /** Spark was not told of the executor step, and would put all pods anywhere. */
  EXECUTOR_STEP_NOT_SET,
  /** Spark cannot load the executor step, and would wait for ever. */
  EXECUTOR_STEP_NOT_FOUND,
  /** The step could not read where a pod belongs. */
  PLACEMENT_UNREADABLE,
  QUOTA_EXCEEDED,
  /** A webhook or another admission rule refuses the pod. */
  POD_REFUSED,
  /** The API server finds fault with the pod itself. */
  POD_INVALID,
  /** No node could take a pod even if it were empty. */
  POD_FITS_NO_NODE,
  /** No node has the labels; an autoscaler may add one. */
  NO_NODE_SELECTED,
  /** No node offers the GPU resource. */
  GPU_NOT_OFFERED,
  /** Nodes that would take a pod are full. */
  POOL_FULL,
  /** The pool holds fewer pods than the group may have. */
  POOL_TOO_SMALL,
  /** Full nodes would have CPUs or GPUs left that no pod can use. */
  POOL_UNEVEN,
  /** The account may not list nodes, so that they were left out. */
  NODES_UNREADABLE,
  POD_UNSCHEDULABLE,
  /** A pod has a node or waits for one, and nothing speaks against it. */
  POD_STARTING,
  IMAGE_PULL_FAILED,
  /** A secret, config map or command that the container needs is not there. */
  CONTAINER_CONFIG_INVALID,
  CONTAINER_START_FAILED,
  VOLUME_MOUNT_FAILED,
  EXECUTOR_OUT_OF_MEMORY,
  /** SIGKILL from outside, which may have been memory. */
  EXECUTOR_KILLED,
  EXECUTOR_FAILED,
  POD_EVICTED,
  /** Somebody deleted the pod, or drained its node. */
  POD_DELETED,
  /** The node is gone or was taken away. */
  NODE_LOST
}
