package io.lancebackfill.cluster;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;

/**
 * A group by its fields. They are checked with the whole definition by {@link
 * ClusterSpec.Builder#build()}, exactly as if they had been written as JSON; a field that a group
 * of this kind does not have is a fault there.
 */
public final class GroupBuilder {
  private final ObjectNode fields = JsonNodeFactory.instance.objectNode();

  GroupBuilder() {}

  ObjectNode fields() {
    return fields.deepCopy();
  }

  GroupBuilder set(String field, String value) {
    fields.put(field, value);
    return this;
  }

  private GroupBuilder set(String field, int value) {
    fields.put(field, value);
    return this;
  }

  private GroupBuilder entry(String field, String key, String value) {
    fields.withObject("/" + field).put(key, value);
    return this;
  }

  public GroupBuilder image(String image) {
    return set("image", image);
  }

  public GroupBuilder serviceAccount(String name) {
    return set("service_account", name);
  }

  public GroupBuilder numCpus(int cpus) {
    return set("num_cpus", cpus);
  }

  /** Of the whole pod, as {@code 16Gi}. */
  public GroupBuilder memory(String quantity) {
    return set("memory", quantity);
  }

  /** Of the pod's memory, what is not the JVM's heap; by default 40 %, at least 384Mi. */
  public GroupBuilder memoryOverhead(String quantity) {
    return set("memory_overhead", quantity);
  }

  public GroupBuilder numGpus(int gpus) {
    return set("num_gpus", gpus);
  }

  /** By default {@code nvidia.com/gpu}. */
  public GroupBuilder gpuResource(String resource) {
    return set("gpu_resource", resource);
  }

  /** By default the script in Spark's own image. */
  public GroupBuilder discoveryScript(String path) {
    return set("discovery_script", path);
  }

  public GroupBuilder cpuLimit(String quantity) {
    return set("cpu_limit", quantity);
  }

  public GroupBuilder extendedResource(String name, String quantity) {
    return entry("extended_resources", name, quantity);
  }

  public GroupBuilder nodeSelector(String label, String value) {
    return entry("node_selector", label, value);
  }

  public GroupBuilder label(String key, String value) {
    return entry("labels", key, value);
  }

  public GroupBuilder envVar(String name, String value) {
    return entry("env_vars", name, value);
  }

  public GroupBuilder secretEnvVar(String name, String secret, String key) {
    fields.withObject("/secret_env_vars").putObject(name).put("secret", secret).put("key", key);
    return this;
  }

  public GroupBuilder toleration(Toleration toleration) {
    fields.withArray("/tolerations").add(SpecJson.toleration(toleration));
    return this;
  }

  public GroupBuilder replicas(int replicas) {
    return set("replicas", replicas);
  }

  public GroupBuilder minReplicas(int least) {
    return set("min_replicas", least);
  }

  public GroupBuilder maxReplicas(int most) {
    return set("max_replicas", most);
  }

  /** Whole seconds. */
  public GroupBuilder idleTimeout(Duration timeout) {
    return set("idle_timeout_seconds", Math.toIntExact(timeout.toSeconds()));
  }

  public GroupBuilder spot(boolean spot) {
    fields.put("spot", spot);
    return this;
  }

  public GroupBuilder terminationGracePeriod(Duration period) {
    return set("termination_grace_period_seconds", Math.toIntExact(period.toSeconds()));
  }

  public GroupBuilder driverHost(String host) {
    return set("driver_host", host);
  }
}
