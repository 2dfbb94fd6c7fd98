package io.lancebackfill.cluster.files;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.ClusterType;
import io.lancebackfill.cluster.HeadGroup;
import io.lancebackfill.cluster.WorkerGroup;
import io.lancebackfill.cluster.spark.GroupPods;
import io.lancebackfill.cluster.spark.SessionSettings;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Everything that a cluster's definition says, as files to deploy. */
public final class DeploymentFiles {
  private DeploymentFiles() {}

  /**
   * The files, by name, in the order in which they are used.
   *
   * @throws IllegalArgumentException if the cluster is not of type kubernetes
   */
  public static Map<String, String> of(ClusterSpec cluster, BackfillJob job) {
    if (cluster.type() != ClusterType.KUBERNETES) {
      throw new IllegalArgumentException(
          "[CLUSTER_FILES_NONE] cluster "
              + cluster.name()
              + " is not of type kubernetes, and has nothing to deploy. Give its master to Spark.");
    }
    HeadGroup head = Objects.requireNonNull(cluster.headGroup());
    Map<String, String> files = new LinkedHashMap<>();
    files.put("Dockerfile", DockerfileText.of());
    files.put("node-pools.md", NodePools.of(cluster));
    files.put("rbac.yaml", KubernetesYaml.of(Rbac.of(cluster)));
    List<HasMetadata> warm = WarmPool.of(cluster);
    if (!warm.isEmpty()) {
      files.put("warm-pool.yaml", KubernetesYaml.of(warm));
    }
    files.put(
        "spark-application.yaml", KubernetesYaml.of(List.of(SparkApplication.of(cluster, job))));
    files.put("driver-template.yaml", KubernetesYaml.of(List.of(GroupPods.driverTemplate(head))));
    for (WorkerGroup group : cluster.workerGroups()) {
      files.put(
          "executor-template-" + group.name() + ".yaml",
          KubernetesYaml.of(List.of(executorTemplate(cluster, group))));
    }
    files.put("client.conf", properties(SessionSettings.client(cluster, null), job));
    Map<String, String> submitted = new LinkedHashMap<>(SessionSettings.cluster(cluster));
    submitted.put("spark.kubernetes.driver.podTemplateFile", "driver-template.yaml");
    files.put("cluster.conf", properties(submitted, job));
    return files;
  }

  /** For a Spark that runs one group without our executor step. */
  private static Pod executorTemplate(ClusterSpec cluster, WorkerGroup group) {
    return new PodBuilder(GroupPods.sample(cluster, group, group.name()))
        .editMetadata()
        .withName(null)
        .withNamespace(null)
        .endMetadata()
        .editSpec()
        .withRestartPolicy(null)
        .endSpec()
        .build();
  }

  private static String properties(Map<String, String> settings, BackfillJob job) {
    Map<String, String> all = new LinkedHashMap<>(settings);
    all.putAll(new TreeMap<>(job.conf()));
    return all.entrySet().stream()
        .map(setting -> setting.getKey() + " " + setting.getValue().replace("\\", "\\\\") + "\n")
        .collect(Collectors.joining());
  }
}
