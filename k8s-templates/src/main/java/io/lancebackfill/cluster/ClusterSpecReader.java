package io.lancebackfill.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import io.lancebackfill.cluster.fields.SpecFields;
import io.lancebackfill.cluster.fields.SpecProblem;
import io.lancebackfill.cluster.fields.SpecText;
import io.lancebackfill.cluster.fields.Syntax;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A definition's tree, checked to its end. */
final class ClusterSpecReader {
  static final Duration ADMISSION_TIMEOUT = Duration.ofMinutes(10);

  private static final int DAY = 86_400;
  private static final List<String> KUBERNETES_ONLY =
      List.of("namespace", "credentials", "image", "head_group");
  private static final Pattern API_SERVER = Pattern.compile("(k8s://)?https?://[^\\s/@]+(/\\S*)?");
  private static final Pattern SESSION =
      Pattern.compile("spark://[^\\s/@]+|yarn|k8s://https?://[^\\s/@]+(/\\S*)?|local.*");
  private static final Pattern LOCAL = Pattern.compile("local(\\[(\\*|[1-9]\\d{0,4})(,\\d+)?])?");

  private final List<SpecProblem> faults = new ArrayList<>();
  private final SpecFields fields;

  private ClusterSpecReader(JsonNode tree) {
    this.fields = SpecFields.of(tree, faults);
  }

  static ClusterSpec read(JsonNode tree) {
    return new ClusterSpecReader(tree).read();
  }

  static WorkerGroup readWorker(String json) {
    ClusterSpecReader reader = new ClusterSpecReader(tree(json));
    WorkerGroup group = new GroupReader(ClusterType.KUBERNETES).worker(reader.fields);
    reader.refuseFaulty();
    return group;
  }

  /** The tree of a text, which is there, or its faults are thrown. */
  static JsonNode tree(String text) {
    List<SpecProblem> faults = new ArrayList<>();
    Optional<JsonNode> tree = SpecText.read(text, faults::add);
    if (tree.isEmpty() && faults.isEmpty()) {
      faults.add(new SpecProblem("definition", "it is empty", "write its fields by name"));
    }
    if (!faults.isEmpty()) {
      throw new ClusterSpecException(faults);
    }
    return tree.orElseThrow();
  }

  private void refuseFaulty() {
    if (!faults.isEmpty()) {
      throw new ClusterSpecException(faults);
    }
  }

  private ClusterSpec read() {
    refuseFaulty();
    String name = fields.required("name", Syntax.DNS_LABEL);
    ClusterType type = type();
    Access access = access(type);
    @Nullable String image = fields.text("image", Syntax.IMAGE).orElse(null);
    GroupReader groups = new GroupReader(type);
    @Nullable HeadGroup head = null;
    SpecFields headFields = fields.object("head_group");
    if (type == ClusterType.KUBERNETES) {
      head = groups.head(headFields);
      requireImage(image, headFields, head.pod());
    }
    List<WorkerGroup> workers = workers(type, groups, image);
    Duration admission =
        fields
            .whole("admission_timeout_seconds", 1, 7 * DAY, "give seconds")
            .map(Duration::ofSeconds)
            .orElse(ADMISSION_TIMEOUT);
    refuseWhatOnlyKubernetesHas(type);
    fields.end();
    refuseFaulty();
    return new ClusterSpec(name, type, access, image, head, workers, admission);
  }

  private ClusterType type() {
    Optional<String> text = fields.text("type");
    for (ClusterType type : ClusterType.values()) {
      if (text.isPresent() && text.get().equals(type.name().toLowerCase(Locale.ROOT))) {
        return type;
      }
    }
    if (!fields.has("type")) {
      fields.fault("type", "it is missing", "give local, existing or kubernetes");
    } else {
      text.ifPresent(
          t ->
              fields.fault(
                  "type", "there is no type '" + t + "'", "give local, existing or kubernetes"));
    }
    return ClusterType.KUBERNETES;
  }

  private Access access(ClusterType type) {
    @Nullable String master = master(type).orElse(null);
    String namespace = fields.text("namespace", Syntax.DNS_LABEL).orElse("default");
    SpecFields credentials = fields.object("credentials");
    @Nullable String kubeconfig = credentials.text("kubeconfig", Syntax.ABSOLUTE_PATH).orElse(null);
    @Nullable String context = credentials.text("context").orElse(null);
    boolean inCluster = credentials.flag("in_cluster").orElse(false);
    if (inCluster && (kubeconfig != null || context != null)) {
      credentials.fault(
          "in_cluster",
          "a kubeconfig is given as well",
          "give one of the two: a driver in a pod has its service account");
    }
    credentials.end();
    return new Access(master, namespace, kubeconfig, context, inCluster);
  }

  private Optional<String> master(ClusterType type) {
    Optional<String> master = fields.text("master");
    if (master.isEmpty()) {
      return master;
    }
    String url = master.get();
    if (url.contains("@")) {
      fields.fault(
          "master", "it holds a user or a password", "leave them out: credentials has places");
      return Optional.empty();
    }
    Pattern pattern =
        switch (type) {
          case LOCAL -> LOCAL;
          case EXISTING -> SESSION;
          case KUBERNETES -> API_SERVER;
        };
    if (!pattern.matcher(url).matches()) {
      fields.fault(
          "master",
          "'" + url + "' is no master for type: " + type.name().toLowerCase(Locale.ROOT),
          switch (type) {
            case LOCAL -> "give local[*] or local[4]";
            case EXISTING -> "give spark://host:port or yarn, or leave it out";
            case KUBERNETES -> "give the API server, k8s://https://host:port";
          });
      return Optional.empty();
    }
    return Optional.of(
        type == ClusterType.KUBERNETES && !url.startsWith("k8s://") ? "k8s://" + url : url);
  }

  private List<WorkerGroup> workers(ClusterType type, GroupReader groups, @Nullable String image) {
    List<WorkerGroup> workers = new ArrayList<>();
    if (type == ClusterType.LOCAL) {
      if (fields.has("worker_groups")) {
        fields.fault(
            "worker_groups",
            "a local cluster has no workers",
            "leave them out, or give type: existing or kubernetes");
      }
      return workers;
    }
    Set<String> names = new HashSet<>();
    int before = faults.size();
    List<SpecFields> list = fields.list("worker_groups");
    boolean readable = faults.size() == before;
    for (SpecFields group : list) {
      WorkerGroup worker = groups.worker(group);
      if (!names.add(worker.name()) && !worker.name().equals("?")) {
        group.fault("name", "'" + worker.name() + "' is there twice", "give each its own name");
      }
      if (type == ClusterType.KUBERNETES) {
        requireImage(image, group, worker.pod());
      }
      workers.add(worker);
    }
    if (type == ClusterType.KUBERNETES && list.isEmpty() && readable) {
      fields.fault("worker_groups", "there is none", "give at least one group of executors");
    }
    return workers;
  }

  private static void requireImage(@Nullable String image, SpecFields group, PodTraits pod) {
    if (image == null && pod.image() == null && !group.has("image")) {
      group.fault(
          "image", "it is missing, and the cluster has none", "give it here or to the cluster");
    }
  }

  private void refuseWhatOnlyKubernetesHas(ClusterType type) {
    if (type == ClusterType.KUBERNETES) {
      return;
    }
    for (String field : KUBERNETES_ONLY) {
      if (fields.has(field)) {
        fields.fault(
            field,
            "a cluster of type " + type.name().toLowerCase(Locale.ROOT) + " has none",
            "leave it out, or give type: kubernetes");
      }
    }
  }
}
