package io.lancebackfill.cluster;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lancebackfill.cluster.PodSize.Gpus;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A definition as JSON. Defaults are written out, so that a stored definition keeps its meaning
 * when a default changes.
 */
final class SpecJson {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private SpecJson() {}

  static ObjectNode write(ClusterSpec spec) {
    ObjectNode json = JSON.objectNode();
    json.put("name", spec.name()).put("type", spec.type().name().toLowerCase(Locale.ROOT));
    Access access = spec.access();
    boolean kubernetes = spec.type() == ClusterType.KUBERNETES;
    put(json, "master", access.master());
    if (kubernetes) {
      json.put("namespace", access.namespace());
      ObjectNode credentials = JSON.objectNode();
      put(credentials, "kubeconfig", access.kubeconfig());
      put(credentials, "context", access.context());
      if (access.inCluster()) {
        credentials.put("in_cluster", true);
      }
      if (!credentials.isEmpty()) {
        json.set("credentials", credentials);
      }
    }
    put(json, "image", spec.image());
    HeadGroup head = spec.headGroup();
    if (head != null) {
      ObjectNode group = json.putObject("head_group");
      traits(group, head.pod());
      size(group, head.size());
      put(group, "driver_host", head.driverHost());
    }
    if (!spec.workerGroups().isEmpty()) {
      ArrayNode groups = json.putArray("worker_groups");
      spec.workerGroups().forEach(group -> groups.add(worker(group)));
    }
    json.put("admission_timeout_seconds", spec.admissionTimeout().toSeconds());
    return json;
  }

  static ObjectNode worker(WorkerGroup group) {
    ObjectNode json = JSON.objectNode();
    json.put("name", group.name());
    traits(json, group.pod());
    size(json, group.size());
    Scaling scaling = group.scaling();
    json.put("replicas", scaling.replicas()).put("min_replicas", scaling.least());
    if (scaling.most() != null) {
      json.put("max_replicas", scaling.most());
    }
    json.put("idle_timeout_seconds", scaling.idleTimeout().toSeconds());
    json.put("spot", group.spot());
    return json;
  }

  private static void traits(ObjectNode json, PodTraits pod) {
    put(json, "image", pod.image());
    put(json, "service_account", pod.serviceAccount());
    put(json, "node_selector", pod.placement().nodeSelector());
    if (!pod.placement().tolerations().isEmpty()) {
      ArrayNode tolerations = json.putArray("tolerations");
      pod.placement().tolerations().forEach(t -> tolerations.add(toleration(t)));
    }
    put(json, "labels", pod.labels());
    put(json, "env_vars", pod.envVars());
    if (!pod.secretEnvVars().isEmpty()) {
      ObjectNode secrets = json.putObject("secret_env_vars");
      new TreeMap<>(pod.secretEnvVars())
          .forEach(
              (name, place) ->
                  secrets.putObject(name).put("secret", place.secret()).put("key", place.key()));
    }
    if (pod.terminationGracePeriodSeconds() != null) {
      json.put("termination_grace_period_seconds", pod.terminationGracePeriodSeconds());
    }
  }

  private static void size(ObjectNode json, PodSize size) {
    json.put("num_cpus", size.cpus());
    json.put("memory", size.memoryMib() + "Mi").put("memory_overhead", size.overheadMib() + "Mi");
    Gpus gpus = size.gpus();
    if (gpus != null) {
      json.put("num_gpus", gpus.count()).put("gpu_resource", gpus.resource());
      json.put("discovery_script", gpus.discoveryScript());
    }
    put(json, "cpu_limit", size.cpuLimit());
    put(json, "extended_resources", size.extendedResources());
  }

  static ObjectNode toleration(Toleration toleration) {
    ObjectNode json = JSON.objectNode();
    put(json, "key", toleration.key());
    json.put("operator", toleration.operator());
    put(json, "value", toleration.value());
    put(json, "effect", toleration.effect());
    if (toleration.tolerationSeconds() != null) {
      json.put("toleration_seconds", toleration.tolerationSeconds());
    }
    return json;
  }

  private static void put(ObjectNode json, String field, @Nullable String value) {
    if (value != null) {
      json.put(field, value);
    }
  }

  private static void put(ObjectNode json, String field, Map<String, String> entries) {
    if (!entries.isEmpty()) {
      ObjectNode object = json.putObject(field);
      new TreeMap<>(entries).forEach(object::put);
    }
  }
}
