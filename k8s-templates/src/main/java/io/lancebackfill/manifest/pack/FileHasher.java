package io.lancebackfill.manifest.pack;

import io.lancebackfill.manifest.ManifestFault;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;

/** Hashes the files of one root: those that its cache does not know, in parallel. */
final class FileHasher {
  private static final int ATTEMPTS = 3;
  private static final int BUFFER = 1 << 16;

  /** Files that a thread takes at once. */
  private static final int BATCH = 64;

  private record Hashed(@Nullable HashedFile file, @Nullable ManifestFault fault) {}

  private final Workers workers;
  private final StepProgress progress;

  FileHasher(Workers workers, StepProgress progress) {
    this.workers = workers;
    this.progress = progress;
  }

  /**
   * The files with their hashes, in the given order.
   *
   * @param faults files that cannot be read, or that change all the time, are added here
   */
  List<HashedFile> hash(
      SourceRoot root, List<SourceFile> files, HashCache cache, List<ManifestFault> faults)
      throws IOException, InterruptedException {
    List<HashedFile> known = new ArrayList<>(files.size());
    List<SourceFile> unknown = new ArrayList<>();
    long knownBytes = 0;
    for (SourceFile file : files) {
      byte[] hash = cache.hash(file);
      if (hash == null) {
        unknown.add(file);
      } else {
        known.add(new HashedFile(file, hash));
        knownBytes += file.stamp().size();
      }
    }
    progress.done(known.size(), knownBytes);
    List<Callable<List<Hashed>>> batches = new ArrayList<>();
    for (int from = 0; from < unknown.size(); from += BATCH) {
      List<SourceFile> batch = unknown.subList(from, Math.min(from + BATCH, unknown.size()));
      batches.add(() -> batch.stream().map(file -> read(root, file)).toList());
    }
    for (List<Hashed> batch : workers.all(batches)) {
      for (Hashed hashed : batch) {
        if (hashed.file() != null) {
          known.add(hashed.file());
        }
        if (hashed.fault() != null) {
          faults.add(hashed.fault());
        }
      }
    }
    return known;
  }

  private Hashed read(SourceRoot root, SourceFile source) {
    SourceFile current = source;
    try {
      for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        byte[] hash = digest(current);
        SourceFile.Stamp after = SourceWalk.stamp(current.file());
        if (after.same(current.stamp())) {
          progress.done(1, after.size());
          return new Hashed(new HashedFile(current, hash), null);
        }
        current = new SourceFile(current.name(), current.file(), after, current.executable());
      }
    } catch (IOException e) {
      return new Hashed(
          null, new ManifestFault(root.place(), source.file() + " " + SourceWalk.reason(e)));
    }
    return new Hashed(
        null,
        new ManifestFault(
            root.place(),
            source.file()
                + " changes while it is read, "
                + ATTEMPTS
                + " times now. Package again when nothing writes there, or move it out of the"
                + " folder."));
  }

  private static byte[] digest(SourceFile source) throws IOException {
    MessageDigest digest = PartListing.sha256();
    byte[] buffer = new byte[(int) Math.max(1, Math.min(BUFFER, source.stamp().size() + 1))];
    try (InputStream in = Files.newInputStream(source.file())) {
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        digest.update(buffer, 0, read);
      }
    }
    return digest.digest();
  }
}
