package io.lancebackfill.cluster.check;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.ServiceAccountBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.check.Finding.Severity;
import io.lancebackfill.cluster.spark.ExecutorGroupStep;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TestClusterCheck {
  private static final String CPU = "{name: cpu, num_cpus: 2, memory: 4Gi, max_replicas: 2}";
  private static final String GPU =
      "{name: gpu, num_cpus: 2, memory: 4Gi, num_gpus: 1, max_replicas: 2, node_selector: {pool:"
          + " gpu}, tolerations: [{key: nvidia.com/gpu, operator: Exists}]}";

  private ScriptedApiServer server;

  @BeforeEach
  void start() {
    server = new ScriptedApiServer();
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private static ClusterSpec cluster(String... groups) {
    return ClusterSpec.parse(
        "name: c\ntype: kubernetes\nnamespace: ml\nimage: i:1\n"
            + "head_group: {service_account: driver}\nworker_groups: ["
            + String.join(", ", groups)
            + "]");
  }

  private List<String> check(String... groups) {
    return ClusterCheck.ofClientMode(server.client(), cluster(groups)).stream()
        .map(Finding::toString)
        .toList();
  }

  private void gpuNode(String name, String gpus) {
    server.node(
        name,
        Map.of("pool", "gpu"),
        "nvidia.com/gpu",
        "cpu",
        "4",
        "memory",
        "16Gi",
        "nvidia.com/gpu",
        gpus);
  }

  @Test
  void aClusterThatHasWhatItNeedsGivesNoFindings() {
    server.node("cpu-1", Map.of("pool", "cpu"), "", "cpu", "4", "memory", "16Gi");
    gpuNode("gpu-1", "2");

    assertThat(check(CPU, GPU)).isEmpty();
    assertThat(server.client().pods().inNamespace("ml").list().getItems()).isEmpty();
    assertThat(server.requests).anyMatch(r -> r.startsWith("POST") && r.contains("dryRun=All"));
  }

  @Test
  void aPodTooBigForEveryNode() {
    gpuNode("gpu-1", "1");

    assertThat(
            check(GPU.replace("memory: 4Gi", "memory: 24Gi").replace("num_gpus: 1", "num_gpus: 2")))
        .containsExactly(
            "[POD_FITS_NO_NODE] no node can take a pod of group gpu: node gpu-1 has memory 16Gi of"
                + " 24Gi, has nvidia.com/gpu 1 of 2. Lower memory of the group, or use nodes with"
                + " more memory; lower num_gpus of the group, or use nodes with more"
                + " nvidia.com/gpu.");
  }

  @Test
  void everyFilterOfANodeIsTold() {
    gpuNode("gpu-1", "1");
    server
        .client()
        .nodes()
        .withName("gpu-1")
        .edit(
            node -> {
              node.getSpec().setUnschedulable(true);
              return node;
            });

    assertThat(
            check(
                "{name: gpu, num_cpus: 64, memory: 4Gi, num_gpus: 1, max_replicas: 1,"
                    + " node_selector: {pool: gpu}}"))
        .containsExactly(
            "[POD_FITS_NO_NODE] no node can take a pod of group gpu: node gpu-1 is cordoned, has the"
                + " taint nvidia.com/gpu=present:NoSchedule, which is not tolerated, has cpu 4 of"
                + " 64. Give the group a toleration of nvidia.com/gpu=present:NoSchedule; take the"
                + " cordon off: kubectl uncordon; lower num_cpus of the group, or use nodes with"
                + " more cpu.");
  }

  @Test
  void labelsThatNoNodeHas() {
    server.node("cpu-1", Map.of("pool", "cpu"), "", "cpu", "4", "memory", "16Gi");

    assertThat(check(CPU.replace("max", "node_selector: {pool: cpus, zone: a}, max")))
        .containsExactly(
            "[NO_NODE_SELECTED] no node has the labels of group cpu: pool=cpus is wanted, and of 1"
                + " nodes some have [cpu]; zone=a is wanted, and of 1 nodes none has the label."
                + " Label the pool's nodes, give the node_selector that they have, or add nodes if"
                + " no autoscaler does.");
  }

  @Test
  void gpusThatNoNodeOffers() {
    server.node("gpu-1", Map.of("pool", "gpu"), "", "cpu", "4", "memory", "16Gi");

    List<Finding> findings = ClusterCheck.ofClientMode(server.client(), cluster(GPU));

    assertThat(findings).extracting(Finding::code).containsExactly(FindingCode.GPU_NOT_OFFERED);
    assertThat(findings).extracting(Finding::severity).containsExactly(Severity.ERROR);
    assertThat(findings.get(0).problem())
        .isEqualTo("no node offers nvidia.com/gpu, which group gpu needs");
  }

  @Test
  void aFullPoolAndOneThatIsTooSmall() {
    gpuNode("gpu-1", "1");
    server.add(
        new PodBuilder()
            .withNewMetadata()
            .withName("other")
            .endMetadata()
            .withNewSpec()
            .withNodeName("gpu-1")
            .addNewContainer()
            .withName("c")
            .withNewResources()
            .addToLimits("nvidia.com/gpu", new Quantity("1"))
            .addToRequests("cpu", new Quantity("3500m"))
            .endResources()
            .endContainer()
            .endSpec()
            .build());

    assertThat(check(GPU))
        .containsExactly(
            "[POOL_FULL] the nodes of group gpu are full: node gpu-1 has free cpu 0.5 of 2, has free"
                + " nvidia.com/gpu 0 of 1. Wait until others give back cpu, add nodes to the pool,"
                + " or lower num_cpus or max_replicas of the group; wait until others give back"
                + " nvidia.com/gpu, add nodes to the pool, or lower num_gpus or max_replicas of the"
                + " group.",
            "[POOL_TOO_SMALL] the pool of group gpu does not hold max_replicas: 1 nodes hold 1 pods"
                + " of this size, of 2. Lower max_replicas to 1, or add nodes if no autoscaler"
                + " does.");
  }

  @Test
  void podsThatEndedOrKeepRoomForExecutorsTakeNone() {
    gpuNode("gpu-1", "2");
    PodBuilder pod =
        new PodBuilder()
            .withNewMetadata()
            .withName("ended")
            .endMetadata()
            .withNewSpec()
            .withNodeName("gpu-1")
            .addNewContainer()
            .withName("c")
            .withNewResources()
            .addToLimits("nvidia.com/gpu", new Quantity("2"))
            .endResources()
            .endContainer()
            .endSpec();
    server.add(pod.withNewStatus().withPhase("Succeeded").endStatus().build());
    server.add(
        pod.editMetadata()
            .withName("warm")
            .addToLabels("lance-backfill/warm", "true")
            .endMetadata()
            .withNewStatus()
            .withPhase("Running")
            .endStatus()
            .build());

    assertThat(check(GPU)).isEmpty();
  }

  @Test
  void nodesThatPodsCannotFill() {
    server.node("cpu-1", Map.of(), "", "cpu", "16", "memory", "9Gi");

    List<Finding> findings = ClusterCheck.ofClientMode(server.client(), cluster(CPU));

    assertThat(findings)
        .extracting(Finding::toString)
        .containsExactly(
            "[POOL_UNEVEN] nodes of group cpu stay unused in part: node cpu-1 holds 2 pods and has"
                + " then left cpu 12 of 16. Give the group's pods the shares of a node that the"
                + " nodes have.");
    assertThat(findings).extracting(Finding::severity).containsExactly(Severity.INFO);
  }

  @Test
  void clusterModeAsksForTheDriversPlaceToo() {
    server.node("cpu-1", Map.of(), "", "cpu", "4", "memory", "8500Mi");
    server
        .client()
        .serviceAccounts()
        .inNamespace("ml")
        .resource(
            new ServiceAccountBuilder().withNewMetadata().withName("driver").endMetadata().build())
        .create();
    ClusterSpec cluster =
        ClusterSpec.parse(
            "name: c\ntype: kubernetes\nnamespace: ml\nimage: i:1\nhead_group: {service_account:"
                + " driver, memory: 16Gi}\nworker_groups: ["
                + CPU
                + "]");

    assertThat(ClusterCheck.ofClusterMode(server.client(), cluster))
        .extracting(Finding::toString)
        .containsExactly(
            "[POD_FITS_NO_NODE] no node can take a pod of group head: node cpu-1 has memory 8500Mi"
                + " of 16Gi. Lower memory of the group, or use nodes with more memory.");
    assertThat(ClusterCheck.ofClientMode(server.client(), cluster)).isEmpty();
  }

  @Test
  void aQuotaByADryRun() {
    server.node("cpu-1", Map.of(), "", "cpu", "4", "memory", "16Gi");
    server.refusal =
        Map.entry(
            403,
            "pods \"q2\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited:"
                + " pods=2.");

    assertThat(check(CPU))
        .containsExactly(
            "[QUOTA_EXCEEDED] the API server refuses pods of group cpu: pods \"q2\" is forbidden:"
                + " exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2. Raise the"
                + " namespace's quota, end what uses it up, or lower max_replicas, num_cpus or"
                + " memory of the group; Spark itself would try again for ever and say nothing.");
  }

  @Test
  void otherRefusalsOfAPod() {
    server.node("cpu-1", Map.of(), "", "cpu", "4", "memory", "16Gi");
    server.refusal =
        Map.entry(403, "pods \"x\" is forbidden: no PriorityClass with name missing was found");
    assertThat(check(CPU))
        .singleElement()
        .asString()
        .startsWith("[POD_REFUSED]")
        .contains("PriorityClass");

    server.refusal =
        Map.entry(422, "Pod \"x\" is invalid: spec.containers[0].image: Required value");
    assertThat(check(CPU)).singleElement().asString().startsWith("[POD_INVALID]").contains("image");

    server.refusal = Map.entry(404, "namespaces \"ml\" not found");
    assertThat(check(CPU, CPU.replace("name: cpu", "name: cpu2")))
        .singleElement()
        .asString()
        .startsWith("[NAMESPACE_MISSING]");

    server.refusal = Map.entry(401, "Unauthorized");
    assertThat(check(CPU)).singleElement().asString().startsWith("[CREDENTIALS_REFUSED]");

    server.refusal =
        Map.entry(
            403,
            "pods is forbidden: User \"ann\" cannot create resource \"pods\" in API group \"\"");
    assertThat(check(CPU)).singleElement().asString().startsWith("[RIGHTS_MISSING]");
  }

  @Test
  void rightsThatAreMissing() {
    server.node("cpu-1", Map.of(), "", "cpu", "4", "memory", "16Gi");
    server.denied.addAll(List.of("pods create", "pods patch", "configmaps deletecollection"));

    assertThat(check(CPU))
        .containsExactly(
            "[RIGHTS_MISSING] this account lacks rights in namespace ml: it may not: pods create,"
                + " patch; configmaps deletecollection. Bind it to the role of the generated"
                + " rbac.yaml.");
  }

  @Test
  void clusterModeAsksForTheDriversAccountToo() {
    server.node("cpu-1", Map.of(), "", "cpu", "4", "memory", "16Gi");
    server.denied.add("pods watch");

    assertThat(ClusterCheck.ofClusterMode(server.client(), cluster(CPU)))
        .extracting(finding -> finding.code() + " " + finding.problem())
        .containsExactly(
            "RIGHTS_MISSING this account lacks rights in namespace ml",
            "RIGHTS_MISSING service account driver lacks rights in namespace ml",
            "SERVICE_ACCOUNT_MISSING there is no service account driver in namespace ml");

    server.denied.clear();
    server
        .client()
        .serviceAccounts()
        .inNamespace("ml")
        .resource(
            new ServiceAccountBuilder().withNewMetadata().withName("driver").endMetadata().build())
        .create();
    assertThat(ClusterCheck.ofClusterMode(server.client(), cluster(CPU))).isEmpty();
  }

  @Test
  void nodesThatMayNotBeListed() {
    server.hidden.add("nodes");

    List<Finding> findings = ClusterCheck.ofClientMode(server.client(), cluster(CPU, GPU));

    assertThat(findings).extracting(Finding::code).containsExactly(FindingCode.NODES_UNREADABLE);
    assertThat(findings).extracting(Finding::severity).containsExactly(Severity.INFO);
  }

  @Test
  void podsOfOtherNamespacesThatMayNotBeListed() {
    gpuNode("gpu-1", "2");
    server.hidden.add("api/v1/pods");

    assertThat(check(GPU)).isEmpty();
  }

  @Test
  void anApiServerThatDoesNotAnswer(@TempDir Path folder) throws IOException {
    ClusterSpec gone =
        ClusterSpec.parse(
            "name: c\ntype: kubernetes\nmaster: "
                + server.url()
                + "\ncredentials: {kubeconfig: "
                + folder.resolve("config")
                + ", context: prod}\nimage: i:1\nworker_groups: ["
                + CPU
                + "]");
    Files.writeString(
        folder.resolve("config"),
        """
        apiVersion: v1
        kind: Config
        clusters: [{name: k, cluster: {server: "https://elsewhere.invalid"}}]
        users: [{name: u, user: {}}]
        contexts: [{name: prod, context: {cluster: k, user: u}}]
        """);
    try (KubernetesClient client = ClusterClients.open(gone.access())) {
      assertThat(client.getMasterUrl().toString()).startsWith(server.url());
      server.close();
      assertThat(ClusterCheck.ofClientMode(client, gone))
          .extracting(Finding::code)
          .containsExactly(FindingCode.CLUSTER_UNREACHABLE);
    }
  }

  /** The kubeconfig of this machine may be of another cluster, and so may a definition's. */
  @Test
  void aSessionsClientGoesToTheSessionsMasterWithItsCredentials(@TempDir Path folder)
      throws IOException {
    Path token = Files.writeString(folder.resolve("token"), "of-the-session");
    SparkConf conf =
        new SparkConf(false)
            .set("spark.master", "k8s://" + server.url())
            .set("spark.kubernetes.namespace", "ml")
            .set("spark.kubernetes.authenticate.oauthTokenFile", token.toString());
    try (KubernetesClient client = ClusterClients.ofSession(conf)) {
      assertThat(client.getMasterUrl().toString()).startsWith(server.url());
      assertThat(client.getNamespace()).isEqualTo("ml");
      assertThat(client.getConfiguration().getOauthToken()).isEqualTo("of-the-session");
    }
    conf.set("spark.kubernetes.submitInDriver", "true")
        .set("spark.kubernetes.driver.master", "http://inside.invalid");
    try (KubernetesClient client = ClusterClients.ofSession(conf)) {
      assertThat(client.getMasterUrl().toString()).startsWith("http://inside.invalid");
    }
  }

  @Test
  void theStepIsNamedAndLoads() {
    String key = "spark.kubernetes.executor.pod.featureSteps";
    SparkConf conf = new SparkConf(false);

    assertThat(StepCheck.of(conf).orElseThrow().code())
        .isEqualTo(FindingCode.EXECUTOR_STEP_NOT_SET);
    conf.set(key, ExecutorGroupStep.class.getName());
    assertThat(StepCheck.of(conf)).isEmpty();
    conf.set(key, ExecutorGroupStep.class.getName() + ", com.example.Gone");
    assertThat(StepCheck.of(conf).orElseThrow())
        .hasToString(
            "[EXECUTOR_STEP_NOT_FOUND] Spark cannot make executors' pods: "
                + key
                + " names com.example.Gone, which the driver cannot load. Put its jar on the"
                + " driver's class path with --jars, or take the name out.");
  }
}
