package io.lancebackfill.cluster.spark;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerBuilder;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.EnvVarBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.ResourceRequirementsBuilder;
import io.fabric8.kubernetes.api.model.TolerationBuilder;
import io.lancebackfill.cluster.PodSize;
import io.lancebackfill.cluster.PodSize.Gpus;
import io.lancebackfill.cluster.PodTraits;
import io.lancebackfill.cluster.Toleration;
import io.lancebackfill.cluster.WorkerGroup;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.SparkConf;
import org.apache.spark.deploy.k8s.KubernetesExecutorConf;
import org.apache.spark.deploy.k8s.SparkPod;
import org.apache.spark.deploy.k8s.features.KubernetesExecutorCustomFeatureConfigStep;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives an executor's pod what its group has and Spark's profiles have not. Named by {@code
 * spark.kubernetes.executor.pod.featureSteps}; Spark makes one for each pod, and runs it after its
 * own steps.
 *
 * <p>It never throws: Spark would try again every second, for ever, and say nothing to the waiting
 * job. A placement that cannot be read gives a pod that no node takes and that carries the reason
 * in {@link #FAULT}, which a diagnosis shows and the wait for executors ends with.
 */
public final class ExecutorGroupStep implements KubernetesExecutorCustomFeatureConfigStep {
  /** Annotation with the reason for which a pod could not be placed; also the label no node has. */
  public static final String FAULT = "lance-backfill/placement-fault";

  private static final Logger LOG = LoggerFactory.getLogger(ExecutorGroupStep.class);

  private @Nullable SparkConf conf;
  private int profile;

  @Override
  public void init(KubernetesExecutorConf executor) {
    conf = executor.sparkConf();
    profile = executor.resourceProfileId();
  }

  @Override
  public SparkPod configurePod(SparkPod pod) {
    if (conf == null) {
      return pod;
    }
    String json = conf.get(GroupPlacement.GROUP + profile, "");
    if (json.isEmpty()) {
      return pod;
    }
    try {
      WorkerGroup group = WorkerGroup.parse(json);
      return new SparkPod(place(pod.pod(), group), fill(pod.container(), group));
    } catch (RuntimeException e) {
      LOG.error("Executors of profile {} cannot be placed, so that no node takes them", profile, e);
      return new SparkPod(unplaceable(pod.pod(), String.valueOf(e.getMessage())), pod.container());
    }
  }

  private static Pod unplaceable(Pod pod, String reason) {
    return new PodBuilder(pod)
        .editOrNewMetadata()
        .addToAnnotations(FAULT, reason)
        .endMetadata()
        .editOrNewSpec()
        .addToNodeSelector(FAULT, "true")
        .endSpec()
        .build();
  }

  private Pod place(Pod pod, WorkerGroup group) {
    PodTraits traits = group.pod();
    PodBuilder placed =
        new PodBuilder(pod)
            .editOrNewMetadata()
            .addToLabels(labels(group))
            .endMetadata()
            .editOrNewSpec()
            .addToNodeSelector(traits.placement().nodeSelector())
            .endSpec();
    for (Toleration toleration : traits.placement().tolerations()) {
      placed.editSpec().addToTolerations(kubernetes(toleration)).endSpec();
    }
    if (traits.serviceAccount() != null) {
      placed
          .editSpec()
          .withServiceAccountName(traits.serviceAccount())
          .withServiceAccount(traits.serviceAccount())
          .endSpec();
    }
    if (traits.terminationGracePeriodSeconds() != null) {
      placed
          .editSpec()
          .withTerminationGracePeriodSeconds((long) traits.terminationGracePeriodSeconds())
          .endSpec();
    }
    return placed.build();
  }

  private Map<String, String> labels(WorkerGroup group) {
    Map<String, String> labels = new TreeMap<>(group.pod().labels());
    labels.put(GroupPlacement.GROUP_LABEL, group.name());
    if (conf != null) {
      String cluster = conf.get(GroupPlacement.CLUSTER, "");
      String job = conf.get(GroupPlacement.JOB, "");
      if (!cluster.isEmpty()) {
        labels.put(GroupPlacement.CLUSTER_LABEL, cluster);
      }
      if (!job.isEmpty()) {
        labels.put(GroupPlacement.JOB_LABEL, GroupPlacement.labelOf(job));
      }
    }
    return labels;
  }

  /** A toleration in the client's own type. */
  public static io.fabric8.kubernetes.api.model.Toleration kubernetes(Toleration toleration) {
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

  private static Container fill(Container container, WorkerGroup group) {
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
  public static List<EnvVar> variables(PodTraits pod) {
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

  private static io.fabric8.kubernetes.api.model.ResourceRequirements resources(
      ResourceRequirementsBuilder resources, PodSize size) {
    size.extendedResources()
        .forEach(
            (name, amount) -> {
              resources.addToRequests(name, new Quantity(amount));
              resources.addToLimits(name, new Quantity(amount));
            });
    if (size.cpuLimit() != null) {
      resources.addToLimits("cpu", new Quantity(size.cpuLimit()));
    }
    Gpus gpus = size.gpus();
    if (gpus != null) {
      renameGpus(resources, gpus);
    }
    return resources.build();
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
