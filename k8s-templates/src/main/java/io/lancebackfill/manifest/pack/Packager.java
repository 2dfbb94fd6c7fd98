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
    List<PartCutter.Cut> cuts;
    try (Workers workers = new Workers(options.limits().threads())) {
      cuts = hash(roots, workers);
      new PartUpload(store, options, listener).send(cuts, workers);
    }
    return new PackagedManifest(
        spec.name(),
        cuts.stream().map(PartCutter.Cut::part).toList(),
        roots.sysPath(),
        packages,
        spec.env(),
        target);
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

  private List<PartCutter.Cut> hash(SourceRoots roots, Workers workers)
      throws IOException, InterruptedException {
    List<ManifestFault> faults = new ArrayList<>();
    StepProgress progress = new StepProgress(listener, Step.HASHING, 0, 0);
    FileHasher hasher = new FileHasher(workers, progress);
    Path hashes = options.cache().toAbsolutePath().resolve("hashes");
    SortedMap<PartKind, List<HashedFile>> byKind = new TreeMap<>();
    for (SourceRoot root : roots.all()) {
      long readAt = TimeUnit.MILLISECONDS.toNanos(System.currentTimeMillis());
      Workers.Result<HashCache> reading = workers.start(() -> HashCache.of(hashes, root));
      List<SourceFile> files = SourceWalk.files(root, roots.leftOut(), workers, faults);
      HashCache cache = reading.get();
      progress.expect(files.size(), files.stream().mapToLong(file -> file.stamp().size()).sum());
      List<HashedFile> hashed = hasher.hash(root, files, cache, faults);
      cache.write(hashed, readAt);
      byKind.computeIfAbsent(root.kind(), kind -> new ArrayList<>()).addAll(hashed);
    }
    progress.finish();
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
