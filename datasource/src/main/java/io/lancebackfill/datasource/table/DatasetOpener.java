package io.lancebackfill.datasource.table;

import io.lancebackfill.datasource.table.DatasetException.Kind;
import org.lance.Dataset;
import org.lance.ReadOptions;

/**
 * The one place where Lance datasets are opened. Public for the packages of this module alone: what
 * comes out is Lance's own handle, which no signature beyond this module may show.
 */
public final class DatasetOpener {
  static {
    LanceLog.quieten();
  }

  private DatasetOpener() {}

  /**
   * Opens the newest version; the caller closes it.
   *
   * @throws DatasetException NOT_FOUND if there is no Lance table; otherwise as classified
   */
  public static Dataset latest(DatasetRef ref) {
    try {
      return open(ref, options(ref));
    } catch (Exception | LinkageError e) {
      throw opening(ref, e);
    }
  }

  /**
   * Opens one version; the caller closes it.
   *
   * @throws DatasetException NOT_FOUND if there is no Lance table or no such version
   */
  public static Dataset at(DatasetRef ref, long version) {
    if (version < 1) {
      throw new DatasetException(
          Kind.INVALID_INPUT,
          ref,
          "Version " + version + " of " + ref.display() + " cannot exist: versions count from 1.",
          null);
    }
    try {
      return open(ref, options(ref).setVersion(version));
    } catch (Exception | LinkageError e) {
      DatasetException classified = opening(ref, e);
      if (classified.kind() != Kind.NOT_FOUND) {
        throw classified;
      }
      long newest;
      try (Dataset table = latest(ref)) {
        newest = table.version();
      }
      throw new DatasetException(
          Kind.NOT_FOUND,
          ref,
          "Version "
              + version
              + " of "
              + ref.display()
              + " does not exist: it was cleaned up or never written. The newest version is "
              + newest
              + ".",
          classified.getCause());
    }
  }

  private static Dataset open(DatasetRef ref, ReadOptions.Builder options) {
    return Dataset.open()
        .allocator(LanceAllocator.root())
        .uri(ref.uri())
        .readOptions(options.build())
        .build();
  }

  private static ReadOptions.Builder options(DatasetRef ref) {
    return new ReadOptions.Builder().setStorageOptions(ref.storageOptions());
  }

  private static DatasetException opening(DatasetRef ref, Throwable error) {
    DatasetException classified = LanceErrorClassifier.classify("open", ref, error);
    if (classified.kind() != Kind.NOT_FOUND) {
      return classified;
    }
    return new DatasetException(
        Kind.NOT_FOUND,
        ref,
        "Cannot open "
            + ref.display()
            + ": not a Lance table. Nothing that Lance could read is at this address; check the"
            + " uri, and the catalog's root if the table was given by name.",
        classified.getCause());
  }
}
