package io.lancebackfill.manifest.pack;

import io.lancebackfill.manifest.ManifestFault;
import io.lancebackfill.manifest.ManifestSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The folders and files that a manifest names, found on this machine. */
final class SourceRoots {
  private static final String MODULES = "modules";
  private static final String INSTALLED = "site-packages";

  private final Path folder;
  private final boolean skipSitePackages;
  private final List<ManifestFault> faults;
  private final List<SourceRoot> all = new ArrayList<>();
  private final List<String> sysPath = new ArrayList<>();
  private final Set<Path> leftOut = new HashSet<>();
  private @Nullable Path requirements;

  private SourceRoots(Path folder, boolean skipSitePackages, List<ManifestFault> faults) {
    this.folder = folder;
    this.skipSitePackages = skipSitePackages;
    this.faults = faults;
  }

  /**
   * Finds them.
   *
   * @param folder where relative paths begin
   * @param faults what is missing, or of the wrong kind, is added here
   */
  static SourceRoots of(
      ManifestSpec spec, Path folder, PackagingOptions options, List<ManifestFault> faults)
      throws IOException {
    boolean skip = options.skipSitePackages() || spec.packages().skipSitePackages();
    SourceRoots roots = new SourceRoots(folder, skip, faults);
    roots.leaveOut(options.cache());
    if (options.localZipOutputDir() != null) {
      roots.leaveOut(options.localZipOutputDir());
    }
    List<String> paths = spec.code().paths();
    for (int at = 0; at < paths.size(); at++) {
      roots.path("paths[" + at + "]", paths.get(at), "path-" + at);
    }
    List<String> modules = spec.code().pyModules();
    for (int at = 0; at < modules.size(); at++) {
      roots.module("py_modules[" + at + "]", modules.get(at));
    }
    if (spec.packages().requirements() != null) {
      roots.requirements = roots.found("requirements", spec.packages().requirements());
    }
    return roots;
  }

  private void leaveOut(Path made) throws IOException {
    Path absolute = made.toAbsolutePath();
    leftOut.add(Files.exists(absolute) ? absolute.toRealPath() : absolute.normalize());
  }

  private void path(String place, String text, String prefix) {
    Path path = found(place, text);
    if (path == null) {
      return;
    }
    if (!Files.isDirectory(path)) {
      fault(place, path + " is no folder. List files in py_modules.");
      return;
    }
    if (Path.of(System.getProperty("user.home")).toAbsolutePath().startsWith(path)) {
      fault(
          place,
          path
              + " is a home folder, or has one in it: more than code, and what no worker may see. Name the folder of the code.");
      return;
    }
    String last = String.valueOf(path.getFileName());
    boolean packages = last.equals("site-packages") || last.equals("dist-packages");
    if (packages && skipSitePackages) {
      return;
    }
    sysPath.add(prefix);
    all.add(new SourceRoot(place, path, prefix, packages ? PartKind.SITE_PACKAGES : kind(path)));
  }

  private void module(String place, String text) {
    Path path = found(place, text);
    if (path == null) {
      return;
    }
    String name = String.valueOf(Path.of(text).normalize().getFileName());
    boolean file = name.endsWith(".py") || name.endsWith(".so");
    if (file != Files.isRegularFile(path)) {
      fault(
          place,
          path
              + (file ? " is no file" : " is neither a folder nor a .py or .so file")
              + ". List a package's folder, or a .py or .so file.");
      return;
    }
    if (!sysPath.contains(MODULES)) {
      sysPath.add(MODULES);
    }
    all.add(new SourceRoot(place, path, MODULES + "/" + name, kind(path)));
  }

  private PartKind kind(Path path) {
    return path.startsWith(folder) ? PartKind.WORKSPACE : PartKind.OTHER;
  }

  private @Nullable Path found(String place, String text) {
    Path path =
        text.equals("~") || text.startsWith("~/")
            ? Path.of(System.getProperty("user.home"), text.substring(1))
            : folder.resolve(text);
    if (!Files.exists(path)) {
      fault(place, path + " does not exist. Mend the path; it begins at " + folder + ".");
      return null;
    }
    try {
      return path.toRealPath();
    } catch (IOException e) {
      fault(place, path + " " + SourceWalk.reason(e));
      return null;
    }
  }

  private void fault(String place, String problem) {
    faults.add(new ManifestFault(place, problem));
  }

  void addInstalled(Path packages) {
    sysPath.add(INSTALLED);
    all.add(new SourceRoot("pip", packages, INSTALLED, PartKind.SITE_PACKAGES));
  }

  List<SourceRoot> all() {
    return all;
  }

  List<String> sysPath() {
    return sysPath;
  }

  /** Folders that packaging itself writes to. */
  Set<Path> leftOut() {
    return leftOut;
  }

  @Nullable Path requirements() {
    return requirements;
  }

  boolean skipsSitePackages() {
    return skipSitePackages;
  }
}
