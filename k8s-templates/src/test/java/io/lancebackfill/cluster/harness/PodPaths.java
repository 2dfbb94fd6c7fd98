package io.lancebackfill.cluster.harness;

import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Where the paths inside a container lie on this machine. */
final class PodPaths {
  private final Map<String, Path> paths;
  private final Pattern inside;

  PodPaths(Map<String, Path> image, Map<String, Path> mounts) {
    paths = new HashMap<>(image);
    paths.putAll(mounts);
    String longestFirst =
        paths.keySet().stream()
            .sorted(Comparator.comparingInt(String::length).reversed())
            .map(Pattern::quote)
            .collect(Collectors.joining("|"));
    inside = Pattern.compile("(?<![\\w.-])(?:" + longestFirst + ")(?![\\w.-])");
  }

  /** The text with each path inside the container replaced by that on this machine. */
  String rewrite(String text) {
    return paths.isEmpty()
        ? text
        : inside
            .matcher(text)
            .replaceAll(m -> Matcher.quoteReplacement(paths.get(m.group()).toString()));
  }

  Optional<Path> find(String path) {
    return Optional.ofNullable(paths.get(path));
  }
}
