package io.lancebackfill.manifest.install;

import io.lancebackfill.manifest.pack.Part;
import io.lancebackfill.manifest.pack.PartListing;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.util.Enumeration;
import java.util.regex.Pattern;
import org.apache.commons.compress.archivers.zip.ZipArchiveEntry;
import org.apache.commons.compress.archivers.zip.ZipFile;

/**
 * Unpacks the zip of one part, and holds it to the part's hash, count and size: what was damaged,
 * or made by somebody else, is refused before it is used.
 */
final class PartUnpacker {
  /** {@code a/b/c}, without empty names, {@code .}, {@code ..}, drives or backslashes. */
  private static final Pattern NAME =
      Pattern.compile("(?!(.*/)?\\.{1,2}(/|$))[^/\\\\\\x00:][^/\\\\\\x00]*(/[^/\\\\\\x00]+)*");

  private static final int OWNER_EXECUTES = 0100;
  private static final int BUFFER = 1 << 16;

  private final Part part;
  private final Path target;
  private final byte[] buffer = new byte[BUFFER];
  private final PartListing listing = new PartListing();
  private long bytes;
  private int files;

  private PartUnpacker(Part part, Path target) {
    this.part = part;
    this.target = target;
  }

  /**
   * Unpacks.
   *
   * @param target an empty folder; what is left in it after an exception is of no use
   * @throws IOException if the zip is not that of the part
   */
  static void unpack(Path file, Part part, Path target) throws IOException {
    PartUnpacker unpacker = new PartUnpacker(part, target);
    try (ZipFile zip = new ZipFile(file)) {
      Enumeration<ZipArchiveEntry> entries = zip.getEntries();
      while (entries.hasMoreElements()) {
        ZipArchiveEntry entry = entries.nextElement();
        try (InputStream in = zip.getInputStream(entry)) {
          unpacker.add(entry, in);
        }
      }
    }
    if (unpacker.files != part.files() || !unpacker.listing.hash().equals(part.hash())) {
      throw unpacker.refused("its files are not those that were packaged");
    }
  }

  private void add(ZipArchiveEntry entry, InputStream in) throws IOException {
    Path file = checked(entry);
    files++;
    MessageDigest digest = PartListing.sha256();
    Files.createDirectories(file.getParent());
    try (OutputStream out =
        Files.newOutputStream(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        bytes += read;
        if (bytes > part.bytes()) {
          throw refused("it unpacks to more than its " + part.bytes() + " bytes");
        }
        digest.update(buffer, 0, read);
        out.write(buffer, 0, read);
      }
    }
    boolean executable = (entry.getUnixMode() & OWNER_EXECUTES) != 0;
    if (file.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      // Trees of several manifests share the file: nobody may write into it.
      Files.setPosixFilePermissions(
          file, PosixFilePermissions.fromString(executable ? "r-xr-xr-x" : "r--r--r--"));
    }
    listing.add(entry.getName(), executable, digest.digest());
  }

  private Path checked(ZipArchiveEntry entry) throws IOException {
    String name = entry.getName();
    if (entry.isDirectory() || entry.isUnixSymlink() || !NAME.matcher(name).matches()) {
      throw refused("'" + name + "' in it is no plain file below its folder");
    }
    try {
      Path file = target.resolve(name).normalize();
      if (file.startsWith(target) && !file.equals(target)) {
        return file;
      }
    } catch (InvalidPathException e) {
      throw new IOException("This machine takes no file named '" + name + "'", e);
    }
    throw refused("'" + name + "' in it leads out of its folder");
  }

  private IOException refused(String problem) {
    return new IOException(
        "The zip of part "
            + part.hash()
            + " is damaged or forged: "
            + problem
            + ". Delete it from the store and package the manifest again.");
  }
}
