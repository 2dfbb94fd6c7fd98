package io.lancebackfill.cluster.spark;

import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.lancebackfill.cluster.WorkerGroup;
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
      return new SparkPod(
          GroupPods.place(pod.pod(), group, labels(group)), GroupPods.fill(pod.container(), group));
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
}
