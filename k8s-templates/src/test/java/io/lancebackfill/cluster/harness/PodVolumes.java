package io.lancebackfill.cluster.harness;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.KeyToPath;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.Volume;
import io.fabric8.kubernetes.api.model.VolumeMount;
import io.fabric8.kubernetes.api.model.authentication.TokenRequest;
import io.fabric8.kubernetes.api.model.authentication.TokenRequestBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The volumes of a pod as folders of this machine. */
final class PodVolumes {
  static final String ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

  private final KubernetesClient client;
  private final Pod pod;
  private final Path root;

  /**
   * @param root of the cluster: a pod's own volumes lie in its folder, claims beside the pods
   */
  PodVolumes(KubernetesClient client, Pod pod, Path root) {
    this.client = client;
    this.pod = pod;
    this.root = root;
  }

  /** Makes what the container mounts; the paths hold those of the image, too. */
  PodPaths mount(Container container, LocalImage image)
      throws IOException, ContainerNotReadyException {
    Map<String, Path> mounts = new LinkedHashMap<>();
    for (VolumeMount mount : container.getVolumeMounts()) {
      Path folder = folder(volume(mount.getName()));
      mounts.put(
          mount.getMountPath(),
          mount.getSubPath() == null ? folder : folder.resolve(mount.getSubPath()));
    }
    PodPaths paths = new PodPaths(image.paths(), mounts);
    for (VolumeMount mount : container.getVolumeMounts()) {
      fill(volume(mount.getName()), mount.getMountPath(), paths);
    }
    return paths;
  }

  private Volume volume(String name) {
    return pod.getSpec().getVolumes().stream()
        .filter(each -> each.getName().equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("no volume " + name + " in the pod"));
  }

  private Path folder(Volume volume) throws IOException {
    if (volume.getHostPath() != null) {
      return Path.of(volume.getHostPath().getPath());
    }
    return Files.createDirectories(
        volume.getPersistentVolumeClaim() == null
            ? root.resolve(pod.getMetadata().getName()).resolve("volumes").resolve(volume.getName())
            : root.resolve("claims").resolve(volume.getPersistentVolumeClaim().getClaimName()));
  }

  private void fill(Volume volume, String mountPath, PodPaths paths)
      throws IOException, ContainerNotReadyException {
    String namespace = pod.getMetadata().getNamespace();
    if (volume.getConfigMap() != null) {
      String name = volume.getConfigMap().getName();
      ConfigMap map = client.configMaps().inNamespace(namespace).withName(name).get();
      if (map == null) {
        throw missing("configmap", name, volume);
      }
      Map<String, byte[]> content = new LinkedHashMap<>();
      map.getData()
          .forEach(
              (key, value) ->
                  content.put(key, paths.rewrite(value).getBytes(StandardCharsets.UTF_8)));
      write(content, volume.getConfigMap().getItems(), folder(volume));
    } else if (volume.getSecret() != null) {
      String name = volume.getSecret().getSecretName();
      Secret secret = client.secrets().inNamespace(namespace).withName(name).get();
      if (secret == null) {
        throw missing("secret", name, volume);
      }
      write(content(secret), volume.getSecret().getItems(), folder(volume));
    } else if (volume.getProjected() != null && mountPath.equals(ACCOUNT)) {
      write(accountFiles(), List.of(), folder(volume));
    }
  }

  private static ContainerNotReadyException missing(String kind, String name, Volume volume) {
    return new ContainerNotReadyException(
        "ContainerCreating",
        String.format(
            "MountVolume.SetUp failed for volume \"%s\" : %s \"%s\" not found",
            volume.getName(), kind, name));
  }

  private static void write(Map<String, byte[]> content, List<KeyToPath> items, Path folder)
      throws IOException {
    for (Map.Entry<String, byte[]> file : content.entrySet()) {
      Files.write(folder.resolve(file.getKey()), file.getValue());
    }
    for (KeyToPath item : items) {
      Files.write(folder.resolve(item.getPath()), content.get(item.getKey()));
    }
  }

  /** What a real server projects for a service account; the mock's pods have no such volume. */
  private Map<String, byte[]> accountFiles() throws IOException {
    String namespace = pod.getMetadata().getNamespace();
    String reply =
        client.raw(
            "/api/v1/namespaces/"
                + namespace
                + "/serviceaccounts/"
                + pod.getSpec().getServiceAccountName()
                + "/token",
            "POST",
            new TokenRequestBuilder().withNewSpec().withExpirationSeconds(3600L).endSpec().build());
    String token = Serialization.unmarshal(reply, TokenRequest.class).getStatus().getToken();
    return Map.of(
        "token", token.getBytes(StandardCharsets.UTF_8),
        "ca.crt", Files.readAllBytes(Path.of(client.getConfiguration().getCaCertFile())),
        "namespace", namespace.getBytes(StandardCharsets.UTF_8));
  }

  /** The decoded values of a secret, by key. */
  static Map<String, byte[]> content(Secret secret) {
    Map<String, byte[]> content = new LinkedHashMap<>();
    if (secret.getData() != null) {
      secret.getData().forEach((key, value) -> content.put(key, Base64.getDecoder().decode(value)));
    }
    if (secret.getStringData() != null) { // a real server has folded these into the data
      secret
          .getStringData()
          .forEach((key, value) -> content.put(key, value.getBytes(StandardCharsets.UTF_8)));
    }
    return content;
  }
}
