package io.lancebackfill.cluster.harness;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.PodStatus;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/** Runs each pod that is bound to a node as a local process, and says on the pod how it is. */
final class FakeKubelet implements AutoCloseable {
  private static final long RETRY_MS = 300;
  private static final int WRITES = 10;

  private final KubernetesClient client;
  private final Map<String, LocalImage> images;
  private final Consumer<Throwable> faults;
  private final ClusterDns dns;
  private final PodStarter starter;
  private final PodEvents events;
  private final String network = "127." + (2 + ProcessHandle.current().pid() % 250) + ".";

  /** All work on pods; nothing else changes the maps below. */
  private final ScheduledExecutorService loop =
      Executors.newSingleThreadScheduledExecutor(work -> new Thread(work, "test-kubelet"));

  private final Map<String, PodProcess> processes = new ConcurrentHashMap<>(); // by UID of the pod
  private final Set<String> ended = ConcurrentHashMap.newKeySet(); // and it is written on the pod
  private final Set<String> terminating = ConcurrentHashMap.newKeySet();
  private final Map<String, BiFunction<PodStatus, Integer, PodStatus>> endings =
      new ConcurrentHashMap<>();
  private final List<SharedIndexInformer<?>> informers;
  private final Thread killAll = new Thread(() -> processes.values().forEach(PodProcess::kill));
  private int lastAddress;

  FakeKubelet(
      KubernetesClient client,
      Map<String, LocalImage> images,
      Path root,
      Consumer<Throwable> faults)
      throws IOException {
    this.client = client;
    this.images = images;
    this.faults = faults;
    dns = new ClusterDns(client);
    starter = new PodStarter(client, dns, root);
    events = new PodEvents(client, "kubelet");
    Runtime.getRuntime().addShutdownHook(killAll);
    informers =
        List.of(
            client.pods().inAnyNamespace().inform(handler(this::sync, this::forget)),
            client
                .services()
                .inAnyNamespace()
                .inform(handler((Service s) -> writeHosts(), s -> writeHosts())));
  }

  private <T> ResourceEventHandler<T> handler(Consumer<T> changed, Consumer<T> deleted) {
    return new ResourceEventHandler<>() {
      @Override
      public void onAdd(T resource) {
        later(() -> changed.accept(resource));
      }

      @Override
      public void onUpdate(T before, T resource) {
        later(() -> changed.accept(resource));
      }

      @Override
      public void onDelete(T resource, boolean unknown) {
        later(() -> deleted.accept(resource));
      }
    };
  }

  /** The live process of a pod. */
  Optional<PodProcess> process(String namespace, String name) {
    return processes.values().stream()
        .filter(PodProcess::isAlive)
        .filter(each -> each.pod().getMetadata().getName().equals(name))
        .filter(each -> each.pod().getMetadata().getNamespace().equals(namespace))
        .findFirst();
  }

  /** All live processes. */
  List<PodProcess> live() {
    return processes.values().stream().filter(PodProcess::isAlive).toList();
  }

  /** Ends a process at once; the function makes the pod's last status of the one before. */
  void end(PodProcess process, BiFunction<PodStatus, Integer, PodStatus> ending) {
    endings.put(process.pod().getMetadata().getUid(), ending);
    process.kill();
  }

  private void sync(Pod pod) {
    String uid = pod.getMetadata().getUid();
    if (pod.getMetadata().getDeletionTimestamp() != null) {
      terminate(pod);
    } else if (pod.getSpec().getNodeName() != null
        && !processes.containsKey(uid)
        && !Room.ended(pod)) {
      start(pod);
    }
  }

  private void start(Pod pod) {
    Container container = PodProcess.container(pod);
    LocalImage image = images.get(container.getImage());
    if (image == null) {
      String message = "Back-off pulling image \"" + container.getImage() + "\"";
      if (waits(pod, container, "ImagePullBackOff", message)) {
        events.warn(
            pod,
            "Failed",
            String.format("Failed to pull image \"%s\": not found", container.getImage()));
      }
      return;
    }
    lastAddress++;
    String address = network + (lastAddress / 250) + "." + (lastAddress % 250 + 1);
    try {
      PodProcess process = starter.start(pod, image, address, takeGpus(pod, container));
      processes.put(pod.getMetadata().getUid(), process);
      write(pod, before -> PodStatuses.running(before, container, address));
      writeHosts();
      process.onExit(code -> later(() -> exited(process, code)));
    } catch (ContainerNotReadyException e) { // Spark makes a pod before its config map
      if (waits(pod, container, e.reason(), e.getMessage())) {
        events.warn(pod, "FailedMount", e.getMessage());
      }
      var ignored = loop.schedule(() -> retry(pod), RETRY_MS, TimeUnit.MILLISECONDS);
    } catch (IOException e) {
      faults.accept(e);
      write(pod, before -> PodStatuses.exited(before, container, 128, "StartError"));
    }
  }

  /** Whether the pod did not say so before. */
  private boolean waits(Pod pod, Container container, String reason, String message) {
    PodStatus before = pod.getStatus();
    boolean said =
        before != null
            && before.getContainerStatuses().stream()
                .anyMatch(
                    c ->
                        c.getState().getWaiting() != null
                            && message.equals(c.getState().getWaiting().getMessage()));
    if (!said) {
      write(pod, status -> PodStatuses.waiting(status, container, reason, message));
    }
    return !said;
  }

  private void retry(Pod pod) {
    later(
        () -> {
          Pod now = current(pod);
          if (now != null) {
            sync(now);
          }
        });
  }

  private void exited(PodProcess process, int code) {
    Pod pod = process.pod();
    String uid = pod.getMetadata().getUid();
    BiFunction<PodStatus, Integer, PodStatus> plain =
        (before, c) ->
            PodStatuses.exited(before, process.container(), c, c == 0 ? "Completed" : "Error");
    write(pod, before -> endings.getOrDefault(uid, plain).apply(before, code));
    ended.add(uid);
    Pod now = current(pod);
    if (now != null && now.getMetadata().getDeletionTimestamp() != null) {
      confirm(now);
    }
  }

  /** Notice, or SIGTERM, then SIGKILL when the grace period is over. */
  private void terminate(Pod pod) {
    String uid = pod.getMetadata().getUid();
    PodProcess process = processes.get(uid);
    if (process == null || ended.contains(uid)) {
      confirm(pod);
    } else if (terminating.add(uid)) {
      long grace =
          Objects.requireNonNullElse(pod.getMetadata().getDeletionGracePeriodSeconds(), 0L);
      try {
        if (process.takesNotice()) {
          process.notice();
        } else {
          process.terminate();
        }
      } catch (IOException e) {
        faults.accept(e);
      }
      var ignored = loop.schedule(process::kill, grace, TimeUnit.SECONDS);
    }
  }

  /** Says that the pod has ended, upon which the API server lets it go. */
  private void confirm(Pod pod) {
    client.pods().resource(pod).withGracePeriod(0).delete();
  }

  private void forget(Pod pod) {
    String uid = pod.getMetadata().getUid();
    PodProcess process = processes.remove(uid);
    if (process != null) {
      process.kill();
    }
    ended.remove(uid);
    terminating.remove(uid);
    endings.remove(uid);
  }

  /** Those devices of the pod's node that no live pod holds, as a device plugin gives them. */
  private Set<Integer> takeGpus(Pod pod, Container container) {
    TreeSet<Integer> taken = new TreeSet<>();
    Map<String, Quantity> limits =
        container.getResources() == null ? null : container.getResources().getLimits();
    if (limits == null || !limits.containsKey(NodeSpec.GPU)) {
      return taken;
    }
    String name = pod.getSpec().getNodeName();
    Node node = client.nodes().withName(name).get();
    Set<Integer> held = new TreeSet<>();
    live().stream()
        .filter(each -> each.pod().getSpec().getNodeName().equals(name))
        .forEach(each -> held.addAll(each.gpus()));
    int wanted = limits.get(NodeSpec.GPU).getNumericalAmount().intValue();
    int there = node.getStatus().getAllocatable().get(NodeSpec.GPU).getNumericalAmount().intValue();
    for (int i = 0; i < there && taken.size() < wanted; i++) {
      if (!held.contains(i)) {
        taken.add(i);
      }
    }
    return taken;
  }

  private void writeHosts() {
    List<String> services = dns.services();
    for (PodProcess each : live()) {
      try {
        dns.write(each.home().resolve("hosts"), each.address(), services);
      } catch (IOException e) {
        faults.accept(e);
      }
    }
  }

  /** Writes the status of a pod, unless it is gone. */
  private void write(Pod pod, UnaryOperator<PodStatus> change) {
    for (int i = 0; i < WRITES; i++) {
      Pod now = current(pod);
      if (now == null) {
        return;
      }
      try {
        client
            .pods()
            .resource(new PodBuilder(now).withStatus(change.apply(now.getStatus())).build())
            .updateStatus();
        return;
      } catch (KubernetesClientException e) {
        if (e.getCode() != 404 && e.getCode() != 409) { // changed meanwhile: read it again
          throw e;
        }
      }
    }
    faults.accept(
        new IllegalStateException(
            "status of " + pod.getMetadata().getName() + " not written in " + WRITES + " tries"));
  }

  private Pod current(Pod pod) {
    Pod now =
        client
            .pods()
            .inNamespace(pod.getMetadata().getNamespace())
            .withName(pod.getMetadata().getName())
            .get();
    return now == null || !now.getMetadata().getUid().equals(pod.getMetadata().getUid())
        ? null
        : now;
  }

  private void later(Runnable work) {
    synchronized (loop) {
      if (!loop.isShutdown()) {
        loop.execute(
            () -> {
              try {
                work.run();
              } catch (RuntimeException e) {
                faults.accept(e);
              }
            });
      }
    }
  }

  /** Kills what still runs. */
  @Override
  public void close() {
    informers.forEach(SharedIndexInformer::close);
    synchronized (loop) {
      loop.shutdownNow();
    }
    try {
      if (!loop.awaitTermination(10, TimeUnit.SECONDS)) {
        faults.accept(new IllegalStateException("the kubelet's work did not end within 10 s"));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    processes.values().forEach(PodProcess::kill);
    Runtime.getRuntime().removeShutdownHook(killAll);
  }
}
