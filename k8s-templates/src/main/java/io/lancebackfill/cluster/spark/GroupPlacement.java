package io.lancebackfill.cluster.spark;

import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.WorkerGroup;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.resource.ResourceProfile;

/**
 * Tells {@link ExecutorGroupStep} where executors go, through the session's settings: Spark numbers
 * profiles when they are made, and it reads these settings for each pod anew.
 */
public final class GroupPlacement {
  /** The class {@link ExecutorGroupStep}, which a Spark without Kubernetes cannot load. */
  public static final String STEP = "io.lancebackfill.cluster.spark.ExecutorGroupStep";

  /** Followed by a profile's number: the group's JSON. */
  static final String GROUP = "spark.lancebackfill.cluster.group.";

  /** The job that executors are started for from now on. */
  static final String JOB = "spark.lancebackfill.cluster.job";

  /** The name of the cluster's definition. */
  static final String CLUSTER = "spark.lancebackfill.cluster.name";

  /** By which a job finds pods that an earlier driver of it left behind. */
  public static final String JOB_LABEL = "lance-backfill/job";

  public static final String CLUSTER_LABEL = "lance-backfill/cluster";

  /** Of pods that keep room and give it to executors. */
  public static final String WARM_LABEL = "lance-backfill/warm";

  public static final String GROUP_LABEL = "lance-backfill/group";

  private static final Pattern LABEL_VALUE =
      Pattern.compile("[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?");

  private GroupPlacement() {}

  /** Sends the executors of a profile to a group; to be called before its first stage. */
  public static void place(
      SparkContext context, ClusterSpec cluster, WorkerGroup group, ResourceProfile profile) {
    SparkConf conf = context.conf();
    conf.set(CLUSTER, cluster.name());
    conf.set(GROUP + profile.id(), json(cluster, group));
  }

  /** Whether the session's own executors are of a group, as its cluster's definition is now. */
  public static boolean isOfSession(SparkContext context, ClusterSpec cluster, WorkerGroup group) {
    return context.conf().get(GROUP + 0, "").equals(json(cluster, group));
  }

  /** The name of the group that the executors of a profile go to. */
  public static Optional<String> groupOf(SparkContext context, int profileId) {
    String json = context.conf().get(GROUP + profileId, "");
    return json.isEmpty() ? Optional.empty() : Optional.of(WorkerGroup.parse(json).name());
  }

  /** Labels the executors that start from now on with a job. */
  public static void label(SparkContext context, String jobId) {
    context.conf().set(JOB, jobId);
  }

  /** Labels the executors that start from now on with no job. */
  public static void unlabel(SparkContext context) {
    context.conf().remove(JOB);
  }

  /** A job's id as a label's value: itself where that is allowed, else a hash of it. */
  public static String labelOf(String jobId) {
    return LABEL_VALUE.matcher(jobId).matches()
        ? jobId
        : UUID.nameUUIDFromBytes(jobId.getBytes(StandardCharsets.UTF_8)).toString();
  }

  /** The group with the image that its pods get. */
  static String json(ClusterSpec cluster, WorkerGroup group) {
    return cluster.image(group.pod()).map(group::withImage).orElse(group).toJson();
  }
}
