package io.lancebackfill.cluster.harness;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.EnvFromSource;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.EnvVarSource;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/** The environment of a container: values, fields of its pod, keys of config maps and secrets. */
final class PodEnvironment {
  private final KubernetesClient client;
  private final Pod pod;
  private final String address;

  PodEnvironment(KubernetesClient client, Pod pod, String address) {
    this.client = client;
    this.pod = pod;
    this.address = address;
  }

  /** The variables that the pod sets, later ones over earlier ones. */
  Map<String, String> of(Container container) throws ContainerNotReadyException {
    Map<String, String> env = new LinkedHashMap<>();
    for (EnvFromSource source : container.getEnvFrom()) {
      Map<String, String> all =
          source.getSecretRef() != null
              ? secret(source.getSecretRef().getName())
              : configMap(source.getConfigMapRef().getName());
      all.forEach((key, value) -> env.put(Objects.toString(source.getPrefix(), "") + key, value));
    }
    for (EnvVar variable : container.getEnv()) {
      env.put(
          variable.getName(),
          variable.getValueFrom() == null
              ? Objects.toString(variable.getValue(), "")
              : value(variable.getValueFrom()));
    }
    return env;
  }

  private String value(EnvVarSource from) throws ContainerNotReadyException {
    if (from.getSecretKeyRef() != null) {
      String name = from.getSecretKeyRef().getName();
      return key("secret", name, secret(name), from.getSecretKeyRef().getKey());
    }
    if (from.getConfigMapKeyRef() != null) {
      String name = from.getConfigMapKeyRef().getName();
      return key("configmap", name, configMap(name), from.getConfigMapKeyRef().getKey());
    }
    if (from.getFieldRef() == null) {
      throw new UnsupportedOperationException("a variable of the kind " + from + " is not known");
    }
    String field = from.getFieldRef().getFieldPath();
    return switch (field) {
      case "status.podIP" -> address;
      case "status.hostIP" -> "127.0.0.1";
      case "metadata.name" -> pod.getMetadata().getName();
      case "metadata.namespace" -> pod.getMetadata().getNamespace();
      case "metadata.uid" -> pod.getMetadata().getUid();
      case "spec.nodeName" -> pod.getSpec().getNodeName();
      case "spec.serviceAccountName" -> pod.getSpec().getServiceAccountName();
      default -> throw new UnsupportedOperationException("field " + field + " is not known");
    };
  }

  private Map<String, String> secret(String name) throws ContainerNotReadyException {
    Secret secret =
        client.secrets().inNamespace(pod.getMetadata().getNamespace()).withName(name).get();
    if (secret == null) {
      throw notReady("secret \"" + name + "\" not found");
    }
    Map<String, String> values = new LinkedHashMap<>();
    PodVolumes.content(secret)
        .forEach((key, value) -> values.put(key, new String(value, StandardCharsets.UTF_8)));
    return values;
  }

  private Map<String, String> configMap(String name) throws ContainerNotReadyException {
    ConfigMap map =
        client.configMaps().inNamespace(pod.getMetadata().getNamespace()).withName(name).get();
    if (map == null) {
      throw notReady("configmap \"" + name + "\" not found");
    }
    return map.getData();
  }

  private String key(String kind, String name, Map<String, String> values, String key)
      throws ContainerNotReadyException {
    if (!values.containsKey(key)) {
      throw notReady(
          String.format(
              "couldn't find key %s in %s %s/%s",
              key, kind, pod.getMetadata().getNamespace(), name));
    }
    return values.get(key);
  }

  private static ContainerNotReadyException notReady(String message) {
    return new ContainerNotReadyException("CreateContainerConfigError", message);
  }
}
