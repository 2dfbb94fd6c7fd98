package io.lancebackfill.cluster.check;

import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.lancebackfill.cluster.Access;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Clients of a cluster's API server. */
public final class ClusterClients {
  private static final int TIMEOUT_MS = 10_000;

  private ClusterClients() {}

  /**
   * A client with a cluster's credentials, which gives up after 10 s and does not try again.
   *
   * @throws UncheckedIOException if the kubeconfig cannot be read
   */
  public static KubernetesClient open(Access access) {
    ConfigBuilder config =
        new ConfigBuilder(config(access))
            .withNamespace(access.namespace())
            .withConnectionTimeout(TIMEOUT_MS)
            .withRequestTimeout(TIMEOUT_MS)
            .withRequestRetryBackoffLimit(0);
    String master = access.master();
    if (master != null) {
      config.withMasterUrl(
          master.startsWith("k8s://") ? master.substring("k8s://".length()) : master);
    }
    return new KubernetesClientBuilder().withConfig(config.build()).build();
  }

  private static Config config(Access access) {
    @Nullable String file = access.kubeconfig();
    if (file == null) {
      return Config.autoConfigure(access.context());
    }
    try {
      return Config.fromKubeconfig(access.context(), Files.readString(Path.of(file)), file);
    } catch (IOException e) {
      throw new UncheckedIOException("the kubeconfig " + file + " cannot be read", e);
    }
  }
}
