package io.lancebackfill.context;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.lancebackfill.cluster.Access;
import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.WorkerGroup;
import io.lancebackfill.cluster.check.ClusterCheck;
import io.lancebackfill.cluster.check.ClusterClients;
import io.lancebackfill.cluster.check.Finding;
import io.lancebackfill.cluster.check.PodDiagnosis;
import io.lancebackfill.cluster.check.PodStart;
import io.lancebackfill.cluster.check.StepCheck;
import io.lancebackfill.cluster.spark.GroupPlacement;
import io.lancebackfill.cluster.spark.OrphanedPods;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.resource.ResourceProfile;
import org.jspecify.annotations.Nullable;

/** What Kubernetes says of executors' pods; nothing else here knows its client. */
public final class PodFindings {
  private PodFindings() {}

  /** Why no executor of a profile runs. */
  static List<Finding> waiting(
      SparkContext context, @Nullable ClusterSpec cluster, Optional<ResourceProfile> profile) {
    List<Finding> findings = new ArrayList<>();
    if (cluster != null) {
      StepCheck.of(context.getConf()).ifPresent(findings::add);
    }
    List<WorkerGroup> groups =
        cluster == null
            ? List.of()
            : GroupPlacement.groupOf(context, profile.map(ResourceProfile::id).orElse(0))
                .flatMap(cluster::group)
                .map(List::of)
                .orElse(List.of());
    try (KubernetesClient client = ClusterClients.ofSession(context.getConf())) {
      PodDiagnosis pods =
          new PodDiagnosis(client, ClusterClients.namespaceOfSession(context.getConf()));
      findings.addAll(
          cluster == null
              ? pods.application(context.applicationId())
              : pods.application(context.applicationId(), cluster, groups));
    }
    return findings;
  }

  /**
   * What is to be said of the executors of an application, running ones included.
   *
   * @param cluster where to look, if that is not the session's
   */
  public static List<Finding> ofApplication(
      SparkContext context, @Nullable ClusterSpec cluster, String application) {
    SparkConf conf = context.getConf();
    boolean ofSession = cluster == null || runsOn(context, cluster);
    try (KubernetesClient client =
        cluster == null || ofSession
            ? ClusterClients.ofSession(conf)
            : ClusterClients.open(cluster.access())) {
      String namespace =
          cluster == null || ofSession
              ? ClusterClients.namespaceOfSession(conf)
              : cluster.access().namespace();
      return new PodDiagnosis(client, namespace).application(application);
    }
  }

  /**
   * Labels the pods that start from now on with a job, and removes those that a dead driver of the
   * same job left.
   *
   * @param job names it among the jobs of all tables
   * @return the applications of which something was removed
   */
  public static Set<String> begin(SparkContext context, String job) {
    GroupPlacement.label(context, job);
    SparkConf conf = context.getConf();
    try (KubernetesClient client = ClusterClients.ofSession(conf)) {
      return OrphanedPods.remove(
          client, ClusterClients.namespaceOfSession(conf), job, context.applicationId());
    }
  }

  /** The other end of {@link #begin}. */
  public static void end(SparkContext context) {
    GroupPlacement.unlabel(context);
  }

  /** What the pods of these executors of the session waited for; empty if none is there. */
  public static Optional<PodStart> start(SparkContext context, Collection<String> executors) {
    SparkConf conf = context.getConf();
    try (KubernetesClient client = ClusterClients.ofSession(conf)) {
      return PodStart.ofExecutors(
          client, ClusterClients.namespaceOfSession(conf), context.applicationId(), executors);
    }
  }

  /**
   * Whether a cluster can run what its definition says. A definition that names the session's
   * master and no credentials is asked with the session's; all others with their own.
   */
  public static List<Finding> ofDefinition(
      SparkContext context, ClusterSpec cluster, boolean clusterMode) {
    try (KubernetesClient client =
        !clusterMode && namesNoMoreThan(context.master(), cluster)
            ? ClusterClients.ofSession(context.getConf())
            : ClusterClients.open(cluster.access())) {
      return clusterMode
          ? ClusterCheck.ofClusterMode(client, cluster)
          : ClusterCheck.ofClientMode(client, cluster);
    }
  }

  /** Whether a definition names this master of a session, and no credentials of its own. */
  static boolean namesNoMoreThan(String master, ClusterSpec cluster) {
    Access access = cluster.access();
    return master.equals(GroupResources.masterOf(cluster))
        && access.kubeconfig() == null
        && access.context() == null
        && !access.inCluster();
  }

  private static boolean runsOn(SparkContext context, ClusterSpec cluster) {
    return context.master().startsWith("k8s") && GroupResources.isThere(context, cluster);
  }
}
