package io.lancebackfill.cluster.harness.api;

import io.fabric8.kubernetes.api.Pluralize;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceList;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.StatusBuilder;
import io.fabric8.kubernetes.api.model.authorization.v1.ResourceAttributes;
import io.fabric8.kubernetes.api.model.authorization.v1.SelfSubjectAccessReview;
import io.fabric8.kubernetes.api.model.authorization.v1.SelfSubjectAccessReviewBuilder;
import io.fabric8.kubernetes.client.server.mock.KubernetesAttributesExtractor;
import io.fabric8.kubernetes.client.server.mock.KubernetesCrudDispatcher;
import io.fabric8.kubernetes.client.server.mock.crud.KubernetesCrudDispatcherException;
import io.fabric8.kubernetes.client.server.mock.crud.PatchHandler;
import io.fabric8.kubernetes.client.server.mock.crud.PostHandler;
import io.fabric8.kubernetes.client.utils.Serialization;
import io.fabric8.mockwebserver.crud.AttributeSet;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BiFunction;
import okhttp3.mockwebserver.MockResponse;
import okhttp3.mockwebserver.RecordedRequest;

/** Answers requests as a real API server does where the stock CRUD dispatcher does not. */
final class MockDispatcher extends KubernetesCrudDispatcher {
  static final String ADMIN_TOKEN = "harness-admin";

  /** Keeps the stock dispatcher from removing a marked pod at the next change of its status. */
  private static final String RUNS = "test-kubelet/runs";

  private final List<ApiRequest> requests = new CopyOnWriteArrayList<>();
  private final Set<String> denied = ConcurrentHashMap.newKeySet();
  private volatile BiFunction<String, String, Optional<Path>> logs =
      (namespace, name) -> Optional.empty();

  void deny(String verb, String resource) {
    denied.add(verb + " " + resource);
  }

  void allow(String verb, String resource) {
    denied.remove(verb + " " + resource);
  }

  List<ApiRequest> requests() {
    return List.copyOf(requests);
  }

  void logs(BiFunction<String, String, Optional<Path>> found) {
    logs = found;
  }

  @Override
  public MockResponse dispatch(RecordedRequest request) {
    String path = String.valueOf(request.getPath());
    ApiRequest asked = ApiRequest.of(String.valueOf(request.getMethod()), path);
    if (!("Bearer " + ADMIN_TOKEN).equals(request.getHeader("Authorization"))) {
      requests.add(asked);
      if (denied.contains(asked.verb() + " " + asked.resource())) {
        return forbidden(asked);
      }
    }
    if (asked.resource().equals("pods/log")) {
      return log(asked);
    }
    if (List.of("get", "list", "watch").contains(asked.verb())) {
      return super.dispatch(request);
    }
    synchronized (this) { // what is read before a change must still hold at the change
      String body = request.getBody().clone().readUtf8();
      return switch (asked.verb()) {
        case "delete", "deletecollection" -> delete(path, asked, body);
        case "create" -> create(request, path, asked, body);
        default -> super.dispatch(request);
      };
    }
  }

  private MockResponse create(RecordedRequest request, String path, ApiRequest asked, String body) {
    switch (asked.resource()) {
      case "selfsubjectaccessreviews" -> {
        return accessReview(body);
      }
      case "pods/eviction" -> {
        return delete(path.substring(0, path.lastIndexOf('/')), asked, "");
      }
      case "pods" -> {
        Pod pod = Serialization.unmarshal(body, Pod.class);
        Optional<String> exceeded =
            Quotas.exceeded(pod, items(sibling(path, "resourcequotas")), items(collection(path)));
        if (exceeded.isPresent()) {
          return failure(403, "Forbidden", exceeded.get());
        }
      }
      default -> {}
    }
    if (asked.parameter("dryRun").isPresent()) {
      return new MockResponse().setResponseCode(201).setBody(body);
    }
    MockResponse created = super.dispatch(request);
    return asked.resource().equals("pods") && created.getStatus().contains(" 201 ")
        ? created.setBody(stored(path, body))
        : created;
  }

  /** A new resource as it is stored, with what the server added to it. */
  private String stored(String path, String body) {
    String name = Serialization.unmarshal(body, Pod.class).getMetadata().getName();
    return findResource(getKey(collection(path) + "/" + name)).getValue();
  }

  private MockResponse accessReview(String body) {
    SelfSubjectAccessReview review = Serialization.unmarshal(body, SelfSubjectAccessReview.class);
    ResourceAttributes what = review.getSpec().getResourceAttributes();
    String resource =
        what.getSubresource() == null || what.getSubresource().isEmpty()
            ? what.getResource()
            : what.getResource() + "/" + what.getSubresource();
    boolean allowed = !denied.contains(what.getVerb() + " " + resource);
    return new MockResponse()
        .setResponseCode(201)
        .setBody(
            Serialization.asJson(
                new SelfSubjectAccessReviewBuilder(review)
                    .withNewStatus()
                    .withAllowed(allowed)
                    .endStatus()
                    .build()));
  }

  /**
   * Gives a new pod the {@code Pending} phase, which Spark reads without a null check, and removes
   * what a deleted resource owned.
   */
  @Override
  public void processEvent(
      String path,
      AttributeSet pathAttributes,
      AttributeSet oldAttributes,
      GenericKubernetesResource resource,
      String newState) {
    String state = newState;
    if (oldAttributes == null && resource != null && isPod(resource)) {
      resource.setAdditionalProperty("status", Map.of("phase", "Pending"));
      state = Serialization.asJson(resource);
    }
    String removed = newState == null && oldAttributes != null ? map.get(oldAttributes) : null;
    super.processEvent(path, pathAttributes, oldAttributes, resource, state);
    if (removed != null) {
      removeOwnedBy(
          Serialization.unmarshal(removed, GenericKubernetesResource.class).getMetadata().getUid());
    }
  }

  private void removeOwnedBy(String uid) {
    for (String json : List.copyOf(map.values())) {
      GenericKubernetesResource each =
          Serialization.unmarshal(json, GenericKubernetesResource.class);
      if (each.getMetadata().getOwnerReferences().stream().anyMatch(o -> o.getUid().equals(uid))) {
        deleteOne(pathOf(each), Optional.empty());
      }
    }
  }

  private static String pathOf(GenericKubernetesResource resource) {
    String version = resource.getApiVersion();
    return (version.contains("/") ? "/apis/" : "/api/")
        + version
        + "/namespaces/"
        + resource.getMetadata().getNamespace()
        + "/"
        + Pluralize.toPlural(resource.getKind().toLowerCase(Locale.ROOT))
        + "/"
        + resource.getMetadata().getName();
  }

  /** Lists by set-based label selectors and by fields, which the stock dispatcher gets wrong. */
  @Override
  public MockResponse handleGet(String path) {
    if (!Selector.in(path) || path.contains("watch=true")) {
      return super.handleGet(path);
    }
    Map<String, Object> list =
        Map.of(
            "kind",
            "List",
            "apiVersion",
            "v1",
            "metadata",
            Map.of("resourceVersion", String.valueOf(requestResourceVersion())),
            "items",
            matching(path));
    return new MockResponse().setResponseCode(200).setBody(Serialization.asJson(list));
  }

  private MockResponse delete(String path, ApiRequest asked, String body) {
    Optional<Long> grace =
        asked
            .parameter("gracePeriodSeconds")
            .or(() -> field(body, "gracePeriodSeconds"))
            .map(Long::parseLong);
    if (!asked.verb().equals("deletecollection")) {
      return deleteOne(collection(path), grace);
    }
    for (GenericKubernetesResource each : matching(path)) {
      deleteOne(collection(path) + "/" + each.getMetadata().getName(), grace);
    }
    return new MockResponse()
        .setResponseCode(200)
        .setBody(
            Serialization.asJson(new StatusBuilder().withStatus("Success").withCode(200).build()));
  }

  /** A pod that runs on a node is only marked: it goes when the kubelet says that it has ended. */
  private MockResponse deleteOne(String path, Optional<Long> grace) {
    AttributeSet key = getKey(path);
    Map.Entry<AttributeSet, String> found = findResource(key);
    GenericKubernetesResource resource =
        found == null
            ? null
            : Serialization.unmarshal(found.getValue(), GenericKubernetesResource.class);
    if (resource == null || !isPod(resource)) {
      return super.handleDelete(path);
    }
    if (grace.equals(Optional.of(0L)) || !runs(resource)) {
      processEvent(path, key, found.getKey(), null, null);
    } else if (resource.getMetadata().getDeletionTimestamp() == null) {
      Object own = resource.get("spec", "terminationGracePeriodSeconds");
      long seconds = grace.orElse(own == null ? 30L : Long.parseLong(own.toString()));
      ObjectMeta metadata = resource.getMetadata();
      metadata.setDeletionTimestamp(Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
      metadata.setDeletionGracePeriodSeconds(seconds);
      metadata.setFinalizers(List.of(RUNS));
      metadata.setResourceVersion(String.valueOf(requestResourceVersion()));
      processEvent(path, key, found.getKey(), resource, Serialization.asJson(resource));
    }
    return new MockResponse().setResponseCode(200).setBody(Serialization.asJson(resource));
  }

  /** Server-side apply, with which Spark makes the driver's service and config maps. */
  @Override
  public MockResponse handlePatch(RecordedRequest request) {
    if (!String.valueOf(request.getHeader("Content-Type")).contains("apply-patch")) {
      return super.handlePatch(request);
    }
    String path = collection(String.valueOf(request.getPath()));
    String body = request.getBody().readUtf8();
    try {
      if (findResource(getKey(path)) == null) {
        return new PostHandler((KubernetesAttributesExtractor) attributeExtractor, this)
            .handle(path.substring(0, path.lastIndexOf('/')), "application/json", body);
      }
      return new PatchHandler(this).handle(path, "application/merge-patch+json", body);
    } catch (KubernetesCrudDispatcherException e) {
      return new MockResponse().setResponseCode(e.getCode()).setBody(e.toStatusBody());
    }
  }

  private MockResponse log(ApiRequest asked) {
    Optional<Path> file = logs.apply(asked.namespace(), asked.name());
    if (file.isEmpty()) {
      return failure(404, "NotFound", "pods \"" + asked.name() + "\" not found");
    }
    try {
      List<String> lines = Files.readAllLines(file.get(), StandardCharsets.UTF_8);
      int last = asked.parameter("tailLines").map(Integer::parseInt).orElse(lines.size());
      return new MockResponse()
          .setBody(
              String.join("\n", lines.subList(Math.max(0, lines.size() - last), lines.size())));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private List<GenericKubernetesResource> matching(String path) {
    return items(collection(path)).stream().filter(Selector.of(path)).toList();
  }

  private List<GenericKubernetesResource> items(String path) {
    return Serialization.unmarshal(
            super.handleGet(path).getBody().readUtf8(), GenericKubernetesResourceList.class)
        .getItems();
  }

  private static String collection(String path) {
    int mark = path.indexOf('?');
    return mark < 0 ? path : path.substring(0, mark);
  }

  private static String sibling(String path, String resource) {
    String collection = collection(path);
    return collection.substring(0, collection.lastIndexOf('/') + 1) + resource;
  }

  private static boolean isPod(GenericKubernetesResource resource) {
    return "Pod".equals(resource.getKind());
  }

  private static boolean runs(GenericKubernetesResource pod) {
    Object phase = pod.get("status", "phase");
    return pod.get("spec", "nodeName") != null
        && !"Succeeded".equals(phase)
        && !"Failed".equals(phase);
  }

  private static Optional<String> field(String body, String name) {
    if (body.isBlank()) {
      return Optional.empty();
    }
    Object value = Serialization.unmarshal(body, Map.class).get(name);
    return Optional.ofNullable(value).map(Object::toString);
  }

  private static MockResponse forbidden(ApiRequest asked) {
    return failure(
        403,
        "Forbidden",
        String.format(
            "%s is forbidden: User \"user\" cannot %s resource \"%s\" in API group \"\"%s",
            asked.resource(),
            asked.verb(),
            asked.resource(),
            asked.namespace().isEmpty()
                ? " at the cluster scope"
                : " in the namespace \"" + asked.namespace() + "\""));
  }

  private static MockResponse failure(int code, String reason, String message) {
    return new MockResponse()
        .setResponseCode(code)
        .setBody(
            Serialization.asJson(
                new StatusBuilder()
                    .withStatus("Failure")
                    .withCode(code)
                    .withReason(reason)
                    .withMessage(message)
                    .build()));
  }
}
