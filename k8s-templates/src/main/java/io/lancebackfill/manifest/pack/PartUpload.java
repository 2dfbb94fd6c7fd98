package io.lancebackfill.manifest.pack;

import io.lancebackfill.manifest.pack.PackagingProgress.Step;
import io.lancebackfill.manifest.store.PartStore;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;

/** Zips and uploads the parts that are missing, several at once. */
final class PartUpload {
  private static final Duration ABANDONED = Duration.ofDays(1);

  private record Missing(PartCutter.Cut cut, boolean stored) {}

  private final PartStore store;
  private final PackagingOptions options;
  private final PackagingListener listener;

  PartUpload(PartStore store, PackagingOptions options, PackagingListener listener) {
    this.store = store;
    this.options = options;
    this.listener = listener;
  }

  /** Whether {@link #send} has nothing to do for these parts. */
  boolean isDone(List<Part> parts, Workers workers) throws IOException, InterruptedException {
    return parts.stream().allMatch(this::isZippedAsAsked)
        && stored(parts, workers).stream().allMatch(Boolean::booleanValue);
  }

  private boolean isZippedAsAsked(Part part) {
    @Nullable Path output = options.localZipOutputDir();
    return output == null || options.deleteLocalZips() || Files.exists(output.resolve(name(part)));
  }

  private List<Boolean> stored(List<Part> parts, Workers workers)
      throws IOException, InterruptedException {
    List<Callable<Boolean>> questions = new ArrayList<>();
    parts.forEach(part -> questions.add(() -> store.exists(part.hash())));
    return workers.all(questions);
  }

  void send(List<PartCutter.Cut> cuts, Workers workers) throws IOException, InterruptedException {
    List<Boolean> stored = stored(cuts.stream().map(PartCutter.Cut::part).toList(), workers);
    List<Missing> missing = new ArrayList<>();
    for (int at = 0; at < cuts.size(); at++) {
      PartCutter.Cut cut = cuts.get(at);
      if (!stored.get(at) || !isZippedAsAsked(cut.part())) {
        missing.add(new Missing(cut, stored.get(at)));
      }
    }
    @Nullable Path output = options.localZipOutputDir();
    Path folder = output == null ? temporaryFolder() : output.toAbsolutePath();
    try {
      Files.createDirectories(folder);
      send(missing, folder, workers);
    } finally {
      if (output == null) {
        SourceTrees.delete(folder);
      }
    }
  }

  private void send(List<Missing> missing, Path folder, Workers workers)
      throws IOException, InterruptedException {
    StepProgress zipping =
        new StepProgress(
            listener,
            Step.ZIPPING,
            missing.stream().mapToLong(each -> each.cut().part().files()).sum(),
            missing.stream().mapToLong(each -> each.cut().part().bytes()).sum());
    StepProgress uploading = new StepProgress(listener, Step.UPLOADING, 0, 0);
    List<Callable<Part>> tasks = new ArrayList<>();
    missing.forEach(each -> tasks.add(() -> send(each, folder, zipping, uploading)));
    workers.all(tasks);
    zipping.finish();
    uploading.finish();
  }

  private Part send(Missing missing, Path folder, StepProgress zipping, StepProgress uploading)
      throws IOException {
    Part part = missing.cut().part();
    Path zip = folder.resolve(name(part));
    if (Files.exists(zip)) {
      zipping.done(part.files(), part.bytes());
    } else {
      PartZip.write(zip, missing.cut().files(), zipping);
    }
    if (!missing.stored()) {
      long length = Files.size(zip);
      uploading.expect(part.files(), length);
      try (InputStream in = uploading.counting(Files.newInputStream(zip))) {
        store.put(part.hash(), in, length);
      }
      uploading.done(part.files(), 0);
    }
    if (options.localZipOutputDir() == null || options.deleteLocalZips()) {
      Files.delete(zip);
    }
    return part;
  }

  private static String name(Part part) {
    return part.kind() + "-" + part.hash() + ".zip";
  }

  private Path temporaryFolder() throws IOException {
    Path zips = Files.createDirectories(options.cache().toAbsolutePath().resolve("zips"));
    Instant limit = Instant.now().minus(ABANDONED);
    try (DirectoryStream<Path> left = Files.newDirectoryStream(zips)) {
      for (Path folder : left) {
        if (Files.getLastModifiedTime(folder).toInstant().isBefore(limit)) {
          SourceTrees.delete(folder);
        }
      }
    }
    return Files.createTempDirectory(zips, "packaging");
  }
}
