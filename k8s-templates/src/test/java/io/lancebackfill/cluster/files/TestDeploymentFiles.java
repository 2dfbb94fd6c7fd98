package io.lancebackfill.cluster.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.KubernetesResource;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.rbac.Role;
import io.fabric8.kubernetes.client.utils.Serialization;
import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.spark.SessionSettings;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The files of a definition with CPUs and GPUs. {@code -Dgolden.write=true} writes them anew. */
class TestDeploymentFiles {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final Pattern DOCUMENTS = Pattern.compile("(?m)^---$");
  private static final ClusterSpec CLUSTER =
      ClusterSpec.parse(read(GOLDEN.resolve("cluster.yaml")));
  private static final BackfillJob JOB =
      new BackfillJob(
          Map.of(
              "spark.sql.extensions", "io.lancebackfill.sql.LanceBackfillExtensions",
              "spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog",
              "spark.sql.catalog.lance.impl", "dir",
              "spark.sql.catalog.lance.root", "s3://images/lance"),
          List.of("--table", "lance.default.images", "--column", "embedding"));

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Stream<String> names() {
    return DeploymentFiles.of(CLUSTER, JOB).keySet().stream();
  }

  @ParameterizedTest
  @MethodSource("names")
  void areAsKept(String name) throws IOException {
    String text = DeploymentFiles.of(CLUSTER, JOB).get(name);
    Path golden = GOLDEN.resolve("deployment").resolve(name);
    if (Boolean.getBoolean("golden.write")) {
      Files.writeString(golden, text);
    }

    assertThat(text).isEqualTo(Files.readString(golden));
  }

  @Test
  void noneIsKeptThatIsNotWritten() throws IOException {
    try (Stream<Path> kept = Files.list(GOLDEN.resolve("deployment"))) {
      assertThat(kept.map(file -> file.getFileName().toString()).toList())
          .containsExactlyInAnyOrderElementsOf(names().toList());
    }
  }

  @ParameterizedTest
  @MethodSource("names")
  void objectsAreThoseOfTheTypedModel(String name) {
    if (!name.endsWith(".yaml")) {
      return;
    }
    for (HasMetadata object : objects(name)) {
      if (!object.getKind().equals("SparkApplication")) {
        assertThat(object).isNotInstanceOf(GenericKubernetesResource.class);
      }
    }
  }

  private static List<HasMetadata> objects(String name) {
    List<HasMetadata> objects = new ArrayList<>();
    for (String document : DOCUMENTS.split(DeploymentFiles.of(CLUSTER, JOB).get(name), -1)) {
      objects.add((HasMetadata) Serialization.unmarshal(document, KubernetesResource.class));
    }
    return objects;
  }

  @Test
  void rightsAreThoseOfANamespaceAndNoMore() {
    List<HasMetadata> objects = objects("rbac.yaml");

    assertThat(objects)
        .extracting(object -> object.getKind() + " " + object.getMetadata().getName())
        .containsExactly(
            "ServiceAccount driver",
            "ServiceAccount lance-backfill-submitter",
            "ServiceAccount worker",
            "Role lance-backfill-driver",
            "RoleBinding lance-backfill-driver",
            "Role lance-backfill-submitter",
            "RoleBinding lance-backfill-submitter");
    assertThat(objects).allMatch(object -> "ml".equals(object.getMetadata().getNamespace()));
    assertThat(((Role) objects.get(3)).getRules())
        .extracting(rule -> rule.getResources() + " " + rule.getVerbs())
        .containsExactly(
            "[pods] [create, get, list, watch, delete, deletecollection, patch]",
            "[configmaps] [create, deletecollection]",
            "[services] [deletecollection]",
            "[persistentvolumeclaims] [list, deletecollection]");
  }

  /** The fields of v1beta2 that are written, with what they may be. */
  @Test
  void theApplicationKeepsToItsSchema() throws IOException {
    JsonNode application =
        new ObjectMapper(new YAMLFactory())
            .readTree(DeploymentFiles.of(CLUSTER, JOB).get("spark-application.yaml"));

    assertThat(application.path("apiVersion").asText()).isEqualTo("sparkoperator.k8s.io/v1beta2");
    JsonNode spec = application.path("spec");
    assertThat(names(spec))
        .containsExactly(
            "arguments",
            "driver",
            "executor",
            "imagePullPolicy",
            "mainApplicationFile",
            "mainClass",
            "mode",
            "restartPolicy",
            "sparkConf",
            "sparkVersion",
            "type");
    assertThat(spec.path("type").asText()).isIn("Java", "Python", "Scala", "R");
    assertThat(spec.path("mode").asText()).isIn("cluster", "client");
    assertThat(spec.path("arguments")).allMatch(JsonNode::isTextual);
    assertThat(spec.path("sparkConf")).allMatch(JsonNode::isTextual);
    assertThat(names(spec.path("restartPolicy")))
        .containsExactly(
            "onFailureRetries",
            "onFailureRetryInterval",
            "onSubmissionFailureRetries",
            "onSubmissionFailureRetryInterval",
            "type");
    for (String role : List.of("driver", "executor")) {
      JsonNode pod = spec.path(role);
      assertThat(names(pod))
          .isSubsetOf(
              "image",
              "cores",
              "memory",
              "memoryOverhead",
              "coreLimit",
              "serviceAccount",
              "labels",
              "template");
      assertThat(pod.path("cores").isInt()).isTrue();
      assertThat(pod.path("memory").asText()).matches("\\d+m");
    }
    Pod template =
        Serialization.unmarshal(
            "apiVersion: v1\nkind: Pod\nspec: "
                + Serialization.asJson(spec.path("driver").path("template").path("spec")),
            Pod.class);
    assertThat(template.getSpec().getTolerations().get(0).getKey()).isEqualTo("head");
    assertThat(template.getSpec().getTerminationGracePeriodSeconds()).isEqualTo(60);
  }

  private static Set<String> names(JsonNode object) {
    Set<String> names = new TreeSet<>();
    object.fieldNames().forEachRemaining(names::add);
    return names;
  }

  @Test
  void settingsAreReadBackAsTheyAre() throws IOException {
    Properties properties = new Properties();
    properties.load(new StringReader(DeploymentFiles.of(CLUSTER, JOB).get("client.conf")));

    assertThat(properties).containsAllEntriesOf(SessionSettings.client(CLUSTER, null));
    assertThat(properties).containsAllEntriesOf(JOB.conf());
  }

  @Test
  void noFileHoldsASecret() {
    assertThatThrownBy(
            () ->
                new BackfillJob(
                    Map.of(
                        "spark.sql.catalog.lance.storage.aws_secret_access_key", "hunter2",
                        "spark.hadoop.fs.azure.account.key", "hunter2",
                        "spark.sql.catalog.lance.impl", "dir"),
                    List.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(
            "[CLUSTER_FILES_SECRET] spark.hadoop.fs.azure.account.key,"
                + " spark.sql.catalog.lance.storage.aws_secret_access_key: the value looks like")
        .hasMessageNotContaining("hunter2");
    assertThatThrownBy(
            () -> new BackfillJob(Map.of(), List.of("--storage", "sk-abcdefghijklmnop12")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("[CLUSTER_FILES_SECRET] argument 2: ")
        .hasMessageNotContaining("sk-");
  }

  @Test
  void aClusterThatKeepsNothingWarmHasNoWarmPool() {
    ClusterSpec cold =
        ClusterSpec.parse(
            "name: c\ntype: kubernetes\nimage: i:1\nworker_groups: [{name: g, memory: 4Gi}]");

    assertThat(DeploymentFiles.of(cold, JOB)).doesNotContainKey("warm-pool.yaml");
    assertThat(DeploymentFiles.of(cold, JOB).get("rbac.yaml")).contains("lance-backfill-driver");
    assertThat(DeploymentFiles.of(cold, JOB).get("cluster.conf"))
        .contains(
            "spark.kubernetes.authenticate.driver.serviceAccountName lance-backfill-driver\n");
  }

  @Test
  void onlyKubernetesHasFiles() {
    assertThatThrownBy(() -> DeploymentFiles.of(ClusterSpec.parse("name: c\ntype: local"), JOB))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("[CLUSTER_FILES_NONE] cluster c is not of type kubernetes");
  }

  @Test
  void theMainClassWritesThem(@TempDir Path folder) throws IOException {
    Path definition = GOLDEN.resolve("cluster.yaml");
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    List<String> arguments =
        new ArrayList<>(List.of(definition.toString(), folder.resolve("new").toString()));
    JOB.conf().forEach((key, value) -> arguments.addAll(List.of("--conf", key + "=" + value)));
    arguments.add("--");
    arguments.addAll(JOB.arguments());

    assertThat(run(arguments, out, err)).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8).lines())
        .containsExactlyElementsOf(names().toList());
    assertThat(err.toString(StandardCharsets.UTF_8))
        .contains("warning: worker_groups.min_replicas");
    for (Map.Entry<String, String> file : DeploymentFiles.of(CLUSTER, JOB).entrySet()) {
      assertThat(folder.resolve("new").resolve(file.getKey())).hasContent(file.getValue());
    }
  }

  @Test
  void theMainClassSaysWhatIsWrong(@TempDir Path folder) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    Path bad = Files.writeString(folder.resolve("bad.yaml"), "name: C\ntype: local\n");

    assertThat(run(List.of("one"), out, err)).isEqualTo(2);
    assertThat(run(List.of("a", "b", "--conf"), out, err)).isEqualTo(2);
    assertThat(run(List.of(folder.resolve("gone").toString(), "b"), out, err)).isEqualTo(1);
    assertThat(run(List.of(bad.toString(), folder.toString()), out, err)).isEqualTo(1);
    assertThat(err.toString(StandardCharsets.UTF_8))
        .contains("usage: ", "[CLUSTER_FILES_UNWRITTEN]", "[CLUSTER_SPEC_INVALID] name: 'C'");
    assertThat(out.size()).isZero();
  }

  private static int run(
      List<String> arguments, ByteArrayOutputStream out, ByteArrayOutputStream err) {
    return GenerateDeploymentFiles.run(
        arguments,
        new PrintStream(out, true, StandardCharsets.UTF_8),
        new PrintStream(err, true, StandardCharsets.UTF_8));
  }
}
