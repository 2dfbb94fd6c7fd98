package io.lancebackfill.cluster.harness.api;

import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.server.mock.KubernetesMockServer;
import io.fabric8.mockwebserver.Context;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.logging.Level;
import java.util.logging.Logger;
import okhttp3.mockwebserver.MockWebServer;

/**
 * fabric8's CRUD server on a loopback port, with the gaps closed that Spark falls into.
 *
 * <p>It does not validate, default or forbid what a real server would, except for {@link #deny} and
 * for quotas on pods; and a watch knows selectors of the form {@code label=value} only.
 */
public final class MockApiServer implements ApiServer {
  /** It tells every request; held, since the level is forgotten with the logger. */
  private static final Logger REQUESTS = Logger.getLogger(MockWebServer.class.getName());

  static {
    REQUESTS.setLevel(Level.WARNING);
  }

  private final KubernetesMockServer server;
  private final MockDispatcher dispatcher = new MockDispatcher();
  private final KubernetesClient client;

  /** Starts the server. */
  public MockApiServer() throws IOException {
    server =
        new KubernetesMockServer(
            new Context(), new MockWebServer(), new HashMap<>(), dispatcher, false);
    server.init(InetAddress.getLoopbackAddress(), 0);
    client = client(MockDispatcher.ADMIN_TOKEN);
  }

  @Override
  public KubernetesClient client() {
    return client;
  }

  @Override
  public KubernetesClient userClient() {
    return client("user");
  }

  @Override
  public String url() {
    return "http://127.0.0.1:" + server.getPort();
  }

  @Override
  public Map<String, String> clientModeConf() {
    return Map.of();
  }

  @Override
  public Map<String, String> submissionConf() {
    return Map.of();
  }

  @Override
  public boolean schedules() {
    return false;
  }

  /**
   * Refuses a verb from now on, as RBAC does for an account without that right; the harness itself
   * keeps it.
   *
   * @param verb of RBAC: list, watch, deletecollection ...
   * @param resource plural name, as {@code nodes} or {@code pods/log}
   */
  public void deny(String verb, String resource) {
    dispatcher.deny(verb, resource);
  }

  /** Takes back what {@link #deny} refused. */
  public void allow(String verb, String resource) {
    dispatcher.allow(verb, resource);
  }

  /** What was asked by others than the harness, in order. */
  public List<ApiRequest> requests() {
    return dispatcher.requests();
  }

  /** Where {@code pods/NAME/log} finds the log of a namespace's pod. */
  public void logs(BiFunction<String, String, Optional<Path>> logs) {
    dispatcher.logs(logs);
  }

  private KubernetesClient client(String token) {
    Config config =
        new ConfigBuilder(Config.empty())
            .withMasterUrl(url())
            .withNamespace("default")
            .withOauthToken(token)
            .build();
    return new KubernetesClientBuilder().withConfig(config).build();
  }

  @Override
  public void close() {
    client.close();
    server.destroy();
  }
}
