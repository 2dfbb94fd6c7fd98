package io.lancebackfill.cluster;

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

  public boolean hasGpus() {
    return size.gpus() != null;
  }
}
