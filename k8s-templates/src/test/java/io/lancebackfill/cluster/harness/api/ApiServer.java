package io.lancebackfill.cluster.harness.api;

import io.fabric8.kubernetes.client.KubernetesClient;
import java.util.Map;

/** The Kubernetes API that a test cluster stands on: the CRUD mock, or a real control plane. */
public interface ApiServer extends AutoCloseable {
  /** A client that may do everything; the server closes it. */
  KubernetesClient client();

  /** A new client with the rights that a test gives to users, which the caller closes. */
  KubernetesClient userClient();

  /** Address without a slash at its end. */
  String url();

  /** Credentials for a driver outside the cluster, as {@code spark.kubernetes.authenticate.*}. */
  Map<String, String> clientModeConf();

  /** Credentials for {@code spark-submit --deploy-mode cluster}. */
  Map<String, String> submissionConf();

  /** Whether something else than the harness binds pods to nodes. */
  boolean schedules();

  @Override
  void close();
}
