package io.lancebackfill.manifest.pack;

import io.lancebackfill.manifest.ManifestException;
import io.lancebackfill.manifest.ManifestFault;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.time.LocalDateTime;
import java.util.List;
import java.util.UUID;
import org.apache.commons.compress.archivers.zip.ZipArchiveEntry;
import org.apache.commons.compress.archivers.zip.ZipArchiveOutputStream;

/**
 * Writes a part's zip: files sorted by name, one time for all, modes 644 and 755, one level of
 * compression. The same files give the same bytes on every machine whose zlib is the same.
 */
final class PartZip {
  /** Zips have local times without a zone; noon, as some zones have no midnight on some days. */
  private static final LocalDateTime TIME = LocalDateTime.of(1980, 1, 2, 12, 0);

  private static final int LEVEL = 1;
  private static final int BUFFER = 1 << 16;
  private static final int EXECUTABLE = 0100755;
  private static final int PLAIN = 0100644;

  private PartZip() {}

  /**
   * Writes a zip, which appears when it is whole.
   *
   * @throws ManifestException if a file is no longer what was hashed
   */
  static void write(Path target, List<HashedFile> files, StepProgress progress) throws IOException {
    Path writing = target.resolveSibling(target.getFileName() + "." + UUID.randomUUID());
    try {
      try (ZipArchiveOutputStream zip = new ZipArchiveOutputStream(writing)) {
        zip.setLevel(LEVEL);
        byte[] buffer = new byte[BUFFER];
        for (HashedFile file : files) {
          add(zip, file, buffer);
          progress.done(1, file.source().stamp().size());
          if (Thread.currentThread().isInterrupted()) {
            throw new IOException("Packaging was stopped.");
          }
        }
      }
      Files.move(writing, target, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(writing);
    }
  }

  private static void add(ZipArchiveOutputStream zip, HashedFile file, byte[] buffer)
      throws IOException {
    SourceFile source = file.source();
    ZipArchiveEntry entry = new ZipArchiveEntry(source.name());
    entry.setTimeLocal(TIME);
    entry.setUnixMode(source.executable() ? EXECUTABLE : PLAIN);
    entry.setSize(source.stamp().size());
    MessageDigest digest = PartListing.sha256();
    zip.putArchiveEntry(entry);
    long length = 0;
    try (InputStream in = Files.newInputStream(source.file())) {
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        digest.update(buffer, 0, read);
        zip.write(buffer, 0, read);
        length += read;
      }
    }
    if (length != source.stamp().size() || !MessageDigest.isEqual(digest.digest(), file.hash())) {
      throw new ManifestException(
          List.of(
              new ManifestFault(
                  source.file().toString(),
                  "changed between hashing and zipping. Package again when nothing writes there.")));
    }
    zip.closeArchiveEntry();
  }
}
