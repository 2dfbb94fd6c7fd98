package io.lancebackfill.cluster.harness.api;

import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The label and field selectors of a request, as the Kubernetes API defines them. */
final class Selector implements Predicate<GenericKubernetesResource> {
  private static final Pattern SET = Pattern.compile("(\\S+) (in|notin) \\(([^)]*)\\)");
  private static final Pattern COMPARE = Pattern.compile("([^=!]+)(==|=|!=)(.*)");
  private static final Pattern COMMA = Pattern.compile(",");
  private static final Pattern COMMA_OUTSIDE = Pattern.compile(",(?![^(]*\\))");
  private static final Pattern DOT = Pattern.compile("\\.");

  private final List<Predicate<GenericKubernetesResource>> requirements = new ArrayList<>();

  private Selector() {}

  static boolean in(String path) {
    return path.contains("labelSelector=") || path.contains("fieldSelector=");
  }

  static Selector of(String path) {
    ApiRequest request = ApiRequest.of("GET", path);
    Selector selector = new Selector();
    request
        .parameter("labelSelector")
        .ifPresent(
            labels ->
                COMMA_OUTSIDE.splitAsStream(labels).map(String::trim).forEach(selector::label));
    request
        .parameter("fieldSelector")
        .ifPresent(
            fields -> COMMA.splitAsStream(fields).map(String::trim).forEach(selector::field));
    return selector;
  }

  @Override
  public boolean test(GenericKubernetesResource resource) {
    return requirements.stream().allMatch(each -> each.test(resource));
  }

  private void label(String requirement) {
    Matcher set = SET.matcher(requirement);
    Matcher compare = COMPARE.matcher(requirement);
    if (set.matches()) {
      List<String> values = COMMA.splitAsStream(set.group(3)).map(String::trim).toList();
      requirements.add(
          r ->
              values.contains(String.valueOf(labels(r).get(set.group(1))))
                  == set.group(2).equals("in"));
    } else if (requirement.startsWith("!")) {
      requirements.add(r -> !labels(r).containsKey(requirement.substring(1)));
    } else if (compare.matches()) {
      requirements.add(
          r ->
              compare.group(3).equals(labels(r).get(compare.group(1)))
                  != compare.group(2).equals("!="));
    } else if (!requirement.isEmpty()) {
      requirements.add(r -> labels(r).containsKey(requirement));
    }
  }

  private void field(String requirement) {
    Matcher compare = COMPARE.matcher(requirement);
    if (!compare.matches()) {
      throw new IllegalArgumentException("not a field selector: " + requirement);
    }
    requirements.add(
        r -> compare.group(3).equals(field(r, compare.group(1))) != compare.group(2).equals("!="));
  }

  private static Map<String, String> labels(GenericKubernetesResource resource) {
    Map<String, String> labels = resource.getMetadata().getLabels();
    return labels == null ? Map.of() : labels;
  }

  private static String field(GenericKubernetesResource resource, String path) {
    Object value =
        switch (path) {
          case "metadata.name" -> resource.getMetadata().getName();
          case "metadata.namespace" -> resource.getMetadata().getNamespace();
          default -> resource.get((Object[]) DOT.splitAsStream(path).toArray(String[]::new));
        };
    return value == null ? "" : value.toString();
  }
}
