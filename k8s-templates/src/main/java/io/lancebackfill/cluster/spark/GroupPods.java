package io.lancebackfill.cluster.spark;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerBuilder;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.EnvVarBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.ResourceRequirements;
import io.fabric8.kubernetes.api.model.ResourceRequirementsBuilder;
import io.fabric8.kubernetes.api.model.TolerationBuilder;
import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.HeadGroup;
import io.lancebackfill.cluster.PodSize;
import io.lancebackfill.cluster.PodSize.Gpus;
import io.lancebackfill.cluster.PodTraits;
import io.lancebackfill.cluster.Toleration;
import io.lancebackfill.cluster.WorkerGroup;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/** Groups as pods of Kubernetes. */
public final class GroupPods {
  /** As Spark calls the container of an executor. */
  public static final String CONTAINER = "spark-kubernetes-executor";

  private static final String DRIVER_CONTAINER = "spark-kubernetes-driver";

  private GroupPods() {}

  /** The name of the group that a pod belongs to, or {@code none}. */
  public static String groupOf(Pod pod) {
    Map<String, String> labels =
        Objects.requireNonNullElse(pod.getMetadata().getLabels(), Map.of());
    return labels.getOrDefault(GroupPlacement.GROUP_LABEL, "none");
  }

  /**
   * A pod of a group's size and place, as Spark would make it for a task that takes all its GPUs,
   * with no program to run: for asking whether the cluster takes it, and for keeping its room.
   */
  public static Pod sample(ClusterSpec cluster, WorkerGroup group, String name) {
    PodSize size = group.size();
    String memory = size.memoryMib() + "Mi";
    ResourceRequirementsBuilder resources =
        new ResourceRequirementsBuilder()
            .addToRequests("cpu", new Quantity(String.valueOf(size.cpus())))
            .addToRequests("memory", new Quantity(memory))
            .addToLimits("memory", new Quantity(memory));
    Gpus gpus = size.gpus();
    if (gpus != null) {
      resources.addToLimits(gpus.resource(), new Quantity(String.valueOf(gpus.count())));
    }
    Container container =
        new ContainerBuilder()
            .withName(CONTAINER)
            .withImage(cluster.image(group.pod()).orElse(null))
            .withResources(resources.build())
            .build();
    Pod pod =
        new PodBuilder()
            .withNewMetadata()
            .withName(name)
            .withNamespace(cluster.access().namespace())
            .endMetadata()
            .withNewSpec()
            .withRestartPolicy("Never")
            .addToContainers(fill(container, group))
            .endSpec()
            .build();
    return place(
        pod,
        group,
        Map.of(
            GroupPlacement.CLUSTER_LABEL,
            cluster.name(),
            GroupPlacement.GROUP_LABEL,
            group.name()));
  }

  /** The pod with what its group has, and these labels. */
  static Pod place(Pod pod, WorkerGroup group, Map<String, String> labels) {
    PodTraits traits = group.pod();
    PodBuilder placed =
        new PodBuilder(place(pod, traits))
            .editOrNewMetadata()
            .addToLabels(labels)
            .endMetadata()
            .editOrNewSpec()
            .addToNodeSelector(new TreeMap<>(traits.placement().nodeSelector()))
            .endSpec();
    if (traits.serviceAccount() != null) {
      placed
          .editSpec()
          .withServiceAccountName(traits.serviceAccount())
          .withServiceAccount(traits.serviceAccount())
          .endSpec();
    }
    return placed.build();
  }

  /** What no setting of Spark gives a pod: tolerations and the time it has to end. */
  private static Pod place(Pod pod, PodTraits traits) {
    PodBuilder placed = new PodBuilder(pod);
    for (Toleration toleration : traits.placement().tolerations()) {
      placed.editOrNewSpec().addToTolerations(kubernetes(toleration)).endSpec();
    }
    if (traits.terminationGracePeriodSeconds() != null) {
      placed
          .editOrNewSpec()
          .withTerminationGracePeriodSeconds((long) traits.terminationGracePeriodSeconds())
          .endSpec();
    }
    return placed.build();
  }

  /** A template of the driver's pod, with what no setting of Spark gives it. */
  public static Pod driverTemplate(HeadGroup head) {
    ContainerBuilder container = new ContainerBuilder().withName(DRIVER_CONTAINER);
    if (!head.size().extendedResources().isEmpty()) {
      container.withResources(
          extended(new ResourceRequirementsBuilder(), head.size().extendedResources()).build());
    }
    Pod pod = new PodBuilder().withNewSpec().addToContainers(container.build()).endSpec().build();
    return place(pod, head.pod());
  }

  /** A toleration in the client's own type. */
  private static io.fabric8.kubernetes.api.model.Toleration kubernetes(Toleration toleration) {
    return new TolerationBuilder()
        .withKey(toleration.key())
        .withOperator(toleration.operator())
        .withValue(toleration.value())
        .withEffect(toleration.effect())
        .withTolerationSeconds(
            toleration.tolerationSeconds() == null
                ? null
                : Long.valueOf(toleration.tolerationSeconds()))
        .build();
  }

  /** The executor's container with what its group has. */
  static Container fill(Container container, WorkerGroup group) {
    ContainerBuilder filled = new ContainerBuilder(container);
    if (group.pod().image() != null) {
      filled.withImage(group.pod().image());
    }
    List<EnvVar> ours = variables(group.pod());
    List<EnvVar> env = new ArrayList<>(container.getEnv());
    env.removeIf(has -> ours.stream().anyMatch(our -> our.getName().equals(has.getName())));
    env.addAll(ours);
    filled.withEnv(env);
    filled.withResources(
        resources(
            container.getResources() == null
                ? new ResourceRequirementsBuilder()
                : new ResourceRequirementsBuilder(container.getResources()),
            group.size()));
    return filled.build();
  }

  /** A pod's variables, sorted by name, those of secrets by reference. */
  private static List<EnvVar> variables(PodTraits pod) {
    Map<String, EnvVar> variables = new TreeMap<>();
    pod.envVars()
        .forEach(
            (name, value) ->
                variables.put(name, new EnvVarBuilder().withName(name).withValue(value).build()));
    pod.secretEnvVars()
        .forEach(
            (name, place) ->
                variables.put(
                    name,
                    new EnvVarBuilder()
                        .withName(name)
                        .withNewValueFrom()
                        .withNewSecretKeyRef(place.key(), place.secret(), false)
                        .endValueFrom()
                        .build()));
    return List.copyOf(variables.values());
  }

  private static ResourceRequirements resources(
      ResourceRequirementsBuilder resources, PodSize size) {
    extended(resources, size.extendedResources());
    if (size.cpuLimit() != null) {
      resources.addToLimits("cpu", new Quantity(size.cpuLimit()));
    }
    Gpus gpus = size.gpus();
    if (gpus != null) {
      renameGpus(resources, gpus);
    }
    return resources.build();
  }

  private static ResourceRequirementsBuilder extended(
      ResourceRequirementsBuilder resources, Map<String, String> amounts) {
    new TreeMap<>(amounts)
        .forEach(
            (name, amount) -> {
              resources.addToRequests(name, new Quantity(amount));
              resources.addToLimits(name, new Quantity(amount));
            });
    return resources;
  }

  /** Spark knows {@code vendor/gpu} alone; nodes may offer {@code nvidia.com/mig-1g.5gb}. */
  private static void renameGpus(ResourceRequirementsBuilder resources, Gpus gpus) {
    String sparks = GroupProfiles.vendor(gpus) + "/" + GroupProfiles.GPU;
    Map<String, Quantity> limits = new HashMap<>(resources.getLimits());
    Quantity amount = limits.remove(sparks);
    if (amount != null) {
      limits.put(gpus.resource(), amount);
      resources.withLimits(limits);
    }
  }
}
