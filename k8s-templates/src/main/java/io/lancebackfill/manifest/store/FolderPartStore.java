package io.lancebackfill.manifest.store;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import java.util.regex.Pattern;

/**
 * Parts in a folder that all machines see: {@code <hash>.zip}. An upload is written to {@code
 * incoming/} beside them and renamed when it is whole and on the disk; what a killed process leaves
 * there is deleted by a later upload, a day after.
 */
public final class FolderPartStore implements PartStore {
  private static final Pattern HASH = Pattern.compile("[0-9a-f]{64}");
  private static final Duration ABANDONED = Duration.ofDays(1);
  private static final int BUFFER = 1 << 16;

  private final Path folder;
  private final Path incoming;

  /**
   * A store in a folder, which is made with the first upload.
   *
   * @param folder absolute, or relative to the working folder of this process
   */
  public FolderPartStore(Path folder) {
    this.folder = folder.toAbsolutePath();
    this.incoming = this.folder.resolve("incoming");
  }

  @Override
  public boolean exists(String hash) {
    return Files.isRegularFile(part(hash));
  }

  @Override
  public void put(String hash, InputStream zip, long length) throws IOException {
    Path part = part(hash);
    Files.createDirectories(incoming);
    deleteAbandoned();
    Path upload = incoming.resolve(hash + "." + UUID.randomUUID());
    try {
      long written = write(zip, upload);
      if (written != length) {
        throw new IOException(
            "Part "
                + hash
                + " was to have "
                + length
                + " bytes and had "
                + written
                + ". Nothing was stored; package the manifest again.");
      }
      Files.move(upload, part, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(upload);
    }
  }

  private static long write(InputStream zip, Path upload) throws IOException {
    byte[] buffer = new byte[BUFFER];
    long written = 0;
    try (FileChannel channel =
        FileChannel.open(upload, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      for (int read = zip.read(buffer); read >= 0; read = zip.read(buffer)) {
        ByteBuffer rest = ByteBuffer.wrap(buffer, 0, read);
        while (rest.hasRemaining()) {
          written += channel.write(rest);
        }
      }
      channel.force(true);
    }
    return written;
  }

  private void deleteAbandoned() throws IOException {
    Instant limit = Instant.now().minus(ABANDONED);
    try (DirectoryStream<Path> uploads = Files.newDirectoryStream(incoming)) {
      for (Path upload : uploads) {
        if (changedBefore(upload, limit)) {
          Files.deleteIfExists(upload);
        }
      }
    }
  }

  private static boolean changedBefore(Path upload, Instant limit) throws IOException {
    try {
      return Files.getLastModifiedTime(upload).toInstant().isBefore(limit);
    } catch (NoSuchFileException e) {
      // Another process has just finished it.
      return false;
    }
  }

  @Override
  public void fetch(String hash, Path target) throws IOException {
    Path part = part(hash);
    if (!Files.isRegularFile(part)) {
      throw new NoSuchFileException(
          part.toString(),
          null,
          "the part is not in the store. Package the manifest again; it uploads what is missing");
    }
    Files.copy(part, target);
  }

  private Path part(String hash) {
    if (!HASH.matcher(hash).matches()) {
      throw new IllegalArgumentException(
          "'" + hash + "' is no hash of a part. It has 64 hexadecimal digits.");
    }
    return folder.resolve(hash + ".zip");
  }

  @Override
  public String toString() {
    return "FolderPartStore[" + folder + "]";
  }
}
