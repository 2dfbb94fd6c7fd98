package io.lancebackfill.cluster.spark;

import io.lancebackfill.cluster.Access;
import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.ClusterType;
import io.lancebackfill.cluster.HeadGroup;
import io.lancebackfill.cluster.PodTraits;
import io.lancebackfill.cluster.Scaling;
import io.lancebackfill.cluster.WorkerGroup;
import java.time.Duration;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Spark's settings of a session on a cluster, to be given when it starts. A session that is there
 * already cannot take them: of a local or existing cluster there is the master at most.
 */
public final class SessionSettings {
  private static final String DYNAMIC = "spark.dynamicAllocation.";
  private static final String KUBERNETES = "spark.kubernetes.";

  /** Losses of spot nodes count, and four would end a job; functions that fail count apart. */
  private static final String TASK_FAILURES = "32";

  private final Map<String, String> settings = new LinkedHashMap<>();
  private final ClusterSpec cluster;

  private SessionSettings(ClusterSpec cluster) {
    this.cluster = cluster;
  }

  /**
   * Settings of a driver in this process.
   *
   * @param address of this machine as pods of the cluster reach it; taken if the driver runs in a
   *     pod and the definition has no {@code driver_host}; null leaves it to Spark
   */
  public static Map<String, String> client(ClusterSpec cluster, @Nullable String address) {
    SessionSettings settings = new SessionSettings(cluster);
    settings.master();
    if (cluster.type() == ClusterType.KUBERNETES) {
      settings.set("spark.submit.deployMode", "client");
      settings.driverAddress(address);
      settings.kubernetes();
    }
    return settings.settings;
  }

  /**
   * Settings of a driver that spark-submit starts as a pod. Tolerations, extended resources and the
   * grace period of the head group are in the driver's pod template alone.
   */
  public static Map<String, String> cluster(ClusterSpec cluster) {
    if (cluster.type() != ClusterType.KUBERNETES) {
      throw new IllegalArgumentException(
          "cluster " + cluster.name() + " is not of type kubernetes, and has no driver pod");
    }
    SessionSettings settings = new SessionSettings(cluster);
    settings.master();
    settings.set("spark.submit.deployMode", "cluster");
    settings.kubernetes();
    settings.driverPod(Objects.requireNonNull(cluster.headGroup()));
    return settings.settings;
  }

  /**
   * System properties that a driver or a spark-submit needs before its first session: Spark takes
   * the place of a kubeconfig from there or from the environment alone.
   */
  public static Map<String, String> systemProperties(ClusterSpec cluster) {
    String kubeconfig = cluster.access().kubeconfig();
    return kubeconfig == null ? Map.of() : Map.of("kubeconfig", kubeconfig);
  }

  private void set(String key, Object value) {
    settings.put(key, value.toString());
  }

  private void setIfPresent(String key, @Nullable Object value) {
    if (value != null) {
      set(key, value);
    }
  }

  private void master() {
    Access access = cluster.access();
    if (access.master() != null) {
      set("spark.master", access.master());
    } else if (cluster.type() == ClusterType.LOCAL) {
      set("spark.master", "local[*]");
    } else if (access.inCluster()) {
      set("spark.master", "k8s://https://kubernetes.default.svc");
    }
  }

  private void driverAddress(@Nullable String address) {
    HeadGroup head = Objects.requireNonNull(cluster.headGroup());
    @Nullable String host =
        head.driverHost() == null && cluster.access().inCluster() ? address : head.driverHost();
    if (host != null) {
      set("spark.driver.host", host);
      set("spark.driver.bindAddress", "0.0.0.0");
    }
  }

  private void kubernetes() {
    Access access = cluster.access();
    set(KUBERNETES + "namespace", access.namespace());
    setIfPresent(KUBERNETES + "context", access.context());
    WorkerGroup group = WorkerGroups.ofSession(cluster).orElseThrow();
    cluster
        .image(group.pod())
        .ifPresent(image -> set(KUBERNETES + "executor.container.image", image));
    set(
        KUBERNETES + "authenticate.executor.serviceAccountName",
        Optional.ofNullable(group.pod().serviceAccount()).orElse("default"));
    set(KUBERNETES + "executor.pod.featureSteps", GroupPlacement.STEP);
    set(GroupPlacement.CLUSTER, cluster.name());
    set(GroupPlacement.GROUP + 0, GroupPlacement.json(cluster, group));
    set("spark.executor.cores", group.size().cpus());
    set("spark.executor.memory", group.size().heapMib() + "m");
    set("spark.executor.memoryOverhead", group.size().overheadMib() + "m");
    allocation();
    decommissioning();
    set("spark.task.maxFailures", TASK_FAILURES);
  }

  /** Spark has each of these once, whatever the profile. */
  private void allocation() {
    List<Scaling> scalings = cluster.workerGroups().stream().map(WorkerGroup::scaling).toList();
    set(DYNAMIC + "enabled", true);
    set(DYNAMIC + "shuffleTracking.enabled", true);
    Duration idle =
        scalings.stream().map(Scaling::idleTimeout).min(Comparator.naturalOrder()).orElseThrow();
    set(DYNAMIC + "executorIdleTimeout", idle.toSeconds() + "s");
    set(DYNAMIC + "cachedExecutorIdleTimeout", idle.toSeconds() + "s");
    set(DYNAMIC + "shuffleTracking.timeout", idle.toSeconds() + "s");
    set(DYNAMIC + "minExecutors", scalings.stream().mapToInt(Scaling::least).min().orElse(0));
    set(
        DYNAMIC + "initialExecutors",
        scalings.stream().mapToInt(Scaling::replicas).min().orElse(0));
    if (scalings.stream().allMatch(scaling -> scaling.most() != null)) {
      set(
          DYNAMIC + "maxExecutors",
          scalings.stream().map(Scaling::most).mapToInt(Objects::requireNonNull).max().orElse(1));
    }
  }

  /**
   * With dynamic allocation and rounds of 1 s an executor that must go finishes its tasks. Shuffle
   * files do not move: Spark's ExecutorMonitor takes the executor that gets them for one in use
   * until another job reads them or the driver collects them, and that may be never.
   */
  private void decommissioning() {
    set("spark.decommission.enabled", true);
    set("spark.storage.decommission.enabled", true);
    set("spark.storage.decommission.rddBlocks.enabled", true);
    set("spark.storage.decommission.shuffleBlocks.enabled", false);
    set("spark.storage.decommission.replicationReattemptInterval", "1s");
  }

  private void driverPod(HeadGroup head) {
    PodTraits pod = head.pod();
    cluster.image(pod).ifPresent(image -> set(KUBERNETES + "driver.container.image", image));
    set(KUBERNETES + "authenticate.driver.serviceAccountName", SparkRights.driverAccount(cluster));
    set("spark.driver.cores", head.size().cpus());
    set("spark.driver.memory", head.size().heapMib() + "m");
    set("spark.driver.memoryOverhead", head.size().overheadMib() + "m");
    setIfPresent(KUBERNETES + "driver.limit.cores", head.size().cpuLimit());
    set(KUBERNETES + "driver.label." + GroupPlacement.CLUSTER_LABEL, cluster.name());
    each(KUBERNETES + "driver.label.", pod.labels());
    each(KUBERNETES + "driver.node.selector.", pod.placement().nodeSelector());
    each(KUBERNETES + "driverEnv.", pod.envVars());
    new TreeMap<>(pod.secretEnvVars())
        .forEach(
            (name, place) ->
                set(
                    KUBERNETES + "driver.secretKeyRef." + name,
                    place.secret() + ":" + place.key()));
  }

  private void each(String prefix, Map<String, String> entries) {
    new TreeMap<>(entries).forEach((name, value) -> set(prefix + name, value));
  }
}
