package io.lancebackfill.cluster.harness.api;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;

/** The processes of a control plane, all of one binary that takes their name as its argument. */
final class ControlPlaneProcesses implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final Base64.Encoder PEM = Base64.getMimeEncoder(64, new byte[] {'\n'});

  private final Path binary;
  private final Path folder;
  private final Map<String, Process> running = new LinkedHashMap<>();
  private final int port;

  ControlPlaneProcesses(Path binary, Path folder) throws IOException {
    this.binary = binary.toAbsolutePath();
    this.folder = Files.createDirectories(folder.toAbsolutePath());
    port = freePort();
  }

  Path folder() {
    return folder;
  }

  String url() {
    return "https://127.0.0.1:" + port;
  }

  /** The server's own, which signs itself. */
  Path certificate() {
    return folder.resolve("certificates/apiserver.crt");
  }

  /**
   * Starts etcd and the API server, and waits for its certificate.
   *
   * @param tokens a line for each user: token, name, id, groups
   */
  void startServer(String tokens) throws IOException {
    String store = "http://127.0.0.1:" + freePort();
    String peer = "http://127.0.0.1:" + freePort();
    start(
        "etcd",
        "--data-dir=" + folder.resolve("etcd"),
        "--listen-client-urls=" + store,
        "--advertise-client-urls=" + store,
        "--listen-peer-urls=" + peer,
        "--initial-advertise-peer-urls=" + peer,
        "--initial-cluster=default=" + peer,
        "--unsafe-no-fsync");
    writeAccountKeys();
    Files.writeString(folder.resolve("tokens.csv"), tokens);
    start(
        "kube-apiserver",
        "--etcd-servers=" + store,
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--secure-port=" + port,
        "--cert-dir=" + certificate().getParent(),
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--service-account-key-file=" + folder.resolve("account.pub"),
        "--service-account-signing-key-file=" + folder.resolve("account.key"),
        "--service-account-issuer=https://kubernetes.default.svc",
        "--authorization-mode=RBAC",
        "--token-auth-file=" + folder.resolve("tokens.csv"));
    Awaitility.await("the API server's certificate")
        .atMost(LIMIT)
        .until(
            () -> {
              check();
              return Files.exists(certificate());
            });
  }

  /** Starts the scheduler and those controllers that need no real nodes. */
  void startControllers(String token) throws IOException {
    Path kubeconfig = folder.resolve("kubeconfig");
    Files.writeString(
        kubeconfig,
        String.format(
            """
            apiVersion: v1
            kind: Config
            clusters: [{name: c, cluster: {server: "%s", certificate-authority: "%s"}}]
            users: [{name: u, user: {token: "%s"}}]
            contexts: [{name: c, context: {cluster: c, user: u, namespace: default}}]
            current-context: c
            """,
            url(), certificate(), token));
    for (String each : List.of("kube-scheduler", "kube-controller-manager")) {
      List<String> flags =
          new ArrayList<>(
              List.of(
                  "--kubeconfig=" + kubeconfig,
                  "--authentication-kubeconfig=" + kubeconfig,
                  "--authorization-kubeconfig=" + kubeconfig,
                  "--secure-port=0",
                  "--leader-elect=false"));
      if (each.equals("kube-controller-manager")) {
        flags.add(
            "--controllers=garbage-collector-controller,resourcequota-controller,"
                + "serviceaccount-controller,clusterrole-aggregation-controller");
      }
      start(each, flags.toArray(String[]::new));
    }
  }

  /**
   * Fails if one has ended.
   *
   * @throws IllegalStateException with the end of its log
   */
  void check() throws IOException {
    for (Map.Entry<String, Process> each : running.entrySet()) {
      if (!each.getValue().isAlive()) {
        List<String> log = Files.readAllLines(log(each.getKey()));
        throw new IllegalStateException(
            String.format(
                "%s has ended with %d:\n%s",
                each.getKey(),
                each.getValue().exitValue(),
                String.join("\n", log.subList(Math.max(0, log.size() - 20), log.size()))));
      }
    }
  }

  private void start(String name, String... flags) throws IOException {
    List<String> command = new ArrayList<>(List.of(binary.toString(), name));
    command.addAll(List.of(flags));
    running.put(
        name,
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log(name).toFile())
            .start());
  }

  private Path log(String name) {
    return folder.resolve(name + ".log");
  }

  /** With which the server signs the tokens of service accounts. */
  private void writeAccountKeys() throws IOException {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
      generator.initialize(2048);
      KeyPair pair = generator.generateKeyPair();
      writePem("account.key", "PRIVATE KEY", pair.getPrivate().getEncoded());
      writePem("account.pub", "PUBLIC KEY", pair.getPublic().getEncoded());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this JDK has no RSA", e);
    }
  }

  private void writePem(String file, String kind, byte[] key) throws IOException {
    Files.writeString(
        folder.resolve(file),
        String.format(
            "-----BEGIN %s-----\n%s\n-----END %s-----\n", kind, PEM.encodeToString(key), kind));
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  /** Ends them, the last started first. */
  @Override
  public void close() {
    List<Process> last = new ArrayList<>(running.values());
    Collections.reverse(last);
    for (Process each : last) {
      each.destroy();
      try {
        if (!each.waitFor(5, TimeUnit.SECONDS)) {
          each.destroyForcibly();
        }
      } catch (InterruptedException e) {
        each.destroyForcibly();
        Thread.currentThread().interrupt();
      }
    }
  }
}
