package io.lancebackfill.cluster.harness;

import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodStatus;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.lancebackfill.cluster.harness.api.ApiServer;
import io.lancebackfill.cluster.harness.api.ControlPlane;
import io.lancebackfill.cluster.harness.api.MockApiServer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Predicate;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionTimeoutException;

/**
 * Kubernetes on one machine without a container engine: an API server, nodes with labels, taints
 * and capacities, a scheduler, and a kubelet that runs each pod as a process.
 *
 * <p>{@link #close} fails if a pod or a process is left, or if a part of the cluster met an error.
 */
public final class FakeCluster implements AutoCloseable {
  /** Until a pod is in a state that a test waits for. */
  public static final Duration LIMIT = Duration.ofSeconds(90);

  private static final Duration CLOSING = Duration.ofSeconds(20);
  private static final String NAMESPACE = "default";
  private static final int LAST_LINES = 20;

  private final ApiServer api;
  private final ClusterFolder folder;
  private final Map<String, LocalImage> images = new ConcurrentHashMap<>();
  private final Queue<Throwable> faults = new ConcurrentLinkedQueue<>();
  private final AtomicInteger submissions = new AtomicInteger();
  private final FakeKubelet kubelet;
  private final Optional<FakeScheduler> scheduler;

  private FakeCluster(Builder builder, ApiServer api) throws IOException {
    this.api = api;
    folder = ClusterFolder.emptied(builder.folder);
    images.putAll(builder.images);
    builder.nodes.forEach(this::addNode);
    kubelet = new FakeKubelet(api.client(), images, folder.path(), faults::add);
    scheduler =
        api.schedules()
            ? Optional.empty()
            : Optional.of(new FakeScheduler(api.client(), faults::add));
    mock().ifPresent(mock -> mock.logs((namespace, name) -> folder.log(name)));
  }

  /**
   * A cluster without nodes and images.
   *
   * @param folder is emptied, and holds a folder for each pod, with its log; below {@code target/}
   */
  public static Builder in(Path folder) {
    return new Builder(folder);
  }

  /** What a cluster has from its start. */
  public static final class Builder {
    private final Path folder;
    private final List<NodeSpec> nodes = new ArrayList<>();
    private final Map<String, LocalImage> images = new LinkedHashMap<>();

    private Builder(Path folder) {
      this.folder = folder.toAbsolutePath();
    }

    public Builder node(NodeSpec node) {
      nodes.add(node);
      return this;
    }

    /** What pods with this image run; every other image cannot be pulled. */
    public Builder image(String name, LocalImage image) {
      images.put(name, image);
      return this;
    }

    /**
     * Starts the cluster on a real control plane if its system property is set, else on the mock.
     */
    public FakeCluster start() throws IOException {
      Optional<Path> controlPlane = ControlPlane.binary();
      return start(
          controlPlane.isPresent()
              ? ControlPlane.start(
                  controlPlane.get(),
                  ClusterFolder.emptied(Path.of(folder + "-control-plane")).path())
              : new MockApiServer());
    }

    /** Starts the cluster on an API server, which it closes in the end. */
    public FakeCluster start(ApiServer api) throws IOException {
      try {
        return new FakeCluster(this, api);
      } catch (IOException | RuntimeException e) {
        api.close();
        throw e;
      }
    }
  }

  /** A client with all rights; the cluster closes it. */
  public KubernetesClient client() {
    return api.client();
  }

  /** The API server. */
  public ApiServer api() {
    return api;
  }

  /** The API server if it is the mock, which can deny rights and tells what was asked of it. */
  public Optional<MockApiServer> mock() {
    return api instanceof MockApiServer mock ? Optional.of(mock) : Optional.empty();
  }

  /** The namespace of all pods. */
  public String namespace() {
    return NAMESPACE;
  }

  /** Adds a node, as an autoscaler does. */
  public void addNode(NodeSpec spec) {
    spec.create(client());
  }

  /** Adds an image, or replaces what its name stands for. */
  public void addImage(String name, LocalImage image) {
    images.put(name, image);
  }

  /**
   * Settings of a driver in this JVM: master, credentials, addresses, and short intervals. Image,
   * resources and allocation are the test's own.
   */
  public Map<String, String> clientModeConf() {
    Map<String, String> conf = new LinkedHashMap<>(commonConf());
    conf.put("spark.master", "k8s://" + api.url());
    conf.put("spark.driver.host", "127.0.0.1");
    conf.put("spark.driver.bindAddress", "127.0.0.1");
    conf.putAll(api.clientModeConf());
    return conf;
  }

  private Map<String, String> commonConf() {
    return Map.of(
        "spark.kubernetes.namespace", NAMESPACE,
        "spark.kubernetes.allocation.batch.delay", "200ms",
        "spark.kubernetes.executor.apiPollingInterval", "2s",
        "spark.storage.decommission.replicationReattemptInterval", "1s",
        "spark.ui.enabled", "false");
  }

  /**
   * Runs {@code spark-submit --deploy-mode cluster} as a process with the class path of an image.
   *
   * @param image of the driver and of the executors
   * @param jar as the image knows it: {@code local:///opt/app/app.jar}
   * @param conf over the cluster's own settings
   */
  public Submission submit(
      String image, String mainClass, String jar, Map<String, String> conf, List<String> args)
      throws IOException {
    return submit(image, List.of("--class", mainClass), jar, conf, args);
  }

  /** As {@link #submit(String, String, String, Map, List)}, of a Python script. */
  public Submission submitPython(
      String image, String script, Map<String, String> conf, List<String> args) throws IOException {
    return submit(image, List.of(), script, conf, args);
  }

  private Submission submit(
      String image, List<String> entry, String code, Map<String, String> conf, List<String> args)
      throws IOException {
    LocalImage local = images.get(image);
    if (local == null) {
      throw new IllegalArgumentException(
          "no image " + image + " in the cluster: " + images.keySet());
    }
    Map<String, String> all = new LinkedHashMap<>(commonConf());
    all.put("spark.kubernetes.container.image", image);
    all.put("spark.kubernetes.driver.master", api.url());
    all.put("spark.kubernetes.report.interval", "2s");
    all.putAll(api.submissionConf());
    all.putAll(conf);
    List<String> application = new ArrayList<>(entry);
    all.forEach((key, value) -> application.addAll(List.of("--conf", key + "=" + value)));
    application.add(code);
    application.addAll(args);
    return Submission.start(
        local,
        "k8s://" + api.url(),
        application,
        folder.path().resolve("submit-" + submissions.incrementAndGet() + ".log"));
  }

  /**
   * A script for Spark's GPU discovery, outside any image: it tells the devices that the kubelet
   * gave to the pod.
   */
  public Path gpuDiscoveryScript() throws IOException {
    return folder.gpuDiscoveryScript();
  }

  /** All pods, as they are now. */
  public List<Pod> pods() {
    return client().pods().inNamespace(NAMESPACE).list().getItems();
  }

  /** The pods of Spark executors in phase Running. */
  public List<Pod> executors() {
    return pods().stream()
        .filter(each -> PodText.hasRole(each, "executor"))
        .filter(each -> each.getStatus().getPhase().equals("Running"))
        .toList();
  }

  /**
   * Waits for a pod.
   *
   * @param what names it in the message
   * @throws IllegalStateException if there is none within {@link #LIMIT}, with all pods
   */
  public Pod awaitPod(String what, Predicate<Pod> condition) {
    return await("a pod: " + what, all -> all.stream().filter(condition).findFirst());
  }

  /** Waits until no pod fulfils a condition. */
  public void awaitNoPod(String what, Predicate<Pod> condition) {
    boolean ignored =
        await(
            "no pod: " + what,
            all -> all.stream().noneMatch(condition) ? Optional.of(true) : Optional.empty());
  }

  private <T> T await(String what, Function<List<Pod>, Optional<T>> found) {
    AtomicReference<Optional<T>> result = new AtomicReference<>(Optional.empty());
    try {
      Awaitility.await()
          .atMost(LIMIT)
          .pollDelay(Duration.ZERO)
          .pollInterval(Duration.ofMillis(100))
          .until(
              () -> {
                result.set(found.apply(pods()));
                return result.get().isPresent();
              });
    } catch (ConditionTimeoutException e) {
      IllegalStateException failure =
          new IllegalStateException(
              "not within " + LIMIT + ": " + what + "; there are\n" + describe(), e);
      faults.forEach(failure::addSuppressed);
      throw failure;
    }
    return result.get().orElseThrow();
  }

  /** Waits until a pod's log is as wanted, and returns it. */
  public String awaitLog(String pod, Predicate<String> condition) {
    return await("a log of pod " + pod, all -> folder.logText(pod).filter(condition));
  }

  /** Kills a pod's process with SIGKILL. */
  public void kill(Pod pod) {
    process(pod).kill();
  }

  /** Kills a pod's process as the kernel does at the limit of its memory. */
  public void oomKill(Pod pod) {
    PodProcess process = process(pod);
    kubelet.end(
        process,
        (before, code) -> PodStatuses.exited(before, process.container(), code, "OOMKilled"));
  }

  /** Ends a pod as its node does when it runs out of memory. */
  public void evict(Pod pod) {
    kubelet.end(process(pod), endedByNode("Evicted", "The node was low on resource: memory."));
  }

  /** Ends all pods of a node as its shutdown does, without notice to the processes. */
  public void shutDown(String node) {
    for (PodProcess each : kubelet.live()) {
      if (each.pod().getSpec().getNodeName().equals(node)) {
        kubelet.end(
            each,
            endedByNode("Terminated", "Pod was terminated in response to imminent node shutdown."));
      }
    }
  }

  private static BiFunction<PodStatus, Integer, PodStatus> endedByNode(
      String reason, String message) {
    return (before, code) -> PodStatuses.ended(before, reason, message);
  }

  /**
   * Deletes a pod with notice, as the drain of a spot node does: SIGPWR, if Spark asked for it by
   * its preStop hook, else SIGTERM; SIGKILL when the notice is over.
   */
  public void reclaim(Pod pod, Duration notice) {
    client().pods().resource(pod).withGracePeriod(notice.toSeconds()).delete();
  }

  /** The process of a running pod. */
  public long pid(Pod pod) {
    return process(pod).process().pid();
  }

  /** What a pod has printed, also after its end. */
  public String log(String pod) {
    return folder
        .logText(pod)
        .orElseThrow(() -> new IllegalArgumentException("pod " + pod + " never started"));
  }

  private PodProcess process(Pod pod) {
    return kubelet
        .process(pod.getMetadata().getNamespace(), pod.getMetadata().getName())
        .orElseThrow(
            () ->
                new IllegalStateException(
                    "no process of pod "
                        + pod.getMetadata().getName()
                        + "; there are\n"
                        + describe()));
  }

  /** Each pod's name, phase, node, why it waits or ended; of those that failed the last output. */
  public String describe() {
    List<String> lines = new ArrayList<>();
    for (Pod pod : pods()) {
      lines.add(PodText.describe(pod));
      if (pod.getStatus().getPhase().equals("Failed")) {
        lines.addAll(folder.logTail(pod.getMetadata().getName(), LAST_LINES));
      }
    }
    return String.join("\n", lines);
  }

  @Override
  public void close() {
    close(CLOSING);
  }

  /** Closes it, and gives pods and processes some time to end by themselves. */
  void close(Duration patience) {
    List<String> left = new ArrayList<>();
    try {
      Awaitility.await()
          .atMost(patience)
          .pollInterval(Duration.ofMillis(100))
          .until(() -> left().isEmpty());
    } catch (ConditionTimeoutException e) {
      left.addAll(left());
    }
    scheduler.ifPresent(FakeScheduler::close);
    kubelet.close();
    api.close();
    if (!left.isEmpty() || !faults.isEmpty()) {
      IllegalStateException failure =
          new IllegalStateException(
              String.format(
                  "%d pods and processes left after %s: %s; %d errors in the cluster's parts; logs in %s",
                  left.size(), patience, left, faults.size(), folder.path()));
      faults.forEach(failure::addSuppressed);
      throw failure;
    }
  }

  /** A driver's pod that has ended stays, as Spark wants it; everything else should be gone. */
  private List<String> left() {
    List<String> left = new ArrayList<>();
    pods().stream()
        .filter(each -> !(Room.ended(each) && PodText.hasRole(each, "driver")))
        .forEach(each -> left.add("pod " + PodText.describe(each)));
    kubelet.live().forEach(each -> left.add("process " + each.process().pid()));
    return left;
  }
}
