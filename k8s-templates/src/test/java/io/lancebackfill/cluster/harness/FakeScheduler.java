package io.lancebackfill.cluster.harness;

import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** Binds waiting pods to nodes, or says on the pod and in an event why it cannot. */
final class FakeScheduler implements AutoCloseable {
  private static final long ROUND_MS = 200;
  private static final String NOT_HELPFUL = "Preemption is not helpful for scheduling";
  private static final String NO_VICTIMS = "No preemption victims found for incoming pod";

  private final KubernetesClient client;
  private final PodEvents events;
  private final Consumer<Throwable> faults;
  private final ScheduledExecutorService loop =
      Executors.newSingleThreadScheduledExecutor(work -> new Thread(work, "test-scheduler"));

  FakeScheduler(KubernetesClient client, Consumer<Throwable> faults) {
    this.client = client;
    events = new PodEvents(client, "default-scheduler");
    this.faults = faults;
    var ignored = loop.scheduleWithFixedDelay(this::round, 0, ROUND_MS, TimeUnit.MILLISECONDS);
  }

  private void round() {
    try {
      List<Pod> pods = new ArrayList<>(client.pods().inAnyNamespace().list().getItems());
      List<Node> nodes = client.nodes().list().getItems();
      for (int i = 0; i < pods.size(); i++) {
        Pod pod = pods.get(i);
        if (pod.getSpec().getNodeName() == null
            && pod.getMetadata().getDeletionTimestamp() == null) {
          pods.set(i, schedule(pod, nodes, pods));
        }
      }
    } catch (KubernetesClientException e) {
      if (e.getCode() != 404 && e.getCode() != 409) { // a pod that went or changed: next round
        faults.accept(e);
      }
    } catch (RuntimeException e) {
      faults.accept(e);
    }
  }

  /** The pod as it is afterwards. */
  private Pod schedule(Pod pod, List<Node> nodes, List<Pod> pods) {
    Map<String, Integer> reasons = new TreeMap<>();
    Map<String, Integer> preemption = new TreeMap<>();
    for (Node node : nodes) {
      List<String> whyNot = Room.reasons(pod, node, pods);
      if (whyNot.isEmpty()) {
        return bind(pod, node.getMetadata().getName());
      }
      whyNot.forEach(reason -> reasons.merge(reason, 1, Integer::sum));
      preemption.merge(
          whyNot.get(0).startsWith("node(s)") ? NOT_HELPFUL : NO_VICTIMS, 1, Integer::sum);
    }
    String none = "0/" + nodes.size() + " nodes are available: ";
    String message =
        nodes.isEmpty()
            ? "no nodes available to schedule pods"
            : none + counted(reasons) + ". preemption: " + none + counted(preemption) + ".";
    boolean said =
        pod.getStatus().getConditions().stream().anyMatch(c -> message.equals(c.getMessage()));
    if (!said) {
      refuse(pod, message);
    }
    return pod;
  }

  private static String counted(Map<String, Integer> reasons) {
    return reasons.entrySet().stream()
        .map(each -> each.getValue() + " " + each.getKey())
        .sorted()
        .collect(Collectors.joining(", "));
  }

  private Pod bind(Pod pod, String node) {
    return client
        .pods()
        .resource(pod)
        .edit(
            p ->
                new PodBuilder(p)
                    .editSpec()
                    .withNodeName(node)
                    .endSpec()
                    .withStatus(PodStatuses.scheduled(p.getStatus()))
                    .build());
  }

  private void refuse(Pod pod, String message) {
    client
        .pods()
        .resource(pod)
        .editStatus(
            p ->
                new PodBuilder(p)
                    .withStatus(PodStatuses.unschedulable(p.getStatus(), message))
                    .build());
    events.warn(pod, "FailedScheduling", message);
  }

  @Override
  public void close() {
    loop.shutdown();
    try {
      if (!loop.awaitTermination(10, TimeUnit.SECONDS)) {
        faults.accept(new IllegalStateException("the scheduler's round did not end within 10 s"));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
