package io.lancebackfill.cluster.harness;

import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Names of services for the JVMs in pods: a hosts file each, which the JDK reads at every lookup
 * through {@code jdk.net.hosts.file}.
 */
final class ClusterDns {
  private final KubernetesClient client;
  private final String machine;

  ClusterDns(KubernetesClient client) throws IOException {
    this.client = client;
    machine = InetAddress.getLocalHost().getHostName();
  }

  /** One line for each service and pod behind it that has an address. */
  List<String> services() {
    List<String> lines = new ArrayList<>();
    for (Service service : client.services().inAnyNamespace().list().getItems()) {
      Map<String, String> selector = service.getSpec().getSelector();
      String namespace = service.getMetadata().getNamespace();
      if (selector == null || selector.isEmpty()) {
        continue;
      }
      String name = service.getMetadata().getName() + "." + namespace + ".svc";
      for (Pod pod : client.pods().inNamespace(namespace).withLabels(selector).list().getItems()) {
        if (pod.getStatus() != null && pod.getStatus().getPodIP() != null) {
          lines.add(pod.getStatus().getPodIP() + " " + name + " " + name + ".cluster.local");
        }
      }
    }
    return lines;
  }

  /** Writes the hosts file of a pod, which also holds its own name for this machine. */
  void write(Path hosts, String address, List<String> services) throws IOException {
    List<String> lines = new ArrayList<>(List.of("127.0.0.1 localhost", address + " " + machine));
    lines.addAll(services);
    Path next = hosts.resolveSibling(hosts.getFileName() + ".next");
    Files.write(next, lines);
    Files.move(next, hosts, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }
}
