package io.lancebackfill.manifest.pack;

import io.lancebackfill.manifest.ManifestException;
import io.lancebackfill.manifest.ManifestFault;
import io.lancebackfill.manifest.ManifestSpec;
import io.lancebackfill.manifest.pack.PackagingProgress.Step;
import io.lancebackfill.manifest.store.PartStore;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Packages what a manifest names into a store: hashes its files, those that changed since the last
 * time, and zips and uploads the parts that the store does not have.
 */
public final class Packager {
  private final PartStore store;
  private final PackagingOptions options;
  private final PackagingListener listener;

  public Packager(PartStore store, PackagingOptions options, PackagingListener listener) {
    this.store = store;
    this.options = options;
    this.listener = listener;
  }

  /**
   * Packages a manifest. When this returns, all its parts are in the store.
   *
   * @throws ManifestException with every path that cannot be packaged
   * @throws IOException if the store or the cache fails
   */
  public PackagedManifest pack(ManifestSpec spec) throws IOException, InterruptedException {
    Path folder = options.folder().toRealPath();
    List<ManifestFault> faults = new ArrayList<>();
    SourceRoots roots = SourceRoots.of(spec, folder, options, faults);
    ManifestSpec.Packages wanted = spec.packages();
    RequirementFiles requirements = new RequirementFiles(wanted, roots.requirements(), faults);
    refuse(faults);
    SessionPython session = SessionPython.of(options.python(), folder);
    ManifestSpec.Target target = target(spec.target(), session);
    SortedMap<String, String> packages = new TreeMap<>();
    if (wanted.any() && roots.skipsSitePackages()) {
      packages.putAll(requirements.wanted(faults));
      refuse(faults);
    } else if (wanted.any()) {
      PipInstaller.Installed installed = install(session, requirements, target, folder);
      packages.putAll(installed.versions());
      roots.addInstalled(installed.folder());
    }
    List<Part> parts;
    try (Workers workers = new Workers(options.limits().threads())) {
      parts = parts(roots, workers);
    }
    return new PackagedManifest(spec.name(), parts, roots.sysPath(), packages, spec.env(), target);
  }

  private static ManifestSpec.Target target(ManifestSpec.Target wanted, SessionPython session) {
    @Nullable String python = wanted.python();
    return new ManifestSpec.Target(
        wanted.image(),
        python == null ? SessionPython.minor(session.version()) : python,
        wanted.platform());
  }

  private PipInstaller.Installed install(
      SessionPython session, RequirementFiles requirements, ManifestSpec.Target target, Path folder)
      throws IOException, InterruptedException {
    StepProgress progress = new StepProgress(listener, Step.INSTALLING, 0, 0);
    PipInstaller.Installed installed =
        new PipInstaller(session, options.cache().toAbsolutePath().resolve("pip"), folder)
            .install(requirements, String.valueOf(target.python()), target.platform());
    progress.expect(installed.versions().size(), 0);
    progress.done(installed.versions().size(), 0);
    progress.finish();
    return installed;
  }

  /** All parts, which are in the store when this returns. */
  private List<Part> parts(SourceRoots roots, Workers workers)
      throws IOException, InterruptedException {
    long readAt = TimeUnit.MILLISECONDS.toNanos(System.currentTimeMillis());
    StepProgress progress = new StepProgress(listener, Step.HASHING, 0, 0);
    List<ManifestFault> faults = new ArrayList<>();
    List<PartCache.Listed> listed = list(roots, workers, progress, faults);
    PartUpload upload = new PartUpload(store, options, listener);
    PartCache cache = new PartCache(hashes(), listed, options.limits());
    List<Part> known = faults.isEmpty() ? cache.parts() : List.of();
    if (!known.isEmpty() && upload.isDone(known, workers)) {
      progress.doneWithAll();
      progress.finish();
      upload.send(List.of(), workers);
      return known;
    }
    List<PartCutter.Cut> cuts = hash(listed, readAt, new FileHasher(workers, progress), faults);
    progress.finish();
    upload.send(cuts, workers);
    List<Part> parts = cuts.stream().map(PartCutter.Cut::part).toList();
    cache.write(parts, readAt);
    return parts;
  }

  private Path hashes() {
    return options.cache().toAbsolutePath().resolve("hashes");
  }

  private static List<PartCache.Listed> list(
      SourceRoots roots, Workers workers, StepProgress progress, List<ManifestFault> faults)
      throws IOException, InterruptedException {
    List<PartCache.Listed> listed = new ArrayList<>();
    for (SourceRoot root : roots.all()) {
      List<SourceFile> files = SourceWalk.files(root, roots.leftOut(), workers, faults);
      progress.expect(files.size(), files.stream().mapToLong(file -> file.stamp().size()).sum());
      listed.add(new PartCache.Listed(root, files));
    }
    return listed;
  }

  private List<PartCutter.Cut> hash(
      List<PartCache.Listed> listed, long readAt, FileHasher hasher, List<ManifestFault> faults)
      throws IOException, InterruptedException {
    SortedMap<PartKind, List<HashedFile>> byKind = new TreeMap<>();
    for (PartCache.Listed each : listed) {
      SourceRoot root = each.root();
      HashCache cache = HashCache.of(hashes(), root);
      List<HashedFile> hashed = hasher.hash(root, each.files(), cache, faults);
      cache.write(hashed, readAt);
      byKind.computeIfAbsent(root.kind(), kind -> new ArrayList<>()).addAll(hashed);
    }
    refuse(faults);
    List<PartCutter.Cut> cuts = new ArrayList<>();
    byKind.forEach((kind, files) -> cuts.addAll(PartCutter.cut(kind, files, options.limits())));
    cuts.sort(Comparator.comparing(cut -> cut.part().hash()));
    return cuts;
  }

  private static void refuse(List<ManifestFault> faults) {
    if (!faults.isEmpty()) {
      throw new ManifestException(faults);
    }
  }
}
