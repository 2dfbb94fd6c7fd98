package io.lancebackfill.cluster.harness;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** What pods have printed, by their names; it outlives them. */
final class PodLogs {
  private final Path folder;

  PodLogs(Path folder) {
    this.folder = folder;
  }

  /** Empty if the pod never started. */
  Optional<Path> file(String pod) {
    return Optional.of(folder.resolve(pod).resolve("log")).filter(Files::exists);
  }

  Optional<String> text(String pod) {
    return file(pod)
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
  List<String> tail(String pod, int lines) {
    List<String> all = text(pod).orElse("").lines().toList();
    return all.subList(Math.max(0, all.size() - lines), all.size());
  }
}
