package io.lancebackfill.cluster.files;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.apps.DeploymentBuilder;
import io.fabric8.kubernetes.api.model.scheduling.v1.PriorityClassBuilder;
import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.WorkerGroup;
import io.lancebackfill.cluster.spark.GroupPlacement;
import io.lancebackfill.cluster.spark.GroupPods;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Pods that keep min_replicas nodes' room and the image there while nothing runs. Their priority is
 * below everybody's, so that the scheduler gives their room to executors at once; then they wait,
 * as new ones, and bring the autoscaler to add nodes.
 */
final class WarmPool {
  private static final String PRIORITY_CLASS = "lance-backfill-warm";

  private WarmPool() {}

  /** Empty if no group keeps any. */
  static List<HasMetadata> of(ClusterSpec cluster) {
    List<HasMetadata> objects = new ArrayList<>();
    for (WorkerGroup group : cluster.workerGroups()) {
      if (group.scaling().least() > 0) {
        objects.add(deployment(cluster, group));
      }
    }
    if (!objects.isEmpty()) {
      objects.add(
          0,
          new PriorityClassBuilder()
              .withNewMetadata()
              .withName(PRIORITY_CLASS)
              .endMetadata()
              .withValue(-10)
              .withGlobalDefault(false)
              .withPreemptionPolicy("Never")
              .withDescription("Keeps room for executors, and gives it to them")
              .build());
    }
    return objects;
  }

  private static HasMetadata deployment(ClusterSpec cluster, WorkerGroup group) {
    String name = cluster.name() + "-" + group.name() + "-warm";
    Map<String, String> selector = Map.of("app", name);
    Pod sample = GroupPods.sample(cluster, group, name);
    Pod pod =
        new PodBuilder(sample)
            .editMetadata()
            .addToLabels(selector)
            .addToLabels(GroupPlacement.WARM_LABEL, "true")
            .endMetadata()
            .editSpec()
            .withRestartPolicy("Always")
            .withPriorityClassName(PRIORITY_CLASS)
            .withTerminationGracePeriodSeconds(0L)
            .withAutomountServiceAccountToken(false)
            .withServiceAccount(null)
            .withServiceAccountName(null)
            .editContainer(0)
            .withName("warm")
            .withEnv(List.of())
            .withCommand("/bin/sleep", "infinity")
            .endContainer()
            .endSpec()
            .build();
    return new DeploymentBuilder()
        .withNewMetadata()
        .withName(name)
        .withNamespace(cluster.access().namespace())
        .addToLabels(GroupPlacement.CLUSTER_LABEL, cluster.name())
        .endMetadata()
        .withNewSpec()
        .withReplicas(group.scaling().least())
        .withNewSelector()
        .withMatchLabels(selector)
        .endSelector()
        .withNewTemplate()
        .withNewMetadata()
        .withLabels(pod.getMetadata().getLabels())
        .endMetadata()
        .withSpec(pod.getSpec())
        .endTemplate()
        .endSpec()
        .build();
  }
}
