package io.lancebackfill.manifest.pack;

import io.lancebackfill.manifest.ManifestWriter;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The hashes of one root's files as of the last packaging, in a file: an unchanged file (size, time
 * of its last change, inode) is not read again.
 */
final class HashCache {
  private static final Logger LOG = LoggerFactory.getLogger(HashCache.class);
  private static final int FORMAT = 0x4c424801;
  private static final int HASH_BYTES = 32;

  private record Entry(SourceFile.Stamp stamp, byte[] hash) {}

  private final Path file;

  /** By the name below the root. */
  private final Map<String, Entry> entries;

  private final int prefix;

  /** Files that were asked for and are not known as they are now. */
  private int misses;

  private HashCache(Path file, SourceRoot root, Map<String, Entry> entries) {
    this.file = file;
    this.prefix = root.prefix().length();
    this.entries = entries;
  }

  /** Reads the cache of a root. One that is damaged is empty, and is written anew. */
  static HashCache of(Path folder, SourceRoot root) throws IOException {
    Path file = folder.resolve(ManifestWriter.sha256(root.path().toString()) + ".hashes");
    if (!Files.exists(file)) {
      return new HashCache(file, root, new HashMap<>());
    }
    try {
      return new HashCache(file, root, read(Files.readAllBytes(file)));
    } catch (BufferUnderflowException | IllegalArgumentException e) {
      LOG.warn(
          "The hash cache {} is damaged: all files of {} are hashed again.", file, root.path(), e);
      return new HashCache(file, root, new HashMap<>());
    }
  }

  private static Map<String, Entry> read(byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes);
    int content = bytes.length - Long.BYTES;
    if (content < 2 * Integer.BYTES
        || in.getInt() != FORMAT
        || ByteBuffer.wrap(bytes, content, Long.BYTES).getLong() != crc(bytes, content)) {
      throw new IllegalArgumentException("another format, or a wrong check sum");
    }
    int count = in.getInt();
    Map<String, Entry> entries = new HashMap<>(count * 2);
    for (int at = 0; at < count; at++) {
      String name = text(in);
      SourceFile.Stamp stamp = new SourceFile.Stamp(in.getLong(), in.getLong(), in.getInt());
      byte[] hash = new byte[HASH_BYTES];
      in.get(hash);
      entries.put(name, new Entry(stamp, hash));
    }
    return entries;
  }

  private static String text(ByteBuffer in) {
    int length = in.getInt();
    String text =
        new String(in.array(), in.arrayOffset() + in.position(), length, StandardCharsets.UTF_8);
    in.position(in.position() + length);
    return text;
  }

  private static long crc(byte[] bytes, int length) {
    CRC32 crc = new CRC32();
    crc.update(bytes, 0, length);
    return crc.getValue();
  }

  /** The hash of a file that has not changed since it was last read, or null. For one thread. */
  byte @Nullable [] hash(SourceFile source) {
    Entry entry = entries.get(source.name().substring(prefix));
    if (entry != null && entry.stamp().same(source.stamp())) {
      return entry.hash();
    }
    misses++;
    return null;
  }

  /**
   * Keeps the hashes of files, and forgets all others.
   *
   * @param files all files of the root
   * @param readAt nanoseconds since 1970, before the first of them was read
   */
  void write(List<HashedFile> files, long readAt) throws IOException {
    if (misses == 0 && files.size() == entries.size()) {
      return;
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    List<HashedFile> settled =
        files.stream().filter(each -> each.source().stamp().settled(readAt)).toList();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeInt(FORMAT);
      out.writeInt(settled.size());
      for (HashedFile each : settled) {
        text(out, each.source().name().substring(prefix));
        out.writeLong(each.source().stamp().size());
        out.writeLong(each.source().stamp().modified());
        out.writeInt(each.source().stamp().inode());
        out.write(each.hash());
      }
      out.writeLong(crc(bytes.toByteArray(), bytes.size()));
    }
    CacheFile.write(file, bytes.toByteArray());
  }

  private static void text(DataOutputStream out, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    out.writeInt(bytes.length);
    out.write(bytes);
  }
}
