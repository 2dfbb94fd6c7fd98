package io.lancebackfill.cluster;

import io.lancebackfill.secret.SecretKey;
import java.util.Map;

/**
 * Executors that are all alike.
 *
 * @param name a DNS label, unique in the cluster
 * @param spot the nodes may be taken away at any time
 */
public record WorkerGroup(String name, PodTraits pod, PodSize size, Scaling scaling, boolean spot) {
  public static GroupBuilder builder(String name) {
    return new GroupBuilder().set("name", name);
  }

  /** The group as one line of JSON, as it stands in its cluster's. */
  public String toJson() {
    return SpecJson.worker(this).toString();
  }

  /**
   * Reads a group of a Kubernetes cluster from its JSON.
   *
   * @throws ClusterSpecException with all faults, each with its path in the group
   */
  public static WorkerGroup parse(String json) {
    return ClusterSpecReader.readWorker(json);
  }

  /** This group with an image of its own. */
  public WorkerGroup withImage(String image) {
    return new WorkerGroup(name, pod.withImage(image), size, scaling, spot);
  }

  /** This group with variables from secrets, beside its own and in place of those of a name. */
  public WorkerGroup withSecrets(Map<String, SecretKey> secrets) {
    return secrets.isEmpty()
        ? this
        : new WorkerGroup(name, pod.withSecrets(secrets), size, scaling, spot);
  }

  public boolean hasGpus() {
    return size.gpus() != null;
  }
}
