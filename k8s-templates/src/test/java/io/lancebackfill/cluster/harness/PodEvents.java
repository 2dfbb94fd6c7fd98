package io.lancebackfill.cluster.harness;

import io.fabric8.kubernetes.api.model.Event;
import io.fabric8.kubernetes.api.model.EventBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.time.Instant;

/** Warnings about pods, as {@code kubectl describe pod} shows them. */
final class PodEvents {
  private final KubernetesClient client;
  private final String component;

  /**
   * @param component who warns: default-scheduler, kubelet
   */
  PodEvents(KubernetesClient client, String component) {
    this.client = client;
    this.component = component;
  }

  void warn(Pod pod, String reason, String message) {
    String namespace = pod.getMetadata().getNamespace();
    String name = pod.getMetadata().getName();
    String now = Instant.now().toString();
    Event event =
        new EventBuilder()
            .withNewMetadata()
            .withName(name + "." + Long.toHexString(System.nanoTime()))
            .withNamespace(namespace)
            .endMetadata()
            .withNewInvolvedObject()
            .withApiVersion("v1")
            .withKind("Pod")
            .withName(name)
            .withNamespace(namespace)
            .withUid(pod.getMetadata().getUid())
            .endInvolvedObject()
            .withType("Warning")
            .withReason(reason)
            .withMessage(message)
            .withNewSource()
            .withComponent(component)
            .endSource()
            .withFirstTimestamp(now)
            .withLastTimestamp(now)
            .withCount(1)
            .build();
    client.v1().events().inNamespace(namespace).resource(event).create();
  }
}
