package io.lancebackfill.cluster.harness.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.ResourceQuotaBuilder;
import io.fabric8.kubernetes.api.model.authorization.v1.SelfSubjectAccessReview;
import io.fabric8.kubernetes.api.model.authorization.v1.SelfSubjectAccessReviewBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.Watch;
import io.fabric8.kubernetes.client.Watcher;
import io.fabric8.kubernetes.client.WatcherException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class TestMockApiServer {
  private static MockApiServer server;
  private static KubernetesClient client;

  @BeforeAll
  static void start() throws IOException {
    server = new MockApiServer();
    client = server.client();
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @AfterEach
  void empty() {
    client.pods().withGracePeriod(0).delete();
    client.configMaps().delete();
    client.resourceQuotas().delete();
  }

  @Test
  void newPodIsPending() {
    assertThat(create("a", Map.of()).getStatus().getPhase()).isEqualTo("Pending");
    assertThat(client.pods().withName("a").get().getStatus().getPhase()).isEqualTo("Pending");
  }

  @Test
  void listsBySetsOfLabelsAndByFields() {
    create("a", Map.of("id", "1"));
    create("b", Map.of("id", "2"));
    create("c", Map.of());
    phase("b", "Running");
    assertThat(names(client.pods().withLabelIn("id", "1", "2").list().getItems()))
        .containsExactlyInAnyOrder("a", "b");
    assertThat(names(client.pods().withLabelNotIn("id", "1").list().getItems()))
        .containsExactlyInAnyOrder("b", "c");
    assertThat(names(client.pods().withoutLabel("id").list().getItems())).containsExactly("c");
    assertThat(names(client.pods().withoutLabel("id", "2").list().getItems()))
        .containsExactlyInAnyOrder("a", "c");
    assertThat(names(client.pods().withField("status.phase", "Running").list().getItems()))
        .containsExactly("b");
    assertThat(
            names(
                client
                    .pods()
                    .withLabelIn("id", "1", "2")
                    .withField("status.phase", "Pending")
                    .list()
                    .getItems()))
        .containsExactly("a");
  }

  @Test
  void deletesACollectionBySelectors() {
    create("a", Map.of("id", "1"));
    create("b", Map.of("id", "2"));
    create("c", Map.of("id", "3"));
    phase("b", "Running");
    client.pods().withLabelIn("id", "1", "2").withField("status.phase", "Pending").delete();
    assertThat(names(client.pods().list().getItems())).containsExactlyInAnyOrder("b", "c");
  }

  @Test
  void serverSideApplyCreatesAndMerges() {
    apply(map("a", Map.of("k", "1")));
    assertThat(client.configMaps().withName("a").get().getData()).isEqualTo(Map.of("k", "1"));
    apply(map("a", Map.of("k", "2", "l", "3")));
    assertThat(client.configMaps().withName("a").get().getData())
        .isEqualTo(Map.of("k", "2", "l", "3"));
  }

  @Test
  void podOnANodeTerminatesUntilItsEndIsConfirmed() throws InterruptedException {
    create("a", Map.of());
    run("a");
    BlockingQueue<String> events = new LinkedBlockingQueue<>();
    try (Watch ignored = client.pods().watch(recorder(events))) {
      assertThat(next(events)).isEqualTo("ADDED Running");
      client.pods().withName("a").withGracePeriod(7).delete();
      assertThat(next(events)).isEqualTo("MODIFIED Running terminating");
      Pod pod = client.pods().withName("a").get();
      assertThat(pod.getMetadata().getDeletionTimestamp()).isNotNull();
      assertThat(pod.getMetadata().getDeletionGracePeriodSeconds()).isEqualTo(7);
      phase("a", "Failed");
      assertThat(next(events)).isEqualTo("MODIFIED Failed terminating");
      client.pods().withName("a").withGracePeriod(0).delete();
      assertThat(next(events)).isEqualTo("DELETED Failed terminating");
    }
  }

  @Test
  void podWithoutANodeGoesAtOnce() {
    create("a", Map.of());
    client.pods().withName("a").delete();
    assertThat(client.pods().withName("a").get()).isNull();
  }

  @Test
  void removesWhatADeletedPodOwned() {
    Pod owner = create("owner", Map.of());
    Pod other = create("other", Map.of());
    for (Pod each : List.of(owner, other)) {
      client
          .configMaps()
          .resource(
              new ConfigMapBuilder(map("of-" + each.getMetadata().getName(), Map.of()))
                  .editMetadata()
                  .addNewOwnerReference()
                  .withKind("Pod")
                  .withName(each.getMetadata().getName())
                  .withUid(each.getMetadata().getUid())
                  .endOwnerReference()
                  .endMetadata()
                  .build())
          .create();
    }
    client.pods().withName("owner").delete();
    assertThat(client.configMaps().list().getItems())
        .extracting(each -> each.getMetadata().getName())
        .containsExactly("of-other");
  }

  @Test
  void dryRunCreatesNothing() {
    client.pods().resource(pod("a", Map.of())).dryRun(true).create();
    assertThat(client.pods().list().getItems()).isEmpty();
  }

  @Test
  void refusesPodsOverAQuota() {
    client
        .resourceQuotas()
        .resource(
            new ResourceQuotaBuilder()
                .withNewMetadata()
                .withName("q")
                .endMetadata()
                .withNewSpec()
                .addToHard("pods", new Quantity("1"))
                .addToHard("limits.nvidia.com/gpu", new Quantity("4"))
                .endSpec()
                .build())
        .create();
    create("a", Map.of());
    assertThatThrownBy(() -> client.pods().resource(pod("b", Map.of())).dryRun(true).create())
        .isInstanceOf(KubernetesClientException.class)
        .hasMessageContaining(
            "pods \"b\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited:"
                + " pods=1");
  }

  @Test
  void deniesAVerbToUsersOnly() {
    server.deny("list", "nodes");
    try (KubernetesClient user = server.userClient()) {
      assertThatThrownBy(() -> user.nodes().list())
          .isInstanceOf(KubernetesClientException.class)
          .hasMessageContaining("cannot list resource \"nodes\"");
      assertThat(client.nodes().list().getItems()).isEmpty();
      assertThat(may(user, "list", "nodes")).isFalse();
      assertThat(may(user, "create", "pods")).isTrue();
      assertThat(server.requests())
          .extracting(each -> each.verb() + " " + each.resource())
          .startsWith("list nodes");
    } finally {
      server.allow("list", "nodes");
    }
    assertThat(may(client, "list", "nodes")).isTrue();
  }

  private static boolean may(KubernetesClient asker, String verb, String resource) {
    SelfSubjectAccessReview review =
        new SelfSubjectAccessReviewBuilder()
            .withNewSpec()
            .withNewResourceAttributes()
            .withVerb(verb)
            .withResource(resource)
            .endResourceAttributes()
            .endSpec()
            .build();
    return asker
        .authorization()
        .v1()
        .selfSubjectAccessReview()
        .create(review)
        .getStatus()
        .getAllowed();
  }

  private static Watcher<Pod> recorder(BlockingQueue<String> events) {
    return new Watcher<>() {
      @Override
      public void eventReceived(Action action, Pod pod) {
        boolean terminating = pod.getMetadata().getDeletionTimestamp() != null;
        events.add(action + " " + pod.getStatus().getPhase() + (terminating ? " terminating" : ""));
      }

      @Override
      public void onClose(WatcherException cause) {
        events.add("closed: " + cause.getMessage());
      }
    };
  }

  private static String next(BlockingQueue<String> events) throws InterruptedException {
    return events.poll(10, TimeUnit.SECONDS);
  }

  private static Pod create(String name, Map<String, String> labels) {
    return client.pods().resource(pod(name, labels)).create();
  }

  private static Pod pod(String name, Map<String, String> labels) {
    return new PodBuilder()
        .withNewMetadata()
        .withName(name)
        .withLabels(labels)
        .endMetadata()
        .withNewSpec()
        .addNewContainer()
        .withName("c")
        .withImage("i")
        .endContainer()
        .endSpec()
        .build();
  }

  private static void run(String name) {
    client
        .pods()
        .withName(name)
        .edit(pod -> new PodBuilder(pod).editSpec().withNodeName("n").endSpec().build());
    phase(name, "Running");
  }

  private static void phase(String name, String phase) {
    client
        .pods()
        .withName(name)
        .editStatus(
            pod -> new PodBuilder(pod).editOrNewStatus().withPhase(phase).endStatus().build());
  }

  private static ConfigMap map(String name, Map<String, String> data) {
    return new ConfigMapBuilder()
        .withNewMetadata()
        .withName(name)
        .withNamespace("default")
        .endMetadata()
        .withData(data)
        .build();
  }

  private static void apply(ConfigMap map) {
    client
        .configMaps()
        .resource(map)
        .patch(
            new PatchContext.Builder()
                .withPatchType(PatchType.SERVER_SIDE_APPLY)
                .withForce(true)
                .build());
  }

  private static List<String> names(List<Pod> pods) {
    return pods.stream().map(pod -> pod.getMetadata().getName()).toList();
  }
}
