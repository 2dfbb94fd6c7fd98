package io.lancebackfill.datasource.write;

import io.lancebackfill.datasource.store.LocalPaths;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetOpener;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.lance.Dataset;
import org.lance.cleanup.CleanupPolicy;
import org.lance.cleanup.RemovalStats;

/**
 * Deletes files in a table's data folder that no version of the table names: column files that were
 * never committed and what a killed writer left. Versions and the files they name are never
 * touched.
 *
 * <p>On local file systems it does so exactly, but for files of other writers, and files that were
 * not written to their end, which it takes for abandoned after seven days only. On object stores
 * only Lance can delete, and it takes neither names nor ages: it deletes what no version names and
 * is older than the table's oldest version, and older than seven days unless no writer is active.
 * Where that could reach a file that is to be kept, or that is too young, nothing is deleted, and
 * the result is not complete. Deleting old versions of the table first makes it reach more.
 */
public final class StagedFileCleaner {
  /** From this age on Lance takes a file that no version names for abandoned. */
  private static final Duration ABANDONED = Duration.ofDays(7);

  private static final String DATA_FILE = ".lance";

  /** How Lance calls a file on a local file system until it is complete. */
  private static final String UNFINISHED = ".tmp";

  private final DatasetRef table;

  public StagedFileCleaner(DatasetRef table) {
    this.table = table;
  }

  /**
   * Deletes what no version names.
   *
   * @param keep paths relative to the data folder, of files that may still be committed
   * @param olderThan only files last written before this
   * @param noWriterActive whether the caller knows that nobody writes to the table; matters on
   *     object stores only
   * @param dryRun deletes nothing; on object stores nothing can be listed either
   * @throws DatasetException as classified; what was deleted until then was rightly deleted
   */
  public CleanedFiles clean(
      Set<String> keep, Instant olderThan, boolean noWriterActive, boolean dryRun) {
    Optional<Path> folder = LocalPaths.folder(table);
    return folder.isPresent()
        ? cleanLocal(folder.get().resolve("data"), keep, olderThan, dryRun)
        : cleanThroughLance(keep, olderThan, noWriterActive, dryRun);
  }

  private CleanedFiles cleanLocal(Path data, Set<String> keep, Instant olderThan, boolean dryRun) {
    // Files first, versions after: a file that is committed between the two is named then.
    Map<String, Long> candidates = candidates(data, keep, olderThan);
    candidates.keySet().removeAll(NamedFiles.of(table));
    candidates.keySet().removeIf(path -> !abandoned(data.resolve(path), path));
    List<String> paths = new ArrayList<>();
    long bytes = 0;
    for (Map.Entry<String, Long> candidate : candidates.entrySet()) {
      if (dryRun || deleted(data.resolve(candidate.getKey()))) {
        paths.add(candidate.getKey());
        bytes += candidate.getValue();
      }
    }
    return new CleanedFiles(paths.size(), bytes, paths, true);
  }

  private Map<String, Long> candidates(Path data, Set<String> keep, Instant olderThan) {
    Map<String, Long> sizes = new TreeMap<>();
    try (Stream<Path> entries = Files.list(data)) {
      for (Path path : entries.toList()) {
        String name = String.valueOf(path.getFileName());
        boolean ours = name.endsWith(DATA_FILE) || name.startsWith(UNFINISHED);
        if (ours && !keep.contains(name)) {
          sizeIfOld(path, olderThan).ifPresent(size -> sizes.put(name, size));
        }
      }
    } catch (NoSuchFileException e) {
      return sizes;
    } catch (IOException e) {
      throw new DatasetException(
          Kind.OTHER, "Cannot list the data files of " + table.display() + ": " + e + ".", e);
    }
    return sizes;
  }

  /** Another tool may be about to commit a file of its own. */
  private boolean abandoned(Path path, String name) {
    try {
      return sizeIfOld(path, Instant.now().minus(ABANDONED)).isPresent()
          || (name.endsWith(DATA_FILE) && ColumnFileMark.isOn(table, name));
    } catch (IOException e) {
      throw new DatasetException(
          Kind.OTHER, "Cannot look at " + path + " of " + table.display() + ": " + e + ".", e);
    }
  }

  private static Optional<Long> sizeIfOld(Path path, Instant olderThan) throws IOException {
    try {
      BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
      boolean old = attributes.lastModifiedTime().toInstant().isBefore(olderThan);
      return attributes.isRegularFile() && old ? Optional.of(attributes.size()) : Optional.empty();
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  private boolean deleted(Path path) {
    try {
      return Files.deleteIfExists(path);
    } catch (IOException e) {
      throw new DatasetException(
          Kind.OTHER, "Cannot delete " + path + " of " + table.display() + ": " + e + ".", e);
    }
  }

  CleanedFiles cleanThroughLance(
      Set<String> keep, Instant olderThan, boolean noWriterActive, boolean dryRun) {
    CleanedFiles nothing = new CleanedFiles(0, 0, List.of(), false);
    if (dryRun || !NamedFiles.of(table).containsAll(keep)) {
      return nothing;
    }
    try (Dataset dataset = DatasetOpener.latest(table)) {
      Instant reach =
          dataset.listVersions().stream()
              .map(version -> version.getDataTime().toInstant())
              .min(Instant::compareTo)
              .orElse(Instant.MIN);
      Instant abandoned = Instant.now().minus(ABANDONED);
      if (!noWriterActive && abandoned.isBefore(reach)) {
        reach = abandoned;
      }
      if (olderThan.isBefore(reach)) {
        return nothing;
      }
      // No version is before the first, so that none goes.
      CleanupPolicy policy =
          CleanupPolicy.builder()
              .withBeforeVersion(1)
              .withDeleteUnverified(noWriterActive)
              .withErrorIfTaggedOldVersions(false)
              .build();
      RemovalStats removed = dataset.cleanupWithPolicy(policy);
      return new CleanedFiles(
          removed.getDataFilesRemoved(), removed.getBytesRemoved(), List.of(), false);
    } catch (Exception e) {
      throw LanceErrorClassifier.classify("clean up", table, e);
    }
  }
}
