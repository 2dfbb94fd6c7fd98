package io.lancebackfill.cluster.check;

import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.lancebackfill.cluster.spark.GroupPods;
import java.util.Optional;

/**
 * Asks the API server to take a pod without keeping it: admission and quotas answer as they would.
 */
final class DryRun {
  private DryRun() {}

  static Optional<Finding> of(KubernetesClient client, Pod pod) {
    try {
      client
          .pods()
          .inNamespace(pod.getMetadata().getNamespace())
          .resource(pod)
          .dryRun(true)
          .create();
      return Optional.empty();
    } catch (KubernetesClientException e) {
      return Optional.of(
          RefusalFindings.of("the API server refuses pods of group " + GroupPods.groupOf(pod), e));
    }
  }
}
