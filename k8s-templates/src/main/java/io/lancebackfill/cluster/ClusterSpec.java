package io.lancebackfill.cluster;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lancebackfill.cluster.fields.SpecProblem;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The definition of a cluster. Made by {@link #parse} or {@link #builder}, both of which check it
 * whole.
 *
 * @param name a DNS label
 * @param image of every group that names none; null where each has its own
 * @param headGroup null of a cluster whose driver is not ours to place
 * @param workerGroups empty of a local one
 * @param admissionTimeout how long work waits for its first executor before it fails
 */
public record ClusterSpec(
    String name,
    ClusterType type,
    Access access,
    @Nullable String image,
    @Nullable HeadGroup headGroup,
    List<WorkerGroup> workerGroups,
    Duration admissionTimeout) {
  public ClusterSpec {
    workerGroups = List.copyOf(workerGroups);
  }

  /**
   * Reads a definition, JSON if it begins with a brace, else YAML.
   *
   * @throws ClusterSpecException with all faults, each with its path
   */
  public static ClusterSpec parse(String text) {
    return ClusterSpecReader.read(ClusterSpecReader.tree(text));
  }

  /** The definition as one line of JSON: fields in their order, entries sorted by name. */
  public String toJson() {
    return SpecJson.write(this).toString();
  }

  /** Traps that this definition is likely to meet; it works all the same. */
  public List<SpecProblem> warnings() {
    return SpecWarnings.of(this);
  }

  public Optional<WorkerGroup> group(String groupName) {
    return workerGroups.stream().filter(group -> group.name().equals(groupName)).findFirst();
  }

  /** The image of a group's pods, if the definition gives one. */
  public Optional<String> image(PodTraits pod) {
    return Optional.ofNullable(pod.image() == null ? image : pod.image());
  }

  public static Builder builder(String name, ClusterType type) {
    return new Builder(name, type);
  }

  /** A definition by its fields. */
  public static final class Builder {
    private final ObjectNode fields = JsonNodeFactory.instance.objectNode();

    private Builder(String name, ClusterType type) {
      fields.put("name", name).put("type", type.name().toLowerCase(Locale.ROOT));
    }

    public Builder namespace(String namespace) {
      fields.put("namespace", namespace);
      return this;
    }

    public Builder master(String url) {
      fields.put("master", url);
      return this;
    }

    /** A file and a context of it; either may be null. */
    public Builder kubeconfig(@Nullable String file, @Nullable String context) {
      fields.withObject("/credentials").put("kubeconfig", file).put("context", context);
      return this;
    }

    /** The driver runs in a pod and uses that pod's service account. */
    public Builder inCluster() {
      fields.withObject("/credentials").put("in_cluster", true);
      return this;
    }

    public Builder image(String image) {
      fields.put("image", image);
      return this;
    }

    public Builder headGroup(GroupBuilder head) {
      fields.set("head_group", head.fields());
      return this;
    }

    public Builder workerGroup(GroupBuilder group) {
      fields.withArray("/worker_groups").add(group.fields());
      return this;
    }

    /** Whole seconds. */
    public Builder admissionTimeout(Duration timeout) {
      fields.put("admission_timeout_seconds", timeout.toSeconds());
      return this;
    }

    /**
     * Checks the whole definition.
     *
     * @throws ClusterSpecException with all faults, each with its path
     */
    public ClusterSpec build() {
      return ClusterSpecReader.read(fields);
    }
  }
}
