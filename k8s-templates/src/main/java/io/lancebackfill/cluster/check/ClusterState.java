package io.lancebackfill.cluster.check;

import io.fabric8.kubernetes.api.model.Event;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.net.HttpURLConnection;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** What an account may see of a cluster: often its namespace's pods and nothing else. */
final class ClusterState {
  private final KubernetesClient client;

  ClusterState(KubernetesClient client) {
    this.client = client;
  }

  Optional<List<Node>> nodes() {
    return allowed(() -> client.nodes().list().getItems());
  }

  /** All pods; only those of a namespace where no more may be seen. */
  List<Pod> pods(String namespace) {
    return allowed(() -> client.pods().inAnyNamespace().list().getItems())
        .orElseGet(() -> client.pods().inNamespace(namespace).list().getItems());
  }

  /** Events about a pod, oldest first; none where they may not be seen. */
  List<Event> events(Pod pod) {
    String uid = pod.getMetadata().getUid();
    return allowed(
            () ->
                client
                    .v1()
                    .events()
                    .inNamespace(pod.getMetadata().getNamespace())
                    .list()
                    .getItems())
        .orElse(List.of())
        .stream()
        .filter(event -> event.getInvolvedObject() != null)
        .filter(event -> uid != null && uid.equals(event.getInvolvedObject().getUid()))
        .toList();
  }

  /** Empty where the account has no right to it. */
  static <T> Optional<T> allowed(Supplier<T> read) {
    try {
      return Optional.of(read.get());
    } catch (KubernetesClientException e) {
      if (e.getCode() == HttpURLConnection.HTTP_FORBIDDEN) {
        return Optional.empty();
      }
      throw e;
    }
  }
}
