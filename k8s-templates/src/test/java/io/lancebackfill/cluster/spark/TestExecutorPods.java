package io.lancebackfill.cluster.spark;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.utils.Serialization;
import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.WorkerGroup;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import org.apache.spark.SecurityManager;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.deploy.k8s.KubernetesExecutorConf;
import org.apache.spark.deploy.k8s.SparkPod;
import org.apache.spark.resource.ResourceProfile;
import org.apache.spark.resource.ResourceProfile$;
import org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBuilder;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import scala.Option;

/**
 * The pods that Spark itself builds, compared with files: every field of a group is in them, and a
 * Spark that builds other pods is seen. {@code -Dgolden.write=true} writes the files anew.
 */
class TestExecutorPods {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final String CLUSTER =
      """
      name: images
      type: kubernetes
      master: https://api:6443
      namespace: ml
      image: backfill:1
      worker_groups:
      - {name: cpu, num_cpus: 2, memory: 4Gi, max_replicas: 4, node_selector: {pool: cpu}}
      - name: gpu
        image: backfill-cuda:1
        service_account: worker
        num_cpus: 8
        memory: 32Gi
        memory_overhead: 20Gi
        num_gpus: 2
        gpu_resource: nvidia.com/mig-1g.5gb
        discovery_script: /opt/gpus.sh
        node_selector: {pool: gpu, zone: a}
        tolerations:
        - {key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}
        - {key: team, value: ml, effect: NoExecute, toleration_seconds: 60}
        labels: {team: ml}
        env_vars: {HF_HOME: /models, LANG: C.UTF-8}
        secret_env_vars: {HF_TOKEN: {secret: hugging-face, key: token}}
        extended_resources: {ephemeral-storage: 50Gi, example.com/fpga: "1"}
        cpu_limit: "12"
        max_replicas: 4
        spot: true
        termination_grace_period_seconds: 90
      """;

  private static final ObjectMapper SORTED =
      new ObjectMapper(new YAMLFactory())
          .configure(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS, true);

  private static ClusterSpec cluster;
  private static KubernetesClient client;

  @BeforeAll
  static void startClient() {
    cluster = ClusterSpec.parse(CLUSTER);
    client = new KubernetesClientBuilder().build();
  }

  @AfterAll
  static void stopClient() {
    client.close();
  }

  @Test
  void ofTheSessionsOwnProfile() throws IOException {
    SparkConf conf = conf();

    assertGolden("executor-default", pod(conf, defaultProfile(conf)));
  }

  @Test
  void ofAGpuGroup() throws IOException {
    SparkConf conf = conf().set("spark.executorEnv.LANG", "C").set(GroupPlacement.JOB, "night/7");
    WorkerGroup group = cluster.group("gpu").orElseThrow();
    ResourceProfile profile = GroupProfiles.of("app", group, new TaskNeeds(1, 0.5, 6L << 30, true));
    conf.set(GroupPlacement.GROUP + profile.id(), GroupPlacement.json(cluster, group));
    Pod pod = pod(conf, profile);

    assertThat(pod.getMetadata().getLabels().get("lance-backfill/job"))
        .isEqualTo(GroupPlacement.labelOf("night/7"))
        .matches("[0-9a-f-]{36}");
    assertGolden("executor-gpu", pod);
  }

  @Test
  void tasksWithoutGpusGetNoneOfAGroupThatHasThem() {
    WorkerGroup group = cluster.group("gpu").orElseThrow();
    ResourceProfile profile = GroupProfiles.of("app", group, TaskNeeds.oneCpu());

    assertThat(profile.executorResourcesJMap())
        .containsOnlyKeys("cores", "memory", "memoryOverhead");
    assertThat(profile.taskResourcesJMap()).containsOnlyKeys("cpus");
  }

  @Test
  void equalProfilesOfAnApplicationAreOne() {
    WorkerGroup group = cluster.group("gpu").orElseThrow();
    ResourceProfile profile = GroupProfiles.of("app", group, new TaskNeeds(1, 1, 0, true));

    assertThat(GroupProfiles.of("app", group, new TaskNeeds(0.5, 0.8, 0, true))).isSameAs(profile);
    assertThat(GroupProfiles.of("app", group, new TaskNeeds(2, 1, 0, true))).isNotSameAs(profile);
    assertThat(GroupProfiles.of("app2", group, new TaskNeeds(1, 1, 0, true))).isNotSameAs(profile);
  }

  @Test
  void aProfileWithoutAPlacementIsSparksAlone() {
    SparkConf conf = conf();
    ResourceProfile profile =
        GroupProfiles.of(
            "unplaced", cluster.group("cpu").orElseThrow(), new TaskNeeds(2, 0, 0, false));
    Pod pod = pod(conf, profile);

    assertThat(pod.getMetadata().getLabels()).doesNotContainKey("lance-backfill/group");
    assertThat(pod.getSpec().getNodeSelector()).isNullOrEmpty();
  }

  @Test
  void aPlacementThatCannotBeReadGivesAPodThatNoNodeTakesAndThatSaysWhy() {
    SparkConf conf =
        conf().set(GroupPlacement.GROUP + 0, "{\"name\": \"cpu\", \"memori\": \"4Gi\"}");
    Pod pod = pod(conf, defaultProfile(conf));

    assertThat(pod.getSpec().getNodeSelector()).containsEntry(ExecutorGroupStep.FAULT, "true");
    assertThat(pod.getMetadata().getAnnotations().get(ExecutorGroupStep.FAULT))
        .contains("[CLUSTER_SPEC_INVALID] memory: it is missing", "memori: there is no such field");
  }

  @Test
  void placementsReachTheStepThroughARunningSession() {
    WorkerGroup group = cluster.group("gpu").orElseThrow();
    SparkContext context =
        new SparkContext(
            new SparkConf(false)
                .setMaster("local[1]")
                .setAppName("a")
                .set("spark.driver.host", "localhost")
                .set("spark.ui.enabled", "false"));
    try {
      ResourceProfile profile =
          GroupProfiles.of(context.applicationId(), group, new TaskNeeds(1, 1, 0, true));
      GroupPlacement.place(context, cluster, group, profile);
      GroupPlacement.label(context, "night-7");
      SparkConf conf = context.conf();
      conf.set("spark.kubernetes.container.image", "backfill:1")
          .set("spark.kubernetes.executor.pod.featureSteps", ExecutorGroupStep.class.getName());

      Pod pod = pod(conf, profile);

      assertThat(pod.getSpec().getNodeSelector()).containsEntry("pool", "gpu");
      assertThat(pod.getMetadata().getLabels())
          .containsEntry("lance-backfill/job", "night-7")
          .containsEntry("lance-backfill/cluster", "images")
          .containsEntry("lance-backfill/group", "gpu");
    } finally {
      context.stop();
    }
  }

  private static SparkConf conf() {
    SparkConf conf =
        new SparkConf(false)
            .set("spark.app.name", "a")
            .set("spark.driver.host", "driver")
            .set("spark.driver.port", "7078")
            .set("spark.kubernetes.executor.podNamePrefix", "a");
    SessionSettings.client(cluster, null).forEach(conf::set);
    return conf;
  }

  private static ResourceProfile defaultProfile(SparkConf conf) {
    ResourceProfile$.MODULE$.clearDefaultProfile();
    return ResourceProfile$.MODULE$.getOrCreateDefaultProfile(conf);
  }

  private static Pod pod(SparkConf conf, ResourceProfile profile) {
    SecurityManager security =
        new SecurityManager(conf, Option.empty(), SecurityManager.$lessinit$greater$default$3());
    SparkPod built =
        new KubernetesExecutorBuilder()
            .buildFromFeatures(
                new KubernetesExecutorConf(conf, "app", "1", Option.empty(), profile.id()),
                security,
                client,
                profile)
            .pod();
    return new PodBuilder(built.pod())
        .editSpec()
        .addToContainers(built.container())
        .endSpec()
        .build();
  }

  private static void assertGolden(String name, Pod pod) throws IOException {
    var container = pod.getSpec().getContainers().get(0);
    container.getEnv().removeIf(e -> e.getName().startsWith("SPARK_JAVA_OPT"));
    container.getEnv().removeIf(e -> e.getName().equals("SPARK_USER"));
    container.getEnv().sort(Comparator.comparing(EnvVar::getName));
    container.getEnv().stream()
        .filter(e -> e.getName().equals("SPARK_RESOURCE_PROFILE_ID"))
        .forEach(e -> e.setValue("ID"));
    String yaml =
        SORTED
            .writeValueAsString(SORTED.readValue(Serialization.asJson(pod), Object.class))
            .replaceAll("spark-exec-[0-9a-f]{16}-conf-map", "spark-exec-ID-conf-map")
            .replaceAll("spark-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "spark-ID")
            .replaceAll("resourceprofile-id: \"\\d+\"", "resourceprofile-id: \"ID\"");
    Path golden = GOLDEN.resolve(name + ".yaml");
    if (Boolean.getBoolean("golden.write")) {
      Files.writeString(golden, yaml);
    }
    assertThat(yaml).isEqualTo(Files.readString(golden));
  }
}
