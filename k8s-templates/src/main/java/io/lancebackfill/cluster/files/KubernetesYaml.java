package io.lancebackfill.cluster.files;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.UncheckedIOException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Objects of the client's typed model as YAML for people: no quotes but where they are needed,
 * apiVersion and kind first, and below them everything by name.
 */
final class KubernetesYaml {
  private static final ObjectMapper YAML =
      new ObjectMapper(
              YAMLFactory.builder()
                  .enable(YAMLGenerator.Feature.MINIMIZE_QUOTES)
                  .enable(YAMLGenerator.Feature.ALWAYS_QUOTE_NUMBERS_AS_STRINGS)
                  .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
                  .disable(YAMLGenerator.Feature.SPLIT_LINES)
                  .build())
          .configure(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS, true);

  private KubernetesYaml() {}

  static String of(List<? extends HasMetadata> objects) {
    return objects.stream().map(KubernetesYaml::of).collect(Collectors.joining("---\n"));
  }

  private static String of(HasMetadata object) {
    try {
      Map<?, ?> root = YAML.readValue(Serialization.asJson(object), LinkedHashMap.class);
      StringBuilder text = new StringBuilder();
      for (Map.Entry<?, ?> field : root.entrySet()) {
        text.append(
            YAML.writeValueAsString(Collections.singletonMap(field.getKey(), field.getValue())));
      }
      return text.toString();
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }
}
