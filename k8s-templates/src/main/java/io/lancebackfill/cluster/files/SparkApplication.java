package io.lancebackfill.cluster.files;

import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodTemplateSpecBuilder;
import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.HeadGroup;
import io.lancebackfill.cluster.PodSize;
import io.lancebackfill.cluster.WorkerGroup;
import io.lancebackfill.cluster.spark.GroupPlacement;
import io.lancebackfill.cluster.spark.GroupPods;
import io.lancebackfill.cluster.spark.SessionSettings;
import io.lancebackfill.cluster.spark.SparkRights;
import io.lancebackfill.cluster.spark.WorkerGroups;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;

/** A backfill for spark-operator, API v1beta2; the driver's template needs its release 2.1. */
final class SparkApplication {
  /** Where the generated Dockerfile puts it. */
  static final String JAR = "local:///opt/spark/jars/lance-backfill.jar";

  private static final String MAIN = "io.lancebackfill.BackfillMain";
  private static final String SPARK_VERSION = "3.5.5";

  /** What the operator sets itself, from fields of the application. */
  private static final Set<String> OPERATORS =
      Set.of(
          "spark.master",
          "spark.submit.deployMode",
          "spark.kubernetes.namespace",
          "spark.kubernetes.context",
          "spark.kubernetes.driver.container.image",
          "spark.kubernetes.executor.container.image",
          "spark.kubernetes.authenticate.driver.serviceAccountName",
          "spark.kubernetes.authenticate.executor.serviceAccountName",
          "spark.kubernetes.driver.limit.cores",
          "spark.driver.cores",
          "spark.driver.memory",
          "spark.driver.memoryOverhead",
          "spark.executor.cores",
          "spark.executor.memory",
          "spark.executor.memoryOverhead");

  private SparkApplication() {}

  static HasMetadata of(ClusterSpec cluster, BackfillJob job) {
    HeadGroup head = Objects.requireNonNull(cluster.headGroup());
    WorkerGroup group = WorkerGroups.ofSession(cluster).orElseThrow();
    Map<String, Object> spec = new LinkedHashMap<>();
    spec.put("type", "Java");
    spec.put("mode", "cluster");
    spec.put("sparkVersion", SPARK_VERSION);
    spec.put("imagePullPolicy", "IfNotPresent");
    spec.put("mainClass", MAIN);
    spec.put("mainApplicationFile", JAR);
    spec.put("arguments", job.arguments());
    spec.put("sparkConf", conf(cluster, job));
    spec.put("restartPolicy", restart());
    spec.put("driver", driver(cluster, head));
    spec.put("executor", executor(cluster, group));
    GenericKubernetesResource application = new GenericKubernetesResource();
    application.setApiVersion("sparkoperator.k8s.io/v1beta2");
    application.setKind("SparkApplication");
    application.setMetadata(
        new ObjectMetaBuilder()
            .withName(cluster.name())
            .withNamespace(cluster.access().namespace())
            .build());
    application.setAdditionalProperty("spec", spec);
    return application;
  }

  private static Map<String, String> conf(ClusterSpec cluster, BackfillJob job) {
    Map<String, String> conf = new TreeMap<>(SessionSettings.cluster(cluster));
    conf.keySet().removeAll(OPERATORS);
    conf.keySet().removeIf(key -> key.startsWith("spark.kubernetes.driver.label."));
    conf.putAll(job.conf());
    return conf;
  }

  /** A driver that is lost goes on where it was; one that ends with an error may be helped. */
  private static Map<String, Object> restart() {
    Map<String, Object> restart = new LinkedHashMap<>();
    restart.put("type", "OnFailure");
    restart.put("onFailureRetries", 3);
    restart.put("onFailureRetryInterval", 30);
    restart.put("onSubmissionFailureRetries", 3);
    restart.put("onSubmissionFailureRetryInterval", 30);
    return restart;
  }

  private static Map<String, Object> driver(ClusterSpec cluster, HeadGroup head) {
    Map<String, Object> driver = new LinkedHashMap<>();
    cluster.image(head.pod()).ifPresent(image -> driver.put("image", image));
    size(driver, head.size());
    if (head.size().cpuLimit() != null) {
      driver.put("coreLimit", head.size().cpuLimit());
    }
    driver.put("serviceAccount", SparkRights.driverAccount(cluster));
    Map<String, String> labels = new TreeMap<>(head.pod().labels());
    labels.put(GroupPlacement.CLUSTER_LABEL, cluster.name());
    driver.put("labels", labels);
    Pod template = GroupPods.driverTemplate(head);
    driver.put(
        "template",
        new PodTemplateSpecBuilder()
            .withMetadata(template.getMetadata())
            .withSpec(template.getSpec())
            .build());
    return driver;
  }

  private static Map<String, Object> executor(ClusterSpec cluster, WorkerGroup group) {
    Map<String, Object> executor = new LinkedHashMap<>();
    cluster.image(group.pod()).ifPresent(image -> executor.put("image", image));
    size(executor, group.size());
    executor.put(
        "serviceAccount", Objects.requireNonNullElse(group.pod().serviceAccount(), "default"));
    return executor;
  }

  private static void size(Map<String, Object> pod, PodSize size) {
    pod.put("cores", size.cpus());
    pod.put("memory", size.heapMib() + "m");
    pod.put("memoryOverhead", size.overheadMib() + "m");
  }
}
