package io.lancebackfill.cluster;

import io.lancebackfill.secret.SecretKey;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the pods of a group have besides their size.
 *
 * @param image null is the cluster's
 * @param serviceAccount null is the namespace's default
 * @param secretEnvVars variables whose values only the nodes ever read
 * @param terminationGracePeriodSeconds null is Kubernetes' own 30
 */
public record PodTraits(
    @Nullable String image,
    @Nullable String serviceAccount,
    Placement placement,
    Map<String, String> labels,
    Map<String, String> envVars,
    Map<String, SecretKey> secretEnvVars,
    @Nullable Integer terminationGracePeriodSeconds) {
  public PodTraits {
    labels = Map.copyOf(labels);
    envVars = Map.copyOf(envVars);
    secretEnvVars = Map.copyOf(secretEnvVars);
  }

  /**
   * The nodes that may take the pods.
   *
   * @param nodeSelector labels that a node must have, all of them
   */
  public record Placement(Map<String, String> nodeSelector, List<Toleration> tolerations) {
    public Placement {
      nodeSelector = Map.copyOf(nodeSelector);
      tolerations = List.copyOf(tolerations);
    }

    /** Whether nodes with this taint take the pods. */
    public boolean tolerates(String taint) {
      return tolerations.stream().anyMatch(toleration -> toleration.covers(taint));
    }
  }

  PodTraits withImage(String newImage) {
    return new PodTraits(
        newImage,
        serviceAccount,
        placement,
        labels,
        envVars,
        secretEnvVars,
        terminationGracePeriodSeconds);
  }

  PodTraits withSecrets(Map<String, SecretKey> more) {
    Map<String, SecretKey> all = new HashMap<>(secretEnvVars);
    all.putAll(more);
    return new PodTraits(
        image, serviceAccount, placement, labels, envVars, all, terminationGracePeriodSeconds);
  }

  /** The variables by name only: a value that is a secret after all is not printed. */
  @Override
  public String toString() {
    return "PodTraits[image="
        + image
        + ", serviceAccount="
        + serviceAccount
        + ", placement="
        + placement
        + ", labels="
        + labels
        + ", envVars="
        + envVars.keySet()
        + ", secretEnvVars="
        + secretEnvVars.keySet()
        + "]";
  }
}
