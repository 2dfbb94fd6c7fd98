package io.lancebackfill.cluster;

import org.jspecify.annotations.Nullable;

/**
 * How a cluster is reached. Credentials are places, never values.
 *
 * @param master Spark's master: {@code k8s://https://host:port}, {@code spark://host:port}, {@code
 *     yarn}, {@code local[4]}; null is what the kubeconfig, the pod or the session has
 * @param namespace of the pods; {@code default} where a definition does not say
 * @param kubeconfig a file; null is the usual place, {@code $KUBECONFIG} or {@code ~/.kube/config}
 * @param context of the kubeconfig; null is its current one
 * @param inCluster the driver runs in a pod and uses that pod's service account
 */
public record Access(
    @Nullable String master,
    String namespace,
    @Nullable String kubeconfig,
    @Nullable String context,
    boolean inCluster) {}
