package io.lancebackfill.manifest.install;

import io.lancebackfill.manifest.ManifestException;
import io.lancebackfill.manifest.install.ManifestMismatchException.Difference;
import io.lancebackfill.manifest.pack.PackagedManifest;
import io.lancebackfill.manifest.pack.Part;
import io.lancebackfill.manifest.pack.SourceTrees;
import io.lancebackfill.manifest.store.PartStore;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.UUID;

/**
 * A packaged manifest on a worker's machine. Each part is fetched and unpacked once per machine,
 * and each set of parts is put together once, of hard links; both are kept under their hashes in
 * the cache folder, which any number of processes may share and any of them may die in.
 */
public final class InstalledManifest {
  private static final String WRITING = ".writing-";

  private final PackagedManifest manifest;
  private final Path tree;

  private InstalledManifest(PackagedManifest manifest, Path tree) {
    this.manifest = manifest;
    this.tree = tree;
  }

  /**
   * Installs a manifest, or finds it installed.
   *
   * @param cache a folder of this machine; one file system, which the parts and trees share
   * @throws IOException if a part is missing, damaged or forged, or if the cache cannot be written
   */
  public static InstalledManifest install(PackagedManifest manifest, PartStore store, Path cache)
      throws IOException {
    Path root = Files.createDirectories(cache.toAbsolutePath());
    Path parts = Files.createDirectories(root.resolve("parts"));
    Path trees = Files.createDirectories(root.resolve("trees"));
    Path tree = trees.resolve(manifest.filesHash());
    if (!Files.isDirectory(tree)) {
      for (Part part : manifest.parts()) {
        once(parts, part.hash(), target -> unpack(store, part, target));
      }
      once(trees, manifest.filesHash(), target -> assemble(manifest, parts, target));
    }
    return new InstalledManifest(manifest, tree);
  }

  @FunctionalInterface
  private interface Filling {
    void fill(Path folder) throws IOException;
  }

  /** Fills a folder, which appears when it is whole. */
  private static void once(Path around, String name, Filling filling) throws IOException {
    Path made = around.resolve(name);
    if (Files.isDirectory(made)) {
      return;
    }
    try (MachineLock held = MachineLock.of(around.resolve(name + ".lock"))) {
      if (Files.isDirectory(made)) {
        return;
      }
      // Whoever left it there is dead: it held this lock.
      try (DirectoryStream<Path> left = Files.newDirectoryStream(around, name + WRITING + "*")) {
        for (Path abandoned : left) {
          SourceTrees.delete(abandoned);
        }
      }
      Path writing = Files.createDirectory(around.resolve(name + WRITING + UUID.randomUUID()));
      try {
        filling.fill(writing);
        Files.move(writing, made, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        SourceTrees.delete(writing);
      }
    }
  }

  private static void unpack(PartStore store, Part part, Path target) throws IOException {
    Path zip = target.resolveSibling(target.getFileName() + ".zip");
    try {
      store.fetch(part.hash(), zip);
      PartUnpacker.unpack(zip, part, target);
    } finally {
      Files.deleteIfExists(zip);
    }
  }

  private static void assemble(PackagedManifest manifest, Path parts, Path target)
      throws IOException {
    for (String entry : manifest.sysPath()) {
      Files.createDirectories(target.resolve(entry));
    }
    for (Part part : manifest.parts()) {
      Path from = parts.resolve(part.hash());
      Files.walkFileTree(
          from,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes)
                throws IOException {
              Files.createDirectories(target.resolve(from.relativize(folder)));
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                throws IOException {
              link(target.resolve(from.relativize(file)), file);
              return FileVisitResult.CONTINUE;
            }
          });
    }
  }

  private static void link(Path link, Path file) throws IOException {
    try {
      Files.createLink(link, file);
    } catch (UnsupportedOperationException e) {
      Files.copy(file, link, StandardCopyOption.COPY_ATTRIBUTES);
    }
  }

  /** The folder with the files of all parts. */
  public Path tree() {
    return tree;
  }

  /** What goes before the worker's own {@code sys.path}, in order. */
  public List<Path> sysPath() {
    return manifest.sysPath().stream().map(tree::resolve).toList();
  }

  /** Environment variables; the secret ones come from the cluster. */
  public SortedMap<String, String> envVars() {
    return manifest.env().vars();
  }

  /**
   * Compares this worker with what the manifest was packaged for.
   *
   * @param python the worker's executable
   * @throws ManifestMismatchException with every difference
   * @throws ManifestException if the worker's Python does not work at all
   */
  public void check(String python) throws IOException, InterruptedException {
    WorkerPython worker = WorkerPython.of(python, tree, sysPath());
    List<Difference> differences = new ArrayList<>();
    String wanted = String.valueOf(manifest.target().python());
    if (!worker.version().equals(wanted) && !worker.version().startsWith(wanted + ".")) {
      differences.add(new Difference("python", wanted, worker.version()));
    }
    if (!worker.platform().equals(manifest.target().platform())) {
      differences.add(
          new Difference("architecture", manifest.target().platform(), worker.platform()));
    }
    manifest
        .packages()
        .forEach(
            (name, version) -> {
              String found = worker.packages().get(name);
              if (found == null) {
                differences.add(
                    new Difference(name, version.isEmpty() ? "any version" : version, "none"));
              } else if (!matches(version, found)) {
                differences.add(new Difference(name, version, found));
              }
            });
    if (!differences.isEmpty()) {
      throw new ManifestMismatchException(manifest.name(), python, differences);
    }
  }

  /** As PEP 440 has it, {@code 2.3.0} is also {@code 2.3.0+cu121}. */
  private static boolean matches(String wanted, String found) {
    return wanted.isEmpty() || found.equals(wanted) || found.startsWith(wanted + "+");
  }
}
