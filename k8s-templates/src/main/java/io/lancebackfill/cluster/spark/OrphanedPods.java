package io.lancebackfill.cluster.spark;

import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.util.Set;
import java.util.TreeSet;

/**
 * Pods and config maps that a dead driver of a job left behind. Spark cleans up only what its own
 * application made, and a driver that ran outside of a pod is no owner of what it made.
 */
public final class OrphanedPods {
  private static final String APPLICATION = "spark-app-selector";
  private static final String ROLE = "spark-role";

  private OrphanedPods() {}

  /**
   * Deletes what other applications of this job left. To be called by whoever holds the job's
   * lease: then no other driver of it is alive. An application that has a running pod is left
   * alone: executors end by themselves when their driver is gone, and its driver may have gone on
   * to other jobs. Needs list and deletecollection of pods, and deletecollection of config maps.
   *
   * @param applicationId of the caller, whose own pods stay
   * @return the applications whose pods were deleted, sorted
   */
  public static Set<String> remove(
      KubernetesClient client, String namespace, String jobId, String applicationId) {
    Set<String> dead = new TreeSet<>();
    for (Pod pod :
        client
            .pods()
            .inNamespace(namespace)
            .withLabel(GroupPlacement.JOB_LABEL, GroupPlacement.labelOf(jobId))
            .list()
            .getItems()) {
      String application = pod.getMetadata().getLabels().get(APPLICATION);
      if (application != null && !application.equals(applicationId)) {
        dead.add(application);
      }
    }
    dead.removeIf(application -> runs(client, namespace, application));
    for (String application : dead) {
      client
          .pods()
          .inNamespace(namespace)
          .withLabel(APPLICATION, application)
          .withLabel(ROLE, "executor")
          .delete();
      client.configMaps().inNamespace(namespace).withLabel(APPLICATION, application).delete();
    }
    return dead;
  }

  private static boolean runs(KubernetesClient client, String namespace, String application) {
    return client
        .pods()
        .inNamespace(namespace)
        .withLabel(APPLICATION, application)
        .list()
        .getItems()
        .stream()
        .anyMatch(pod -> pod.getStatus() != null && "Running".equals(pod.getStatus().getPhase()));
  }
}
