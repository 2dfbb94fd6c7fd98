package io.lancebackfill.context;

import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.WorkerGroup;
import io.lancebackfill.cluster.spark.GroupPlacement;
import io.lancebackfill.cluster.spark.GroupProfiles;
import io.lancebackfill.cluster.spark.GroupUnfitException;
import io.lancebackfill.cluster.spark.Sizing;
import io.lancebackfill.cluster.spark.TaskNeeds;
import io.lancebackfill.cluster.spark.TaskShape;
import io.lancebackfill.cluster.spark.WorkerGroups;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.resource.FunctionResources;
import io.lancebackfill.run.TaskResources;
import io.lancebackfill.secret.SecretKey;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.SparkContext;
import org.apache.spark.resource.ResourceProfile;
import org.jspecify.annotations.Nullable;

/** What the tasks of a job get where its call names a cluster. */
public final class GroupResources {
  private static final String DYNAMIC = "spark.dynamicAllocation.enabled";

  private GroupResources() {}

  /**
   * The resources of the worker group that fits a function, as far as this session can start
   * executors of it; else those of the session, with a note that says so. Starts nothing.
   *
   * @param group the only worker group to take; null for any that fits
   * @param python whether Python workers take the memory
   * @param secrets of the job's manifest: on Kubernetes its executors get these variables
   * @throws BackfillException CLUSTER_GROUP_UNFIT if no group has what the function asks for;
   *     RESOURCES_UNAVAILABLE if it is the session that lacks it
   */
  public static TaskResources of(
      SparkContext context,
      ClusterSpec cluster,
      @Nullable String group,
      FunctionResources asked,
      boolean python,
      Map<String, SecretKey> secrets) {
    TaskNeeds needs = new TaskNeeds(asked.cpus(), asked.gpus(), asked.memoryBytes(), python);
    WorkerGroup defined = fitting(cluster, needs, group);
    WorkerGroup fitting = defined == null ? null : defined.withSecrets(secrets);
    Optional<String> other = unlike(context, cluster);
    if (fitting == null || other.isPresent()) {
      TaskResources own = TaskResources.of(context, asked, python);
      List<String> notes = new ArrayList<>(own.notes());
      other.ifPresent(notes::add);
      return new TaskResources(own.slots(), own.most(), own.profile(), notes);
    }
    if (GroupPlacement.isOfSession(context, cluster, fitting)
        && GroupProfiles.areOfSession(cluster, fitting, needs)) {
      return ofGroup(fitting, needs, Optional.empty());
    }
    ResourceProfile profile = GroupProfiles.of(context.applicationId(), fitting, needs);
    if (context.master().startsWith("k8s")) {
      GroupPlacement.place(context, cluster, fitting, profile);
    }
    return ofGroup(fitting, needs, Optional.of(profile));
  }

  /**
   * No more tasks are with Spark at once than the group may have pods for: it would ask for more.
   */
  private static TaskResources ofGroup(
      WorkerGroup group, TaskNeeds needs, Optional<ResourceProfile> profile) {
    Integer most = group.scaling().most();
    int perPod = TaskShape.of(group.size(), needs).tasks();
    int pods = most == null ? Math.max(1, group.scaling().replicas()) : most;
    return new TaskResources(perPod * pods, most == null ? 0 : perPod * most, profile, List.of());
  }

  /**
   * What a job requests of the group that fits it; empty if the cluster has no groups.
   *
   * @param concurrency tasks that run at once
   * @param driverPod whether the driver is a pod of the head group
   * @throws BackfillException CLUSTER_GROUP_UNFIT
   */
  public static Optional<Sizing> sizing(
      ClusterSpec cluster,
      @Nullable String group,
      FunctionResources asked,
      int concurrency,
      boolean driverPod) {
    TaskNeeds needs = new TaskNeeds(asked.cpus(), asked.gpus(), asked.memoryBytes(), true);
    return Optional.ofNullable(fitting(cluster, needs, group))
        .map(fitting -> Sizing.of(cluster, fitting, needs, concurrency, driverPod));
  }

  private static @Nullable WorkerGroup fitting(
      ClusterSpec cluster, TaskNeeds needs, @Nullable String group) {
    if (cluster.workerGroups().isEmpty() && group == null) {
      return null;
    }
    try {
      return WorkerGroups.fitting(cluster, needs, group);
    } catch (GroupUnfitException e) {
      String message = String.valueOf(e.getMessage());
      throw new BackfillException(
          BackfillErrorCode.CLUSTER_GROUP_UNFIT, message.substring(message.indexOf("] ") + 2), e);
    }
  }

  /** Why executors of the cluster's groups cannot be had in this session, if so. */
  private static Optional<String> unlike(SparkContext context, ClusterSpec cluster) {
    String runs =
        "cluster %s: this session, %s, keeps to what it was started with"
            .formatted(cluster.name(), context.master());
    boolean kubernetes = context.master().startsWith("k8s");
    return switch (cluster.type()) {
      case LOCAL ->
          context.isLocal()
              ? Optional.empty()
              : Optional.of(runs + "; the definition is of one that runs in local mode");
      case KUBERNETES ->
          kubernetes && isThere(context, cluster)
              ? Optional.empty()
              : Optional.of(
                  runs + "; start one with the settings that cluster_settings gives for it");
      case EXISTING ->
          context.isLocal() || !context.getConf().getBoolean(DYNAMIC, false)
              ? Optional.of(
                  runs + "; executors of a worker group come with " + DYNAMIC + "=true only")
              : Optional.empty();
    };
  }

  /** Whether a session on Kubernetes is in the definition's cluster and namespace. */
  static boolean isThere(SparkContext context, ClusterSpec cluster) {
    String there = masterOf(cluster);
    return (there == null || there.equals(context.master()))
        && context
            .getConf()
            .get("spark.kubernetes.namespace", "default")
            .equals(cluster.access().namespace());
  }

  /** The master of a cluster on Kubernetes as Spark writes it, or null. */
  static @Nullable String masterOf(ClusterSpec cluster) {
    String master = cluster.access().master();
    return master == null || master.startsWith("k8s://") ? master : "k8s://" + master;
  }
}
