package io.lancebackfill.python;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.JarURLConnection;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import org.apache.spark.SparkEnv;
import org.apache.spark.util.ShutdownHookManager;
import org.apache.spark.util.Utils;
import org.jspecify.annotations.Nullable;

/**
 * What the Python workers of this process read from local disk: our package, and the pickled
 * functions by their hashes. Written once, and gone with the process.
 */
final class PythonFiles {
  private static final String PACKAGE = "lance_backfill";

  private static @Nullable Path folder;

  private PythonFiles() {}

  /** The folder for PYTHONPATH that holds our package. */
  static synchronized Path packages() {
    Path made = folder;
    if (made == null) {
      try {
        // Not readable by other users: a function may hold what its author knows.
        made =
            Files.createTempDirectory(
                Path.of(Utils.getLocalDir(SparkEnv.get().conf())), "lance-backfill-python");
        ShutdownHookManager.registerShutdownDeleteDir(made.toFile());
        unpack(made);
        folder = made;
      } catch (IOException e) {
        throw new UncheckedIOException("The Python package cannot be written to local disk.", e);
      }
    }
    return made;
  }

  /**
   * The file of a pickled function.
   *
   * @param body is asked for it if this process has not met it yet
   */
  static synchronized Path function(String hash, Supplier<byte[]> body) {
    Path file = packages().resolve(hash + ".pickle");
    if (!Files.exists(file)) {
      try {
        Path part = packages().resolve(hash + ".part");
        Files.write(part, body.get());
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
      } catch (IOException e) {
        throw new UncheckedIOException("A function cannot be written to local disk.", e);
      }
    }
    return file;
  }

  private static void unpack(Path to) throws IOException {
    URL home =
        Objects.requireNonNull(
            PythonFiles.class.getClassLoader().getResource(PACKAGE + "/__init__.py"),
            PACKAGE + " is missing from the jar");
    URLConnection connection = home.openConnection();
    if (connection instanceof JarURLConnection jar) {
      List<? extends ZipEntry> entries =
          jar.getJarFile().stream()
              .filter(entry -> entry.getName().startsWith(PACKAGE + "/") && !entry.isDirectory())
              .toList();
      for (ZipEntry entry : entries) {
        try (InputStream content = jar.getJarFile().getInputStream(entry)) {
          copy(content, to.resolve(entry.getName()));
        }
      }
      return;
    }
    Path source = folderOf(home);
    try (Stream<Path> files = Files.walk(source)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        try (InputStream content = Files.newInputStream(file)) {
          copy(content, to.resolve(PACKAGE).resolve(source.relativize(file).toString()));
        }
      }
    }
  }

  private static Path folderOf(URL home) throws IOException {
    try {
      return Objects.requireNonNull(Path.of(new URI(home.toString())).getParent());
    } catch (URISyntaxException e) {
      throw new IOException(e);
    }
  }

  private static void copy(InputStream content, Path to) throws IOException {
    Files.createDirectories(to.getParent());
    Files.copy(content, to, StandardCopyOption.REPLACE_EXISTING);
  }
}
