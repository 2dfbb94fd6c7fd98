package io.lancebackfill.manifest.pack;

import io.lancebackfill.manifest.Requirement;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;

/** A folder that pip installed into. */
final class InstalledPackages {
  /** Lines of RECORD for files that are taken away. */
  private static final Pattern GONE =
      Pattern.compile(
          "(\\.\\./.*|bin/.*|.*\\.pyc|[^/]*\\.dist-info/direct_url\\.json),[^,]*,[^,]*");

  private InstalledPackages() {}

  /**
   * Takes away what differs from machine to machine: scripts, which begin with the path of this
   * machine's Python, and where a package came from.
   *
   * @return versions by normalised name
   */
  static SortedMap<String, String> settle(Path folder) throws IOException {
    SourceTrees.delete(folder.resolve("bin"));
    SortedMap<String, String> versions = new TreeMap<>();
    try (DirectoryStream<Path> infos = Files.newDirectoryStream(folder, "*.dist-info")) {
      for (Path info : infos) {
        Files.deleteIfExists(info.resolve("direct_url.json"));
        Path record = info.resolve("RECORD");
        if (Files.exists(record)) {
          List<String> lines =
              Files.readAllLines(record, StandardCharsets.UTF_8).stream()
                  .filter(line -> !GONE.matcher(line).matches())
                  .sorted()
                  .toList();
          Files.writeString(record, String.join("\n", lines) + "\n");
        }
        List<String> metadata =
            Files.readAllLines(info.resolve("METADATA"), StandardCharsets.UTF_8);
        versions.put(
            Requirement.normalised(header(metadata, "Name: ")), header(metadata, "Version: "));
      }
    }
    return versions;
  }

  private static String header(List<String> metadata, String name) throws IOException {
    return metadata.stream()
        .takeWhile(line -> !line.isEmpty())
        .filter(line -> line.startsWith(name))
        .map(line -> line.substring(name.length()).strip())
        .findFirst()
        .orElseThrow(() -> new IOException("METADATA of an installed package has no " + name));
  }
}
