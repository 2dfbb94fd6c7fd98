package io.lancebackfill.manifest.pack;

import io.lancebackfill.manifest.ManifestFault;
import io.lancebackfill.manifest.ManifestSpec;
import io.lancebackfill.manifest.Requirement;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** All lines that pip is to install by: the manifest's own and those of its requirements file. */
final class RequirementFiles {
  private static final Pattern NESTED =
      Pattern.compile("(-r|-c|--requirement|--constraint)[\\s=]*(?<file>\\S.*)");
  private static final Pattern COMMENT = Pattern.compile("(^|\\s)#.*");
  private static final Pattern HASHES = Pattern.compile("\\s--[a-z-]+[=\\s].*");
  private static final Pattern URL = Pattern.compile("[a-z+]+://.*");
  private static final Pattern REMOTE = Pattern.compile("\\b(?!file:)[a-z+]+://");
  private static final Pattern LOCAL =
      Pattern.compile("(-e\\b|--editable\\b|[./~]).*|.*\\bfile:.*|.*\\.(whl|zip|tar\\.gz)");

  private final @Nullable Path file;
  private final List<String> pip;
  private final List<String> lines = new ArrayList<>();
  private final Set<Path> seen = new LinkedHashSet<>();

  /**
   * Reads the requirements file of a manifest, and those that it names.
   *
   * @param file of the manifest, or null
   * @param faults files that cannot be read are added here
   */
  RequirementFiles(
      ManifestSpec.Packages packages, @Nullable Path file, List<ManifestFault> faults) {
    this.file = file;
    this.pip = packages.pip().stream().sorted().toList();
    lines.addAll(pip);
    if (file != null) {
      read(file, faults);
    }
  }

  private void read(Path from, List<ManifestFault> faults) {
    if (!seen.add(from.toAbsolutePath().normalize())) {
      return;
    }
    try {
      String text = Files.readString(from, StandardCharsets.UTF_8).replaceAll("\\\\\\R", "");
      for (String raw : text.lines().toList()) {
        String line = COMMENT.matcher(raw).replaceAll("").strip();
        Matcher nested = NESTED.matcher(line);
        if (nested.matches() && !nested.group("file").contains("://")) {
          read(from.toAbsolutePath().resolveSibling(nested.group("file").strip()), faults);
        } else if (!line.isEmpty()) {
          lines.add(line);
        }
      }
    } catch (IOException e) {
      faults.add(new ManifestFault("requirements", from + " " + SourceWalk.reason(e)));
    }
  }

  /** The manifest's own. */
  List<String> pip() {
    return pip;
  }

  @Nullable Path file() {
    return file;
  }

  /** What decides which packages pip installs. May hold passwords: only its hash is kept. */
  String content() {
    return String.join("\n", lines);
  }

  /** Whether a local file or folder is named, whose content may change under the same name. */
  boolean local() {
    return lines.stream().anyMatch(RequirementFiles::local);
  }

  private static boolean local(String line) {
    return !line.startsWith("--") && !REMOTE.matcher(line).find() && LOCAL.matcher(line).matches();
  }

  /** The pinned versions by name; empty where none is pinned. */
  SortedMap<String, String> wanted(List<ManifestFault> faults) {
    SortedMap<String, String> wanted = new TreeMap<>();
    for (String line : lines) {
      if (line.startsWith("-") || local(line) || URL.matcher(line).matches()) {
        continue;
      }
      try {
        Requirement requirement = Requirement.parse(HASHES.matcher(line).replaceAll(""));
        // A line with a marker may be for other workers.
        if (!requirement.marker()) {
          wanted.put(requirement.name(), requirement.pinned() == null ? "" : requirement.pinned());
        }
      } catch (IllegalArgumentException e) {
        faults.add(new ManifestFault("requirements", String.valueOf(e.getMessage())));
      }
    }
    return wanted;
  }
}
