package io.lancebackfill.cluster.check;

import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.WorkerGroup;
import io.lancebackfill.cluster.spark.GroupPods;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/**
 * Why pods of an application do not run, or ended. Reads its pods; says more where nodes and events
 * may be read as well. Creates nothing.
 */
public final class PodDiagnosis {
  private static final String APPLICATION = "spark-app-selector";
  private static final String ROLE = "spark-role";
  private static final int NAMED = 3;

  private final KubernetesClient client;
  private final String namespace;

  public PodDiagnosis(KubernetesClient client, String namespace) {
    this.client = client;
    this.namespace = namespace;
  }

  /** Findings on the executors that there are; those with one cause and remedy are one. */
  public List<Finding> application(String applicationId) {
    try {
      return of(pods(applicationId));
    } catch (KubernetesClientException e) {
      return List.of(RefusalFindings.of("the API server refuses to list pods", e));
    }
  }

  /**
   * Findings on the executors that there are, and on groups that should have some and have none: a
   * quota leaves no other trace.
   *
   * @param wanted groups for which work waits
   */
  public List<Finding> application(
      String applicationId, ClusterSpec cluster, Collection<WorkerGroup> wanted) {
    try {
      List<Pod> pods = pods(applicationId);
      List<Finding> findings = new ArrayList<>(of(pods));
      for (WorkerGroup group : wanted) {
        if (pods.stream().noneMatch(pod -> GroupPods.groupOf(pod).equals(group.name()))) {
          String name =
              "check-" + group.name() + "-" + UUID.randomUUID().toString().substring(0, 8);
          DryRun.of(client, GroupPods.sample(cluster, group, name)).ifPresent(findings::add);
        }
      }
      return List.copyOf(findings);
    } catch (KubernetesClientException e) {
      return List.of(RefusalFindings.of("the API server refuses to list pods", e));
    }
  }

  private List<Pod> pods(String applicationId) {
    return client
        .pods()
        .inNamespace(namespace)
        .withLabel(APPLICATION, applicationId)
        .withLabel(ROLE, "executor")
        .list()
        .getItems();
  }

  /** Findings on these pods. */
  public List<Finding> of(List<Pod> pods) {
    ClusterState state = new ClusterState(client);
    Map<PodSymptoms.Symptom, List<String>> byCause = new LinkedHashMap<>();
    Optional<List<Node>> nodes = Optional.empty();
    List<Pod> others = List.of();
    if (pods.stream().anyMatch(PodSymptoms::unschedulable)) {
      nodes = state.nodes();
      others = nodes.isPresent() ? state.pods(namespace) : List.of();
    }
    PodSymptoms symptoms = new PodSymptoms(state, nodes, others);
    for (Pod pod : pods) {
      symptoms
          .of(pod)
          .ifPresent(
              symptom ->
                  byCause
                      .computeIfAbsent(symptom, s -> new ArrayList<>())
                      .add(pod.getMetadata().getName()));
    }
    List<Finding> findings = new ArrayList<>();
    byCause.forEach((symptom, names) -> findings.add(symptom.finding(named(names))));
    return List.copyOf(findings);
  }

  private static String named(List<String> names) {
    String some = String.join(", ", names.subList(0, Math.min(NAMED, names.size())));
    return names.size() == 1
        ? "pod " + some
        : names.size() + " pods (" + some + (names.size() > NAMED ? ", ..." : "") + ")";
  }
}
