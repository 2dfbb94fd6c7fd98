package io.lancebackfill.cluster.check;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.api.model.Event;
import io.fabric8.kubernetes.api.model.EventBuilder;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.server.mock.KubernetesCrudDispatcher;
import io.fabric8.kubernetes.client.server.mock.KubernetesMockServer;
import io.fabric8.mockwebserver.Context;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.net.ServerSocketFactory;
import okhttp3.mockwebserver.MockResponse;
import okhttp3.mockwebserver.MockWebServer;
import okhttp3.mockwebserver.RecordedRequest;

/**
 * fabric8's server, which stores and lists, with an answer to what it cannot do: rights, dry runs,
 * and what an account may not see.
 */
final class ScriptedApiServer implements AutoCloseable {
  /** Resources, as {@code nodes}, that may not be read. */
  final Set<String> hidden = ConcurrentHashMap.newKeySet();

  /** Rights that accounts lack, as {@code pods create}. */
  final Set<String> denied = ConcurrentHashMap.newKeySet();

  /** Requests that were made, as {@code POST /path}. */
  final List<String> requests = new CopyOnWriteArrayList<>();

  /** The answer to a dry run: a code and a message; none is that the pod would be taken. */
  volatile Map.Entry<Integer, String> refusal = Map.entry(0, "");

  private final KubernetesMockServer server;
  private final KubernetesClient client;

  ScriptedApiServer() {
    MockWebServer web = new MockWebServer();
    web.setServerSocketFactory(new PromptSockets());
    server = new KubernetesMockServer(new Context(), web, new HashMap<>(), new Dispatcher(), false);
    server.init(InetAddress.getLoopbackAddress(), 0);
    client =
        new KubernetesClientBuilder()
            .withConfig(
                new ConfigBuilder(Config.empty())
                    .withMasterUrl("http://127.0.0.1:" + server.getPort())
                    .withNamespace("ml")
                    .withUsername("ann")
                    .withRequestRetryBackoffLimit(0)
                    .build())
            .build();
  }

  KubernetesClient client() {
    return client;
  }

  String url() {
    return "http://127.0.0.1:" + server.getPort();
  }

  void node(String name, Map<String, String> labels, String taint, String... resources) {
    Map<String, Quantity> allocatable = new TreeMap<>(Map.of("pods", new Quantity("110")));
    for (int i = 0; i < resources.length; i += 2) {
      allocatable.put(resources[i], new Quantity(resources[i + 1]));
    }
    NodeBuilder node =
        new NodeBuilder()
            .withNewMetadata()
            .withName(name)
            .withLabels(labels)
            .endMetadata()
            .withNewSpec()
            .endSpec()
            .withNewStatus()
            .withAllocatable(allocatable)
            .endStatus();
    if (!taint.isEmpty()) {
      node.editSpec()
          .addNewTaint()
          .withKey(taint)
          .withValue("present")
          .withEffect("NoSchedule")
          .endTaint()
          .endSpec();
    }
    Node built = node.build();
    client.nodes().resource(built).create();
  }

  Pod add(Pod pod) {
    return client.pods().inNamespace("ml").resource(pod).create();
  }

  void event(Pod pod, String reason, String message) {
    Event event =
        new EventBuilder()
            .withNewMetadata()
            .withName(pod.getMetadata().getName() + "." + reason.toLowerCase(Locale.ROOT))
            .withNamespace("ml")
            .endMetadata()
            .withNewInvolvedObject()
            .withUid(pod.getMetadata().getUid())
            .endInvolvedObject()
            .withReason(reason)
            .withMessage(message)
            .build();
    client.v1().events().inNamespace("ml").resource(event).create();
  }

  @Override
  public void close() {
    client.close();
    server.destroy();
  }

  /** Without it each answer waits 40 ms for the client's acknowledgement of its head. */
  private static final class PromptSockets extends ServerSocketFactory {
    @Override
    public ServerSocket createServerSocket() throws IOException {
      return new ServerSocket() {
        @Override
        public Socket accept() throws IOException {
          Socket socket = super.accept();
          socket.setTcpNoDelay(true);
          return socket;
        }
      };
    }

    @Override
    public ServerSocket createServerSocket(int port) {
      throw new UnsupportedOperationException("the server binds its socket itself");
    }

    @Override
    public ServerSocket createServerSocket(int port, int backlog) {
      return createServerSocket(port);
    }

    @Override
    public ServerSocket createServerSocket(int port, int backlog, InetAddress address) {
      return createServerSocket(port);
    }
  }

  private final class Dispatcher extends KubernetesCrudDispatcher {
    private final ObjectMapper json = new ObjectMapper();

    @Override
    public MockResponse dispatch(RecordedRequest request) {
      String path = String.valueOf(request.getPath());
      requests.add(request.getMethod() + " " + path);
      for (String resource : hidden) {
        if (request.getMethod().equals("GET") && path.matches(".*/" + resource + "(\\?.*|/.*)?")) {
          return status(
              403,
              resource
                  + " is forbidden: User \"ann\" cannot list resource \""
                  + resource
                  + "\" in API group \"\" at the cluster scope");
        }
      }
      if (path.contains("subjectaccessreviews")) {
        return review(request.getBody().readUtf8());
      }
      if (path.contains("dryRun=All")) {
        Map.Entry<Integer, String> answer = refusal;
        return answer.getKey() == 0
            ? new MockResponse().setResponseCode(201).setBody(request.getBody().readUtf8())
            : status(answer.getKey(), answer.getValue());
      }
      return super.dispatch(request);
    }

    private MockResponse review(String body) {
      try {
        JsonNode review = json.readTree(body);
        JsonNode asked = review.at("/spec/resourceAttributes");
        boolean allowed =
            !denied.contains(asked.path("resource").asText() + " " + asked.path("verb").asText());
        ((ObjectNode) review).putObject("status").put("allowed", allowed);
        return new MockResponse().setResponseCode(201).setBody(review.toString());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private MockResponse status(int code, String message) {
      return new MockResponse()
          .setResponseCode(code)
          .setBody(
              json.createObjectNode()
                  .put("kind", "Status")
                  .put("apiVersion", "v1")
                  .put("status", "Failure")
                  .put("message", message)
                  .put("reason", code == 403 ? "Forbidden" : "Invalid")
                  .put("code", code)
                  .toString());
    }
  }
}
