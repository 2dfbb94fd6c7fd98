package io.lancebackfill.cluster.harness.api;

import io.fabric8.kubernetes.api.model.ServiceAccountBuilder;
import io.fabric8.kubernetes.api.model.rbac.ClusterRole;
import io.fabric8.kubernetes.api.model.rbac.RoleBindingBuilder;
import io.fabric8.kubernetes.api.model.rbac.Subject;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionTimeoutException;

/**
 * A real control plane: etcd, kube-apiserver, kube-scheduler, and those controllers that collect
 * garbage, count quotas, fill roles and make service accounts. They are processes of one binary,
 * which {@code src/test/controlplane/build.sh} builds.
 *
 * <p>The user of {@link #userClient} and {@link #clientModeConf}, and the service account {@code
 * spark}, hold the cluster role {@code edit} in the namespace {@code default}.
 */
public final class ControlPlane implements ApiServer {
  /** The system property that names the binary. */
  public static final String BINARY = "test.control.plane";

  private static final Duration LIMIT = Duration.ofSeconds(90);
  private static final String NAMESPACE = "default";
  private static final String ADMIN_TOKEN = "admin-token";
  private static final String USER_TOKEN = "user-token";
  private static final String RBAC = "rbac.authorization.k8s.io";

  private final ControlPlaneProcesses processes;
  private final KubernetesClient client;

  private ControlPlane(ControlPlaneProcesses processes) {
    this.processes = processes;
    client = client(ADMIN_TOKEN);
  }

  /**
   * The binary that the system property {@link #BINARY} names; empty if it is not set.
   *
   * @throws IllegalStateException if there is no such program
   */
  public static Optional<Path> binary() {
    Optional<Path> binary = Optional.ofNullable(System.getProperty(BINARY)).map(Path::of);
    if (binary.isPresent()
        && !(Files.isRegularFile(binary.get()) && Files.isExecutable(binary.get()))) {
      throw new IllegalStateException(
          String.format(
              "%s is '%s', which is no program: build it by src/test/controlplane/build.sh, and name"
                  + " it by -Dcontrol.plane=BINARY",
              BINARY, binary.get()));
    }
    return binary;
  }

  /**
   * Starts it.
   *
   * @param folder for its data, keys and logs; empty or absent
   */
  public static ControlPlane start(Path binary, Path folder) throws IOException {
    String tokens =
        String.format("%s,admin,admin,system:masters\n%s,user,user\n", ADMIN_TOKEN, USER_TOKEN);
    ControlPlaneProcesses processes = new ControlPlaneProcesses(binary, folder);
    ControlPlane started = null;
    try {
      processes.startServer(tokens);
      started = new ControlPlane(processes);
      started.awaitReady();
      processes.startControllers(ADMIN_TOKEN);
      started.makeAccounts();
      return started;
    } catch (IOException | RuntimeException e) {
      if (started != null) {
        started.client.close();
      }
      processes.close();
      throw e;
    }
  }

  private void awaitReady() {
    await(
        "answered /readyz",
        () -> {
          processes.check();
          return "ok".equals(client.raw("/readyz"));
        });
  }

  private void makeAccounts() {
    await(
        "had the service account default and rules of the role edit",
        () -> {
          processes.check();
          return client.serviceAccounts().withName("default").get() != null && hasRules("edit");
        });
    client
        .serviceAccounts()
        .resource(
            new ServiceAccountBuilder().withNewMetadata().withName("spark").endMetadata().build())
        .create();
    client
        .rbac()
        .roleBindings()
        .inNamespace(NAMESPACE)
        .resource(
            new RoleBindingBuilder()
                .withNewMetadata()
                .withName("spark")
                .endMetadata()
                .withNewRoleRef(RBAC, "ClusterRole", "edit")
                .withSubjects(
                    new Subject(RBAC, "User", "user", null),
                    new Subject("", "ServiceAccount", "spark", NAMESPACE))
                .build())
        .create();
  }

  /** The rules of aggregated roles come from a controller, some seconds after the role. */
  private boolean hasRules(String role) {
    ClusterRole found = client.rbac().clusterRoles().withName(role).get();
    return found != null && found.getRules() != null && !found.getRules().isEmpty();
  }

  private void await(String what, Callable<Boolean> condition) {
    try {
      Awaitility.await()
          .pollInterval(Duration.ofMillis(200))
          .atMost(LIMIT)
          .ignoreExceptionsInstanceOf(KubernetesClientException.class)
          .until(condition);
    } catch (ConditionTimeoutException e) {
      throw new IllegalStateException(
          "the control plane never " + what + "; its logs are in " + processes.folder(), e);
    }
  }

  @Override
  public KubernetesClient client() {
    return client;
  }

  @Override
  public KubernetesClient userClient() {
    return client(USER_TOKEN);
  }

  @Override
  public String url() {
    return processes.url();
  }

  @Override
  public Map<String, String> clientModeConf() {
    return credentials("spark.kubernetes.authenticate");
  }

  @Override
  public Map<String, String> submissionConf() {
    Map<String, String> conf =
        new LinkedHashMap<>(credentials("spark.kubernetes.authenticate.submission"));
    conf.put("spark.kubernetes.authenticate.driver.serviceAccountName", "spark");
    return conf;
  }

  private Map<String, String> credentials(String prefix) {
    return Map.of(
        prefix + ".oauthToken",
        USER_TOKEN,
        prefix + ".caCertFile",
        processes.certificate().toString());
  }

  @Override
  public boolean schedules() {
    return true;
  }

  private KubernetesClient client(String token) {
    Config config =
        new ConfigBuilder(Config.empty())
            .withMasterUrl(url())
            .withNamespace(NAMESPACE)
            .withOauthToken(token)
            .withCaCertFile(processes.certificate().toString())
            .build();
    return new KubernetesClientBuilder().withConfig(config).build();
  }

  @Override
  public void close() {
    client.close();
    processes.close();
  }
}
