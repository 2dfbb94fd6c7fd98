package io.lancebackfill.cluster.harness;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What a cluster leaves on disk, also after its end: a folder for each pod, by name, with its log.
 *
 * @param path absolute
 */
record ClusterFolder(Path path) {
  /** Makes the folder, or removes what is in it. */
  static ClusterFolder emptied(Path path) throws IOException {
    if (Files.exists(path)) {
      try (Stream<Path> tree = Files.walk(path)) {
        for (Path each : tree.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(each);
        }
      }
    }
    return new ClusterFolder(Files.createDirectories(path.toAbsolutePath()));
  }

  /** Empty if the pod never started. */
  Optional<Path> log(String pod) {
    return Optional.of(path.resolve(pod).resolve("log")).filter(Files::exists);
  }

  Optional<String> logText(String pod) {
    return log(pod)
        .map(
            file -> {
              try {
                return Files.readString(file);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
  }

  /** The last lines. */
  List<String> logTail(String pod, int lines) {
    List<String> all = logText(pod).orElse("").lines().toList();
    return all.subList(Math.max(0, all.size() - lines), all.size());
  }

  /** A script as Spark's resource discovery calls it; it tells what the kubelet gave to its pod. */
  Path gpuDiscoveryScript() throws IOException {
    Path script = path.resolve("gpus.sh");
    Files.writeString(
        script,
        """
        #!/bin/sh
        addresses=$(echo "$NVIDIA_VISIBLE_DEVICES" | sed 's/[0-9][0-9]*/"&"/g')
        echo "{\\"name\\": \\"gpu\\", \\"addresses\\": [$addresses]}"
        """);
    if (!script.toFile().setExecutable(true)) {
      throw new IOException("cannot make " + script + " executable");
    }
    return script;
  }
}
