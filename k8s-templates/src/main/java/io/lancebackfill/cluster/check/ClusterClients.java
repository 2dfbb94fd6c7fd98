package io.lancebackfill.cluster.check;

import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.lancebackfill.cluster.Access;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.spark.SparkConf;
import org.apache.spark.deploy.k8s.SparkKubernetesClientFactory;
import org.jspecify.annotations.Nullable;
import scala.Option;

/** Clients of a cluster's API server. */
public final class ClusterClients {
  private static final int TIMEOUT_MS = 10_000;
  private static final File MOUNTED_CA =
      new File("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt");

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

  /**
   * A client with the master and the credentials of a session on Kubernetes, as Spark itself makes
   * it: whatever a definition says, that is where the session's pods are.
   */
  public static KubernetesClient ofSession(SparkConf conf) {
    boolean driverPod = conf.getBoolean("spark.kubernetes.submitInDriver", false);
    String master =
        driverPod
            ? conf.get("spark.kubernetes.driver.master", "https://kubernetes.default.svc")
            : conf.get("spark.master").substring("k8s://".length());
    return SparkKubernetesClientFactory.createKubernetesClient(
        master,
        Option.apply(namespaceOfSession(conf)),
        driverPod
            ? "spark.kubernetes.authenticate.driver.mounted"
            : "spark.kubernetes.authenticate",
        SparkKubernetesClientFactory.ClientType$.MODULE$.Driver(),
        conf,
        driverPod && MOUNTED_CA.exists() ? Option.apply(MOUNTED_CA) : Option.empty());
  }

  /** The namespace of the pods of a session on Kubernetes. */
  public static String namespaceOfSession(SparkConf conf) {
    return conf.get("spark.kubernetes.namespace", "default");
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
