package io.lancebackfill.cluster.harness;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** Starts the containers of pods. */
final class PodStarter {
  private final KubernetesClient client;
  private final ClusterDns dns;
  private final Path root;

  PodStarter(KubernetesClient client, ClusterDns dns, Path root) {
    this.client = client;
    this.dns = dns;
    this.root = root;
  }

  /**
   * Starts a pod's container.
   *
   * @param gpus its devices, told as NVIDIA's container runtime tells them
   * @throws ContainerNotReadyException if something that the pod names does not exist (yet)
   */
  PodProcess start(Pod pod, LocalImage image, String address, Set<Integer> gpus)
      throws IOException, ContainerNotReadyException {
    Container container = PodProcess.container(pod);
    PodPaths paths = new PodVolumes(client, pod, root).mount(container, image);
    Map<String, String> env = new LinkedHashMap<>();
    env.put("PATH", System.getenv("PATH"));
    env.putAll(image.environment());
    new PodEnvironment(client, pod, address)
        .of(container)
        .forEach((name, value) -> env.put(name, paths.rewrite(value)));
    if (!gpus.isEmpty()) {
      env.put(
          "NVIDIA_VISIBLE_DEVICES",
          gpus.stream().map(String::valueOf).collect(Collectors.joining(",")));
    }
    Path home = Files.createDirectories(root.resolve(pod.getMetadata().getName()));
    Path hosts = home.resolve("hosts");
    dns.write(hosts, address, dns.services());
    List<String> command = new ContainerCommand(image, env, paths, hosts).of(container);
    Files.write(home.resolve("command"), command);
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(home.toFile())
            .redirectErrorStream(true)
            .redirectOutput(home.resolve("log").toFile());
    builder.environment().clear();
    builder.environment().putAll(env);
    return new PodProcess(pod, container, builder.start(), address, gpus, home);
  }
}
