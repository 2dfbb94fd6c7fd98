package io.lancebackfill.datasource.store;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.lance.Dataset;
import org.lance.Fragment;
import org.lance.fragment.DataFile;

/** What can be known of a dataset's files without Lance, where they lie on a local file system. */
public final class LocalPaths {
  /** Two letters at least, so that a Windows drive is no scheme. */
  private static final Pattern SCHEME = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]+://?.*");

  private LocalPaths() {}

  /** The folder of a dataset that lies on a local file system; empty for an object store. */
  public static Optional<Path> folder(DatasetRef ref) {
    String uri = ref.uri();
    if (!SCHEME.matcher(uri).matches()) {
      return Optional.of(Path.of(uri));
    }
    if (!uri.startsWith("file:/")) {
      return Optional.empty();
    }
    // Lance takes the text after file:// as it is; only Java's form needs a valid URI.
    String path = uri.substring("file:".length()).replaceFirst("^/{2,}", "/");
    return Optional.of(
        uri.indexOf('%') >= 0 ? Path.of(URI.create("file://" + path)) : Path.of(path));
  }

  /**
   * Refuses data files that are missing or not as long as the manifest says. Reading an empty Lance
   * file aborts the whole JVM, so this must come before the first read. Object stores put files
   * whole or not at all, and are not asked.
   *
   * @throws DatasetException CORRUPT
   */
  static void requireWholeFiles(DatasetRef ref, Dataset dataset) {
    Optional<Path> folder = folder(ref);
    if (folder.isEmpty()) {
      return;
    }
    for (Fragment fragment : dataset.getFragments()) {
      for (DataFile file : fragment.metadata().getFiles()) {
        if (file.getBaseId().isEmpty()) {
          requireWhole(ref, folder.get().resolve("data").resolve(file.getPath()), file);
        }
      }
    }
  }

  private static void requireWhole(DatasetRef ref, Path path, DataFile file) {
    long bytes;
    try {
      bytes = Files.size(path);
    } catch (NoSuchFileException e) {
      throw corrupt(ref, "its data file " + file.getPath() + " is missing", e);
    } catch (IOException e) {
      throw LanceErrorClassifier.classify("look at the data file " + path + " of", ref, e);
    }
    Long expected = file.getFileSizeBytes();
    if (bytes == 0 || (expected != null && expected > 0 && expected != bytes)) {
      throw corrupt(
          ref,
          "its data file "
              + file.getPath()
              + " has "
              + bytes
              + " bytes"
              + (expected == null ? "" : " where the manifest says " + expected),
          null);
    }
  }

  static DatasetException corrupt(DatasetRef ref, String problem, @Nullable Throwable cause) {
    return new DatasetException(
        Kind.CORRUPT,
        ref,
        "The state kept in "
            + ref.display()
            + " cannot be read: "
            + problem
            + ". It was cut off by a crash or changed by something else.",
        cause);
  }
}
