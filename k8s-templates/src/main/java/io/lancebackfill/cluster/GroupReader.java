package io.lancebackfill.cluster;

import io.lancebackfill.cluster.PodSize.Gpus;
import io.lancebackfill.cluster.PodTraits.Placement;
import io.lancebackfill.cluster.fields.Quantities;
import io.lancebackfill.cluster.fields.SpecFields;
import io.lancebackfill.cluster.fields.Syntax;
import io.lancebackfill.secret.SecretKey;
import io.lancebackfill.secret.Secrets;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The groups of a definition. */
final class GroupReader {
  static final String GPU_RESOURCE = "nvidia.com/gpu";

  /** In the image that Spark's own docker-image-tool builds. */
  static final String DISCOVERY_SCRIPT = "/opt/spark/examples/src/main/scripts/getGpusResources.sh";

  static final Duration IDLE_TIMEOUT = Duration.ofSeconds(60);

  /** AWS gives 120 s from the notice to the end, GCP and Azure 30 s: the longest costs nothing. */
  static final int SPOT_GRACE_SECONDS = 120;

  /** Spark refuses an executor with less heap: 1.5 times what it reserves for itself. */
  static final long LEAST_HEAP_BYTES = 471_859_200L;

  private static final int DAY = 86_400;
  private static final int MANY = 100_000;
  private static final List<String> KUBERNETES_ONLY =
      List.of(
          "image",
          "service_account",
          "node_selector",
          "tolerations",
          "labels",
          "env_vars",
          "secret_env_vars",
          "extended_resources",
          "cpu_limit",
          "termination_grace_period_seconds");
  private static final Set<String> EFFECTS = Set.of("NoSchedule", "PreferNoSchedule", "NoExecute");

  private final ClusterType type;

  GroupReader(ClusterType type) {
    this.type = type;
  }

  HeadGroup head(SpecFields fields) {
    HeadGroup head =
        new HeadGroup(
            pod(fields, false),
            size(fields, false),
            fields.text("driver_host", Syntax.HOST).orElse(null));
    fields.end();
    return head;
  }

  WorkerGroup worker(SpecFields fields) {
    String name = fields.required("name", Syntax.DNS_LABEL);
    boolean spot = fields.flag("spot").orElse(false);
    WorkerGroup group =
        new WorkerGroup(name, pod(fields, spot), size(fields, true), scaling(fields), spot);
    if (type != ClusterType.KUBERNETES) {
      for (String field : KUBERNETES_ONLY) {
        if (fields.has(field)) {
          fields.fault(
              field,
              "only pods have it, and this cluster's executors are none",
              "leave it out, or give type: kubernetes");
        }
      }
    }
    fields.end();
    return group;
  }

  private PodTraits pod(SpecFields fields, boolean spot) {
    Map<String, String> labels = fields.labels("labels");
    labels.keySet().stream()
        .filter(GroupReader::isSparks)
        .forEach(
            key ->
                fields.fault(
                    "labels." + key, "Spark finds its pods by it", "give it another name"));
    Map<String, String> env = fields.texts("env_vars", Syntax.ENV_NAME);
    Map<String, SecretKey> secrets = secrets(fields);
    checkVariables(fields, env, secrets);
    @Nullable Integer grace =
        fields
            .whole("termination_grace_period_seconds", 0, DAY, "give seconds")
            .orElse(type == ClusterType.KUBERNETES && spot ? SPOT_GRACE_SECONDS : null);
    return new PodTraits(
        fields.text("image", Syntax.IMAGE).orElse(null),
        fields.text("service_account", Syntax.DNS_SUBDOMAIN).orElse(null),
        new Placement(fields.labels("node_selector"), tolerations(fields)),
        labels,
        env,
        secrets,
        grace);
  }

  /** Labels by which Spark and its operator know their pods. */
  private static boolean isSparks(String label) {
    return label.startsWith("spark-")
        || label.startsWith("sparkoperator.k8s.io/")
        || label.startsWith("lance-backfill/");
  }

  private static Map<String, SecretKey> secrets(SpecFields fields) {
    Map<String, SecretKey> secrets = new TreeMap<>();
    fields
        .objects("secret_env_vars", Syntax.ENV_NAME)
        .forEach(
            (name, reference) -> {
              secrets.put(
                  name,
                  new SecretKey(
                      reference.required("secret", Syntax.DNS_SUBDOMAIN),
                      reference.required("key", Syntax.SECRET_KEY)));
              reference.end();
            });
    return secrets;
  }

  private static void checkVariables(
      SpecFields fields, Map<String, String> env, Map<String, SecretKey> secrets) {
    env.forEach(
        (name, value) -> {
          if (Secrets.givenAway(name, value)) {
            fields.fault(
                "env_vars." + name,
                "it looks like a secret, and a definition is stored and shown as text",
                "put the value in a Kubernetes secret, and give secret_env_vars."
                    + name
                    + " its name and key");
          }
          if (secrets.containsKey(name)) {
            fields.fault(
                "env_vars." + name, "secret_env_vars has it as well", "give it in one of the two");
          }
        });
    for (String field : List.of("env_vars", "secret_env_vars")) {
      Set<String> names = field.equals("env_vars") ? env.keySet() : secrets.keySet();
      for (String name : names) {
        if (name.startsWith("SPARK_")) {
          fields.fault(
              field + "." + name,
              "variables that begin with SPARK_ are Spark's own in its pods",
              "give it another name, or set the property of Spark that is meant");
        }
      }
    }
  }

  private static List<Toleration> tolerations(SpecFields fields) {
    List<Toleration> tolerations = new ArrayList<>();
    for (SpecFields toleration : fields.list("tolerations")) {
      @Nullable String key = toleration.text("key", Syntax.LABEL_KEY).orElse(null);
      @Nullable String value = toleration.text("value", Syntax.LABEL_VALUE).orElse(null);
      @Nullable String effect = toleration.text("effect").orElse(null);
      String operator = toleration.text("operator").orElse("Equal");
      @Nullable Integer seconds =
          toleration.whole("toleration_seconds", 0, DAY, "give seconds").orElse(null);
      if (!operator.equals("Equal") && !operator.equals("Exists")) {
        toleration.fault("operator", "there is no '" + operator + "'", "give Equal or Exists");
      } else if (operator.equals("Exists") && value != null) {
        toleration.fault("value", "Exists takes none", "leave it out, or give operator: Equal");
      } else if (operator.equals("Equal") && key == null && !toleration.has("key")) {
        toleration.fault("key", "it is missing", "give the taint's key, or operator: Exists");
      }
      if (effect != null && !EFFECTS.contains(effect)) {
        toleration.fault(
            "effect",
            "there is no '" + effect + "'",
            "give NoSchedule, PreferNoSchedule or NoExecute");
      }
      if (seconds != null && !"NoExecute".equals(effect)) {
        toleration.fault(
            "toleration_seconds", "it goes with NoExecute alone", "give effect: NoExecute");
      }
      toleration.end();
      tolerations.add(new Toleration(key, operator, value, effect, seconds));
    }
    return tolerations;
  }

  private PodSize size(SpecFields fields, boolean worker) {
    int cpus =
        fields
            .whole("num_cpus", 1, 1024, "an executor has whole cores; a function may take a share")
            .orElse(1);
    if (worker && !fields.has("memory")) {
      fields.fault("memory", "it is missing", "give the memory of one pod, as \"8Gi\"");
    }
    Optional<Long> given = fields.mebibytes("memory", "8Gi");
    long memory = given.orElse(4096L);
    long overhead =
        fields
            .mebibytes("memory_overhead", "2Gi")
            .orElseGet(() -> Math.max(384, Math.floorDiv(memory * 4, 10)));
    if ((memory - overhead) * (1 << 20) < LEAST_HEAP_BYTES) {
      fields.fault(
          fields.has("memory_overhead") ? "memory_overhead" : "memory",
          memory
              + "Mi less "
              + overhead
              + "Mi outside of the heap leaves the JVM "
              + Math.max(0, memory - overhead)
              + "Mi, and Spark refuses less than 450Mi",
          "give memory: " + leastMemory(fields, overhead) + "Mi or more");
    }
    return new PodSize(
        cpus, memory, overhead, gpus(fields, worker), cpuLimit(fields, cpus), extended(fields));
  }

  private static long leastMemory(SpecFields fields, long overhead) {
    long leastHeap = LEAST_HEAP_BYTES >> 20;
    return fields.has("memory_overhead") ? leastHeap + overhead : leastHeap + 384;
  }

  private static @Nullable Gpus gpus(SpecFields fields, boolean worker) {
    if (!worker) {
      return null;
    }
    int count =
        fields
            .whole("num_gpus", 0, 64, "a pod has whole GPUs; a function may take a share of one")
            .orElse(0);
    String resource = fields.text("gpu_resource", Syntax.RESOURCE).orElse(GPU_RESOURCE);
    String script = fields.text("discovery_script", Syntax.ABSOLUTE_PATH).orElse(DISCOVERY_SCRIPT);
    for (String field : List.of("gpu_resource", "discovery_script")) {
      if (count == 0 && fields.has(field) && !fields.has("num_gpus")) {
        fields.fault(field, "the group has no GPUs", "give num_gpus, or leave it out");
      }
    }
    return count == 0 ? null : new Gpus(count, resource, script);
  }

  private static @Nullable String cpuLimit(SpecFields fields, int cpus) {
    Optional<String> limit = fields.quantity("cpu_limit", "8");
    boolean low =
        limit
            .flatMap(Quantities::amount)
            .filter(amount -> amount.compareTo(BigDecimal.valueOf(cpus)) < 0)
            .isPresent();
    if (low) {
      fields.fault(
          "cpu_limit",
          limit.get() + " is below the " + cpus + " that the pod requests",
          "give at least num_cpus");
    }
    return limit.orElse(null);
  }

  private static Map<String, String> extended(SpecFields fields) {
    Map<String, String> extended = fields.quantities("extended_resources");
    for (String name : extended.keySet()) {
      if (Set.of("cpu", "memory", "pods").contains(name)) {
        fields.fault(
            "extended_resources." + name, "it has a field of its own", "give num_cpus and memory");
      } else if (name.equals(fields.text("gpu_resource").orElse(GPU_RESOURCE))) {
        fields.fault(
            "extended_resources." + name,
            "Spark would not know of these GPUs",
            "give num_gpus and gpu_resource");
      } else if (!name.contains("/")
          && !name.equals("ephemeral-storage")
          && !name.startsWith("hugepages-")) {
        fields.fault(
            "extended_resources." + name,
            "it is neither ephemeral-storage nor a 'domain/name'",
            "write it as nodes offer it: kubectl describe node");
      }
    }
    return extended;
  }

  private static Scaling scaling(SpecFields fields) {
    String count = "give a count of pods";
    int least = fields.whole("min_replicas", 0, MANY, count).orElse(0);
    @Nullable Integer most = fields.whole("max_replicas", 1, MANY, count).orElse(null);
    int replicas = fields.whole("replicas", 0, MANY, count).orElse(least);
    if (most != null && least > most) {
      fields.fault(
          "min_replicas", least + " is above max_replicas, " + most, "give max_replicas or less");
    } else if (fields.has("replicas") && replicas < least) {
      fields.fault("replicas", replicas + " is below min_replicas, " + least, "give " + least);
    } else if (most != null && replicas > most) {
      fields.fault("replicas", replicas + " is above max_replicas, " + most, "give " + most);
    }
    Duration idle =
        fields
            .whole("idle_timeout_seconds", 1, 30 * DAY, "give seconds")
            .map(Duration::ofSeconds)
            .orElse(IDLE_TIMEOUT);
    return new Scaling(replicas, least, most, idle);
  }
}
