package io.lancebackfill.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.fabric8.kubernetes.api.model.Quantity;
import io.lancebackfill.cluster.PodSize.Gpus;
import io.lancebackfill.cluster.fields.Quantities;
import io.lancebackfill.cluster.fields.SpecProblem;
import io.lancebackfill.secret.SecretKey;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TestClusterSpec {
  private static final String TWO_POOLS =
      """
      name: images
      type: kubernetes
      master: https://api.example.com:6443
      namespace: ml
      credentials: {kubeconfig: /home/ann/.kube/config, context: prod}
      image: registry.example.com:5000/ml/backfill:1.4
      admission_timeout_seconds: 300
      head_group:
        service_account: driver
        num_cpus: 2
        memory: 4Gi
        driver_host: notebook.ml.svc
      worker_groups:
      - name: cpu
        num_cpus: 4
        memory: 8Gi
        max_replicas: 20
        node_selector: {pool: cpu}
      - name: gpu
        image: registry.example.com:5000/ml/backfill-cuda:1.4
        service_account: worker
        num_cpus: 8
        memory: 32Gi
        memory_overhead: 20Gi
        num_gpus: 2
        gpu_resource: nvidia.com/gpu
        discovery_script: /opt/gpus.sh
        node_selector: {pool: gpu, zone: a}
        tolerations:
        - {key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}
        - {key: team, value: ml, effect: NoExecute, toleration_seconds: 60}
        labels: {team: ml}
        env_vars: {TOKENIZERS_PARALLELISM: "false", HF_HOME: /models}
        secret_env_vars: {HF_TOKEN: {secret: hugging-face, key: token}}
        extended_resources: {ephemeral-storage: 50Gi, example.com/fpga: "1"}
        cpu_limit: "12"
        replicas: 1
        min_replicas: 0
        max_replicas: 4
        idle_timeout_seconds: 120
        spot: true
        termination_grace_period_seconds: 90
      """;

  @Test
  void readsEveryField() {
    ClusterSpec spec = ClusterSpec.parse(TWO_POOLS);

    assertThat(spec.name()).isEqualTo("images");
    assertThat(spec.type()).isEqualTo(ClusterType.KUBERNETES);
    assertThat(spec.access())
        .isEqualTo(
            new Access(
                "k8s://https://api.example.com:6443",
                "ml",
                "/home/ann/.kube/config",
                "prod",
                false));
    assertThat(spec.admissionTimeout()).isEqualTo(Duration.ofMinutes(5));
    assertThat(spec.headGroup().pod().serviceAccount()).isEqualTo("driver");
    assertThat(spec.headGroup().driverHost()).isEqualTo("notebook.ml.svc");
    assertThat(spec.headGroup().size().cpus()).isEqualTo(2);
    WorkerGroup gpu = spec.group("gpu").orElseThrow();
    assertThat(gpu.size())
        .isEqualTo(
            new PodSize(
                8,
                32_768,
                20_480,
                new Gpus(2, "nvidia.com/gpu", "/opt/gpus.sh"),
                "12",
                Map.of("ephemeral-storage", "50Gi", "example.com/fpga", "1")));
    assertThat(gpu.pod())
        .isEqualTo(
            new PodTraits(
                "registry.example.com:5000/ml/backfill-cuda:1.4",
                "worker",
                new PodTraits.Placement(
                    Map.of("pool", "gpu", "zone", "a"),
                    List.of(
                        Toleration.exists("nvidia.com/gpu", "NoSchedule"),
                        new Toleration("team", "Equal", "ml", "NoExecute", 60))),
                Map.of("team", "ml"),
                Map.of("TOKENIZERS_PARALLELISM", "false", "HF_HOME", "/models"),
                Map.of("HF_TOKEN", new SecretKey("hugging-face", "token")),
                90));
    assertThat(gpu.scaling()).isEqualTo(new Scaling(1, 0, 4, Duration.ofMinutes(2)));
    assertThat(gpu.spot()).isTrue();
    assertThat(spec.image(gpu.pod())).contains("registry.example.com:5000/ml/backfill-cuda:1.4");
    assertThat(spec.image(spec.group("cpu").orElseThrow().pod()))
        .contains("registry.example.com:5000/ml/backfill:1.4");
  }

  @Test
  void givesDefaultsAndWritesThemOut() {
    ClusterSpec spec =
        ClusterSpec.parse(
            """
            {"name": "c", "type": "kubernetes", "image": "i:1",
             "worker_groups": [{"name": "g", "memory": "10Gi", "num_gpus": 1, "spot": true}]}
            """);

    assertThat(spec.toJson())
        .isEqualTo(
            """
            {"name":"c","type":"kubernetes","namespace":"default","image":"i:1",
            "head_group":{"num_cpus":1,"memory":"4096Mi","memory_overhead":"1638Mi"},
            "worker_groups":[{"name":"g","termination_grace_period_seconds":120,"num_cpus":1,
            "memory":"10240Mi","memory_overhead":"4096Mi","num_gpus":1,
            "gpu_resource":"nvidia.com/gpu",
            "discovery_script":"/opt/spark/examples/src/main/scripts/getGpusResources.sh",
            "replicas":0,"min_replicas":0,"idle_timeout_seconds":60,"spot":true}],
            "admission_timeout_seconds":600}"""
                .replace("\n", ""));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        TWO_POOLS,
        "{name: c, type: local, master: 'local[4]'}",
        "{name: c, type: existing, master: 'spark://host:7077',"
            + " worker_groups: [{name: g, memory: 8Gi, num_gpus: 1, max_replicas: 2}]}",
        "{name: c, type: kubernetes, image: i, credentials: {in_cluster: true},"
            + " worker_groups: [{name: g, memory: 1Gi, num_cpus: 2.0}]}"
      })
  void comesBackFromItsJson(String text) {
    ClusterSpec spec = ClusterSpec.parse(text.startsWith("{") ? " # YAML\n" + text : text);
    String json = spec.toJson();

    assertThat(ClusterSpec.parse(json)).isEqualTo(spec);
    assertThat(ClusterSpec.parse(json).toJson()).isEqualTo(json);
  }

  @Test
  void buildersMakeWhatTheTextMakes() {
    ClusterSpec built =
        ClusterSpec.builder("images", ClusterType.KUBERNETES)
            .master("https://api.example.com:6443")
            .namespace("ml")
            .kubeconfig("/home/ann/.kube/config", "prod")
            .image("registry.example.com:5000/ml/backfill:1.4")
            .admissionTimeout(Duration.ofMinutes(5))
            .headGroup(
                HeadGroup.builder()
                    .serviceAccount("driver")
                    .numCpus(2)
                    .memory("4Gi")
                    .driverHost("notebook.ml.svc"))
            .workerGroup(
                WorkerGroup.builder("cpu")
                    .numCpus(4)
                    .memory("8Gi")
                    .maxReplicas(20)
                    .nodeSelector("pool", "cpu"))
            .workerGroup(
                WorkerGroup.builder("gpu")
                    .image("registry.example.com:5000/ml/backfill-cuda:1.4")
                    .serviceAccount("worker")
                    .numCpus(8)
                    .memory("32Gi")
                    .memoryOverhead("20Gi")
                    .numGpus(2)
                    .gpuResource("nvidia.com/gpu")
                    .discoveryScript("/opt/gpus.sh")
                    .nodeSelector("pool", "gpu")
                    .nodeSelector("zone", "a")
                    .toleration(Toleration.exists("nvidia.com/gpu", "NoSchedule"))
                    .toleration(new Toleration("team", "Equal", "ml", "NoExecute", 60))
                    .label("team", "ml")
                    .envVar("TOKENIZERS_PARALLELISM", "false")
                    .envVar("HF_HOME", "/models")
                    .secretEnvVar("HF_TOKEN", "hugging-face", "token")
                    .extendedResource("ephemeral-storage", "50Gi")
                    .extendedResource("example.com/fpga", "1")
                    .cpuLimit("12")
                    .replicas(1)
                    .minReplicas(0)
                    .maxReplicas(4)
                    .idleTimeout(Duration.ofMinutes(2))
                    .spot(true)
                    .terminationGracePeriod(Duration.ofSeconds(90)))
            .build();

    assertThat(built).isEqualTo(ClusterSpec.parse(TWO_POOLS));
  }

  @Test
  void buildersAreCheckedAsWell() {
    assertThatThrownBy(
            () ->
                ClusterSpec.builder("c", ClusterType.KUBERNETES)
                    .inCluster()
                    .headGroup(HeadGroup.builder().numGpus(1))
                    .workerGroup(WorkerGroup.builder("g").image("i:1"))
                    .build())
        .isInstanceOf(ClusterSpecException.class)
        .hasMessageContaining("[CLUSTER_SPEC_INVALID] head_group.num_gpus: there is no such field")
        .hasMessageContaining("head_group.image: it is missing")
        .hasMessageContaining("worker_groups[0].memory: it is missing")
        .extracting(e -> ((ClusterSpecException) e).faults().size())
        .isEqualTo(3);
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "8Gi", "500m", "1.5", "2E", "0.5Ki", "10M", "3Ti", "7k", "4Pi"})
  void quantitiesAreThoseOfKubernetes(String text) {
    assertThat(Quantities.amount(text).orElseThrow())
        .isEqualByComparingTo(new Quantity(text).getNumericalAmount());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "GOOGLE_APPLICATION_CREDENTIALS: /var/run/key.json",
        "AWS_WEB_IDENTITY_TOKEN_FILE: /var/run/token",
        "AWS_ACCESS_KEY_ID: some-id",
        "TOKENIZERS_PARALLELISM: 'false'",
        "MAX_TOKENS: '512'",
        "HF_TOKEN: ''",
        "KEY: value",
        "MODEL_URL: https://example.com/model"
      })
  void variablesThatAreNoSecretsAreTaken(String variable) {
    assertThat(
            WorkerGroup.parse("# YAML\nname: g\nmemory: 4Gi\nenv_vars: {" + variable + "}")
                .pod()
                .envVars())
        .hasSize(1);
  }

  @Test
  void warnsOfTraps() {
    ClusterSpec spec =
        ClusterSpec.parse(
            """
            name: c
            type: kubernetes
            image: registry.example.com:5000/backfill
            worker_groups:
            - {name: gpu, image: "i:latest", num_gpus: 1, memory: 2Gi, num_cpus: 4, min_replicas: 1}
            - {name: fat, memory: 64Gi, max_replicas: 2, idle_timeout_seconds: 5, spot: true,
               termination_grace_period_seconds: 10}
            - {name: fat2, memory: 64Gi, max_replicas: 2, replicas: 2,
               tolerations: [{operator: Exists}]}
            """);

    assertThat(spec.warnings())
        .extracting(SpecProblem::toString)
        .containsExactly(
            "image: 'registry.example.com:5000/backfill' has no fixed tag, so executors may start"
                + " from different images; give a version or a digest",
            "worker_groups[0].image: 'i:latest' has no fixed tag, so executors may start from"
                + " different images; give a version or a digest",
            "worker_groups[0].memory: 512Mi for each CPU is less than a task with its Python worker"
                + " takes; give at least 1Gi for each CPU",
            "worker_groups[0].max_replicas: without it Spark asks for as many pods as there are"
                + " tasks; give as many as the pool's nodes hold",
            "worker_groups[0].memory: 2048Mi is little for a GPU worker: loading a model fills it;"
                + " give 4Gi or more",
            "worker_groups[0].tolerations: GPU nodes usually have the taint nvidia.com/gpu, which"
                + " is not tolerated; give {key: nvidia.com/gpu, operator: Exists, effect:"
                + " NoSchedule}",
            "worker_groups[1].memory: 65536Mi for each CPU is more than most machine types have:"
                + " CPUs stay unused; give more num_cpus or less memory, or use nodes that are rich"
                + " in memory",
            "worker_groups[1].termination_grace_period_seconds: 10 s is less than any spot notice:"
                + " running tasks are cut off; give 30 or more",
            "worker_groups[2].memory: 65536Mi for each CPU is more than most machine types have:"
                + " CPUs stay unused; give more num_cpus or less memory, or use nodes that are rich"
                + " in memory",
            "worker_groups[2]: it has the CPUs, memory and GPUs of fat, which every function then"
                + " gets; name the group in the call, or give them different sizes",
            "worker_groups.min_replicas: Spark keeps the least of them for each group, and they"
                + " differ: gpu 1, fat 0, fat2 0; deploy the warm pool for the groups that should"
                + " have more",
            "worker_groups.idle_timeout_seconds: Spark has one for all, the shortest, and they"
                + " differ: gpu 60, fat 5, fat2 60; give all groups the same",
            "worker_groups.replicas: Spark starts each group with the least of them, and they"
                + " differ: gpu 1, fat 0, fat2 2; give all groups the same",
            "worker_groups[2].tolerations: the group has no GPUs and tolerates the taint of nodes"
                + " that do, so it may fill them; leave the toleration out, or give a node_selector"
                + " that keeps it off them");
  }

  @Test
  void warnsWhereAllGroupsHaveGpus() {
    assertThat(
            ClusterSpec.parse(
                    """
                    name: c
                    type: existing
                    worker_groups: [{name: g, memory: 32Gi, num_gpus: 1, max_replicas: 2}]
                    """)
                .warnings())
        .extracting(SpecProblem::path)
        .containsExactly("worker_groups[0].memory", "worker_groups");
  }

  @Test
  void aSoundDefinitionHasNoWarnings() {
    assertThat(
            ClusterSpec.parse(
                    """
                    name: c
                    type: kubernetes
                    image: backfill:1
                    worker_groups:
                    - {name: cpu, memory: 8Gi, num_cpus: 4, max_replicas: 8}
                    - name: gpu
                      memory: 16Gi
                      num_cpus: 4
                      num_gpus: 1
                      max_replicas: 2
                      tolerations: [{key: nvidia.com/gpu, operator: Exists}]
                    """)
                .warnings())
        .isEmpty();
  }

  @Test
  void showsNoValueOfAVariable() {
    PodTraits pod = ClusterSpec.parse(TWO_POOLS).group("gpu").orElseThrow().pod();

    assertThat(pod.toString()).contains("HF_HOME", "HF_TOKEN").doesNotContain("/models");
  }
}
