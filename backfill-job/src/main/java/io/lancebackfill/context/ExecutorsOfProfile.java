package io.lancebackfill.context;

import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.check.Finding;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.resource.ResourceProfile;
import org.apache.spark.resource.TaskResourceProfile;
import org.apache.spark.resource.TaskResourceRequest;
import org.apache.spark.status.api.v1.ExecutorSummary;
import org.jspecify.annotations.Nullable;
import scala.collection.JavaConverters;

/** The executors that run tasks of a resource profile, or why there are none. */
final class ExecutorsOfProfile {
  private static final String DRIVER = "driver";
  private static final String GPU = "gpu";

  private final SparkContext context;
  private final Optional<ResourceProfile> profile;
  private final boolean onAll;

  /**
   * @param profile of the tasks; empty for the session's own
   */
  ExecutorsOfProfile(SparkContext context, Optional<ResourceProfile> profile) {
    this.context = context;
    this.profile = profile;
    // Without dynamic allocation there is one kind of executor, and it runs all tasks.
    this.onAll =
        profile.filter(TaskResourceProfile.class::isInstance).isPresent()
            && !context.getConf().getBoolean("spark.dynamicAllocation.enabled", false);
  }

  /** Whether there is one. */
  boolean any() {
    return !slots().isEmpty();
  }

  /** Their ids, and how many of the tasks each runs at once. */
  Map<String, Integer> slots() {
    int wanted = profile.map(ResourceProfile::id).orElse(0);
    Map<String, Integer> slots = new TreeMap<>();
    for (ExecutorSummary executor :
        JavaConverters.seqAsJavaList(context.statusStore().executorList(true))) {
      if (!executor.id().equals(DRIVER) && (onAll || executor.resourceProfileId() == wanted)) {
        slots.put(executor.id(), Math.max(1, slots(executor)));
      }
    }
    return slots;
  }

  private int slots(ExecutorSummary executor) {
    if (!onAll || profile.isEmpty()) {
      return executor.maxTasks();
    }
    TaskResourceRequest cpus = profile.get().taskResourcesJMap().get(ResourceProfile.CPUS());
    TaskResourceRequest gpus = profile.get().taskResourcesJMap().get(GPU);
    double most = executor.maxTasks();
    if (cpus != null) {
      most = Math.floor(executor.totalCores() / cpus.amount());
    }
    if (gpus != null && executor.resources().contains(GPU)) {
      most = Math.min(most, executor.resources().apply(GPU).addresses().length / gpus.amount());
    }
    return (int) most;
  }

  /**
   * Why there are none, as far as it can be seen.
   *
   * @param cluster by whose definition they are asked for, or null
   */
  List<String> missing(@Nullable ClusterSpec cluster) {
    List<String> found = new ArrayList<>();
    if (context.master().startsWith("k8s")) {
      for (Finding finding : PodFindings.waiting(context, cluster, profile)) {
        found.add(finding.toString());
      }
    }
    if (found.isEmpty()) {
      found.add(asked());
    }
    return found;
  }

  private String asked() {
    SparkConf conf = context.getConf();
    String each =
        profile
            .map(p -> p.executorResources().mkString(", "))
            .filter(text -> !text.isEmpty())
            .orElseGet(
                () ->
                    "cores %s, memory %s"
                        .formatted(
                            conf.get("spark.executor.cores", "as the cluster gives"),
                            conf.get("spark.executor.memory", "1g")));
    return "No executor has come yet: this session asks %s for executors of %s. If it has none free of that size, ask for less, end other applications, or add workers; its own page shows what is free."
        .formatted(context.master(), each);
  }
}
