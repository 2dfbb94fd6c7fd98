package io.lancebackfill.manifest.pack;

import io.lancebackfill.manifest.ManifestWriter;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The parts that the same roots gave the last time, in a file, with the {@linkplain #stampOf stamp}
 * of all their files: where nothing has changed, no file is looked up and no part is cut.
 */
final class PartCache {
  private static final Logger LOG = LoggerFactory.getLogger(PartCache.class);
  private static final HexFormat HEX = HexFormat.of();

  /** The files of one root, as they are now. */
  record Listed(SourceRoot root, List<SourceFile> files) {}

  private final Path file;
  private final List<Listed> listed;
  private final String stamp;

  /**
   * @param folder of caches
   * @param listed all roots
   * @param limits by which parts are cut
   */
  PartCache(Path folder, List<Listed> listed, PackagingOptions.Limits limits) {
    StringBuilder roots = new StringBuilder();
    roots.append(limits.partBytes()).append(' ').append(limits.partFiles()).append('\n');
    for (Listed each : listed) {
      SourceRoot root = each.root();
      roots.append(root.kind()).append('\n').append(root.prefix()).append('\n');
      roots.append(root.path()).append('\n');
    }
    this.file = folder.resolve(ManifestWriter.sha256(roots.toString()) + ".parts");
    this.listed = listed;
    this.stamp = stampOf(listed);
  }

  /**
   * SHA-256 of names, modes and stamps, in the order in which the file system lists them: it keeps
   * that order as long as nothing comes or goes, and another order only costs time.
   */
  private static String stampOf(List<Listed> listed) {
    MessageDigest digest = PartListing.sha256();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      for (Listed each : listed) {
        out.writeInt(each.files().size());
        for (SourceFile file : each.files()) {
          byte[] name = file.name().getBytes(StandardCharsets.UTF_8);
          out.writeInt(file.executable() ? -name.length : name.length);
          out.write(name, 0, name.length);
          out.writeLong(file.stamp().size());
          out.writeLong(file.stamp().modified());
          out.writeInt(file.stamp().inode());
        }
        digest.update(bytes.toByteArray());
        bytes.reset();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return HEX.formatHex(digest.digest());
  }

  /** The parts of these files; none if they are not known. */
  List<Part> parts() throws IOException {
    List<String> lines;
    try {
      lines = Files.readAllLines(file);
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (CharacterCodingException e) {
      return damaged();
    }
    int last = lines.size() - 1;
    if (last < 1 || !checked(lines.subList(0, last)).equals(lines.get(last))) {
      return damaged();
    }
    if (!lines.get(0).equals(stamp)) {
      return List.of();
    }
    List<Part> parts = new ArrayList<>();
    for (String line : lines.subList(1, last)) {
      String[] words = line.split(" ", -1);
      parts.add(
          new Part(
              PartKind.of(words[0]).orElseThrow(),
              words[1],
              Long.parseLong(words[2]),
              Integer.parseInt(words[3])));
    }
    return parts;
  }

  private List<Part> damaged() {
    LOG.warn("The cache {} is damaged: the parts are cut again.", file);
    return List.of();
  }

  /**
   * Keeps the parts of these files.
   *
   * @param readAt nanoseconds since 1970, before the files were listed
   */
  void write(List<Part> parts, long readAt) throws IOException {
    if (!listed.stream()
        .flatMap(each -> each.files().stream())
        .allMatch(each -> each.stamp().settled(readAt))) {
      return;
    }
    List<String> lines = new ArrayList<>();
    lines.add(stamp);
    for (Part part : parts) {
      lines.add(part.kind() + " " + part.hash() + " " + part.bytes() + " " + part.files());
    }
    lines.add(checked(lines));
    CacheFile.write(file, (String.join("\n", lines) + "\n").getBytes(StandardCharsets.UTF_8));
  }

  private static String checked(List<String> lines) {
    return ManifestWriter.sha256(String.join("\n", lines));
  }
}
