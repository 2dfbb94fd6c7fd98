package io.lancebackfill.datasource.table;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;

/** Addresses on a local file system, where files can be looked at one by one. */
public final class LocalFiles {
  private LocalFiles() {}

  public static boolean isLocal(DatasetRef ref) {
    return ref.uri().startsWith("file:") || !ref.uri().contains("://");
  }

  public static Path path(DatasetRef ref) {
    return ref.uri().startsWith("file:") ? Path.of(URI.create(ref.uri())) : Path.of(ref.uri());
  }

  /** Bytes of a file; -1 if there is none. */
  public static long size(DatasetRef ref) {
    Path path = path(ref);
    try {
      return Files.exists(path) ? Files.size(path) : -1;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
