package io.lancebackfill.cluster.check;

import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.HeadGroup;
import io.lancebackfill.cluster.Scaling;
import io.lancebackfill.cluster.WorkerGroup;
import io.lancebackfill.cluster.check.Finding.Severity;
import io.lancebackfill.cluster.spark.GroupPods;
import io.lancebackfill.cluster.spark.SparkRights;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Whether a Kubernetes cluster can run what its definition says, asked before the first task. It
 * creates nothing. What the account may not see is left out, and said so.
 */
public final class ClusterCheck {
  private static final Set<FindingCode> CONCERN_ALL =
      Set.of(
          FindingCode.CREDENTIALS_REFUSED,
          FindingCode.NAMESPACE_MISSING,
          FindingCode.RIGHTS_MISSING);

  private final KubernetesClient client;
  private final ClusterSpec cluster;
  private final @Nullable String driverAccount;
  private final String namespace;
  private final List<Finding> findings = new ArrayList<>();
  private boolean concernsAll;

  private ClusterCheck(
      KubernetesClient client, ClusterSpec cluster, @Nullable String driverAccount) {
    this.client = client;
    this.cluster = cluster;
    this.driverAccount = driverAccount;
    this.namespace = cluster.access().namespace();
  }

  /** For a driver in this process, which acts with the client's account. */
  public static List<Finding> ofClientMode(KubernetesClient client, ClusterSpec cluster) {
    return new ClusterCheck(client, cluster, null).findings();
  }

  /** For a driver that the client's account submits, and that acts with the head's account. */
  public static List<Finding> ofClusterMode(KubernetesClient client, ClusterSpec cluster) {
    return new ClusterCheck(client, cluster, SparkRights.driverAccount(cluster)).findings();
  }

  private List<Finding> findings() {
    try {
      check();
    } catch (KubernetesClientException e) {
      findings.add(RefusalFindings.of("the API server refuses to be asked", e));
    }
    return List.copyOf(findings);
  }

  private void check() {
    RightsCheck rights = new RightsCheck(client, namespace);
    if (driverAccount == null) {
      rights.ofCaller(SparkRights.ofDriver()).ifPresent(findings::add);
    } else {
      rights.ofCaller(SparkRights.ofSubmitter()).ifPresent(findings::add);
      rights.ofServiceAccount(driverAccount, SparkRights.ofDriver()).ifPresent(findings::add);
    }
    ClusterState state = new ClusterState(client);
    Optional<List<Node>> nodes = state.nodes();
    Optional<NodeCheck> nodeCheck = nodes.map(list -> new NodeCheck(list, state.pods(namespace)));
    List<WorkerGroup> groups = new ArrayList<>(cluster.workerGroups());
    if (driverAccount != null && cluster.headGroup() != null) {
      groups.add(0, driver(cluster.headGroup()));
    }
    for (WorkerGroup group : groups) {
      Pod pod = GroupPods.sample(cluster, group, name(group));
      dryRun(pod);
      nodeCheck.ifPresent(check -> findings.addAll(check.of(group, pod)));
    }
    if (!concernsAll) {
      serviceAccounts();
    }
    if (nodes.isEmpty()) {
      findings.add(
          new Finding(
              FindingCode.NODES_UNREADABLE,
              Severity.INFO,
              "whether pods fit the nodes is not known",
              "this account may not list nodes",
              "Let an account that may list nodes run the check once"));
    }
  }

  /** What a refusal says of the account or the namespace is said once. */
  private void dryRun(Pod pod) {
    if (concernsAll) {
      return;
    }
    Optional<Finding> refusal = DryRun.of(client, pod);
    concernsAll = refusal.map(Finding::code).filter(CONCERN_ALL::contains).isPresent();
    boolean known =
        refusal.isPresent()
            && findings.stream().anyMatch(finding -> finding.code() == refusal.get().code())
            && concernsAll;
    if (!known) {
      refusal.ifPresent(findings::add);
    }
  }

  /** The driver's pod as a group of one. */
  private static WorkerGroup driver(HeadGroup head) {
    return new WorkerGroup(
        "head", head.pod(), head.size(), new Scaling(1, 1, 1, Duration.ofMinutes(1)), false);
  }

  private static String name(WorkerGroup group) {
    return "check-" + group.name() + "-" + UUID.randomUUID().toString().substring(0, 8);
  }

  private void serviceAccounts() {
    Set<String> accounts = new LinkedHashSet<>();
    if (driverAccount != null) {
      accounts.add(driverAccount);
    }
    for (WorkerGroup group : cluster.workerGroups()) {
      if (group.pod().serviceAccount() != null) {
        accounts.add(group.pod().serviceAccount());
      }
    }
    for (String account : accounts) {
      boolean missing =
          ClusterState.allowed(
                  () ->
                      client.serviceAccounts().inNamespace(namespace).withName(account).get()
                          == null)
              .orElse(false);
      if (missing) {
        findings.add(
            new Finding(
                FindingCode.SERVICE_ACCOUNT_MISSING,
                Severity.ERROR,
                "there is no service account " + account + " in namespace " + namespace,
                "the API server answers that it does not exist",
                "Apply the generated rbac.yaml, or name an account that exists"));
      }
    }
  }
}
