package io.lancebackfill.datasource.store;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetOpener;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceAllocator;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import io.lancebackfill.datasource.table.LanceLog;
import io.lancebackfill.datasource.table.Retry;
import java.nio.file.Files;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Schema;
import org.lance.CommitBuilder;
import org.lance.Dataset;
import org.lance.Fragment;
import org.lance.FragmentMetadata;
import org.lance.Transaction;
import org.lance.WriteParams.WriteMode;
import org.lance.cleanup.CleanupPolicy;
import org.lance.fragment.DataFile;
import org.lance.operation.Append;
import org.lance.operation.Operation;
import org.lance.operation.Overwrite;

/** What all datasets of this package have in common: their format number, create, open, append. */
final class StateDatasets {
  static {
    LanceLog.quieten();
  }

  /** Schema metadata key of the number below. */
  static final String FORMAT_KEY = "lance-backfill.format";

  /** Counts up when this build writes something that an older build would misread. */
  static final int FORMAT = 1;

  /** Schema metadata key of an id of the call that created the dataset. */
  private static final String CREATION_KEY = "lance-backfill.creation";

  static final String STORAGE_VERSION = "2.1";

  /**
   * A version that no dataset has. Lance resolves no conflicts for an Overwrite with zero retries:
   * on a dataset that exists it looks for the version read, finds none and fails, where a plain
   * CREATE that comes late would wipe out the rows of whoever was first.
   */
  private static final long NO_SUCH_VERSION = 1L << 62;

  /** A .lance folder below a state folder; what leads out of that again is not. */
  private static final Pattern OURS =
      Pattern.compile(
          "(?s)(?:.*[/\\\\])?"
              + DatasetRef.STATE_FOLDER
              + "(?:[/\\\\](?!\\.\\.?(?:[/\\\\]|$))[^/\\\\]+)*[/\\\\][^/\\\\]+\\.lance/?");

  private StateDatasets() {}

  /** The schema with the format number in its metadata. */
  private static Schema withFormat(Schema schema, String creation) {
    Map<String, String> metadata = new HashMap<>(schema.getCustomMetadata());
    metadata.put(CREATION_KEY, creation);
    metadata.put(FORMAT_KEY, Integer.toString(FORMAT));
    return new Schema(schema.getFields(), metadata);
  }

  /**
   * Creates the dataset without rows, if there is none: of any number of callers in any number of
   * processes exactly one creates it, and none destroys what another wrote.
   *
   * @return whether it was this call that created it
   */
  static boolean createIfAbsent(DatasetRef ref, Schema schema) {
    return createIfAbsent(ref, schema, STORAGE_VERSION, UUID.randomUUID().toString());
  }

  /**
   * As the other, with files of another format.
   *
   * @param creation an id of the caller's attempts, to know what an earlier one has created
   */
  static boolean createIfAbsent(
      DatasetRef ref, Schema schema, String storageVersion, String creation) {
    try (Dataset created = create(ref, schema, storageVersion, creation)) {
      return created.version() == 1;
    } catch (DatasetException failure) {
      // The answer to a creation that happened may have been lost.
      return openIfPresent(ref)
          .map(present -> createdBy(present, creation))
          .orElseThrow(() -> failure);
    }
  }

  /**
   * The dataset as this call creates it, or else its newest version; empty if it was dropped again
   * meanwhile. The caller closes it.
   */
  static Optional<Dataset> openOrCreate(DatasetRef ref, Schema schema) {
    Dataset created;
    try {
      created = create(ref, schema, STORAGE_VERSION, UUID.randomUUID().toString());
    } catch (DatasetException failure) {
      Optional<Dataset> present = openIfPresent(ref);
      if (present.isEmpty()) {
        throw failure;
      }
      return present;
    }
    if (created.version() == 1) {
      return Optional.of(created);
    }
    created.close();
    return openIfPresent(ref);
  }

  private static Dataset create(
      DatasetRef ref, Schema schema, String storageVersion, String creation) {
    Operation create =
        Overwrite.builder().fragments(List.of()).schema(withFormat(schema, creation)).build();
    try (Transaction transaction =
        new Transaction.Builder().readVersion(NO_SUCH_VERSION).operation(create).build()) {
      return new CommitBuilder(ref.uri(), LanceAllocator.root())
          .writeParams(ref.storageOptions())
          .storageFormat("V" + storageVersion.replace('.', '_'))
          .enableV2ManifestPaths(true)
          .maxRetries(0)
          .skipAutoCleanup(true)
          .execute(transaction);
    } catch (Exception e) {
      throw LanceErrorClassifier.classify("create", ref, e);
    }
  }

  private static boolean createdBy(Dataset present, String creation) {
    try (present) {
      return creation.equals(present.getLanceSchema().metadata().get(CREATION_KEY));
    }
  }

  /** Opens the newest version, empty if there is no dataset. The caller closes it. */
  static Optional<Dataset> openIfPresent(DatasetRef ref) {
    Dataset dataset;
    try {
      dataset = DatasetOpener.latest(ref);
    } catch (DatasetException e) {
      if (e.kind() == Kind.NOT_FOUND) {
        return Optional.empty();
      }
      throw e;
    }
    try {
      requireKnownFormat(ref, dataset);
      return Optional.of(dataset);
    } catch (Throwable e) {
      dataset.close();
      throw e;
    }
  }

  private static void requireKnownFormat(DatasetRef ref, Dataset dataset) {
    String found = dataset.getLanceSchema().metadata().get(FORMAT_KEY);
    if (found == null) {
      throw LocalPaths.corrupt(ref, "it is a Lance table that this product did not make", null);
    }
    if (!found.matches("[0-9]{1,9}") || Integer.parseInt(found) > FORMAT) {
      throw new DatasetException(
          Kind.FORMAT_TOO_NEW,
          ref,
          "The state kept in "
              + ref.display()
              + " has format "
              + found
              + ", and this build knows formats up to "
              + FORMAT
              + ": a newer version of this product wrote it. Upgrade this one, on every driver and"
              + " executor.",
          null);
    }
  }

  /**
   * What an append made.
   *
   * @param dataset with the rows, for the caller to close
   * @param bytes size of the new data files
   */
  record Appended(Dataset dataset, long bytes) {}

  /**
   * Writes the rows as a new fragment and commits them on top of the given handle, which stays
   * open.
   *
   * @throws DatasetException COMMIT_CONTENTION if the same call may be made again on a newer handle
   */
  static Appended append(DatasetRef ref, Dataset dataset, VectorSchemaRoot rows) {
    return append(ref, dataset, rows, STORAGE_VERSION);
  }

  /** As the other, on a dataset whose files have another format. */
  static Appended append(
      DatasetRef ref, Dataset dataset, VectorSchemaRoot rows, String storageVersion) {
    List<FragmentMetadata> fragments;
    try {
      fragments =
          Fragment.write()
              .datasetUri(ref.uri())
              .allocator(LanceAllocator.root())
              .data(rows)
              .mode(WriteMode.APPEND)
              .maxRowsPerFile(Integer.MAX_VALUE)
              .dataStorageVersion(storageVersion)
              .storageOptions(ref.storageOptions())
              .execute();
    } catch (Exception e) {
      throw LanceErrorClassifier.classify("append to", ref, e);
    }
    Operation append = Append.builder().fragments(fragments).build();
    try (Transaction transaction =
        new Transaction.Builder()
            .readVersion(dataset.version())
            .uuid(UUID.randomUUID().toString())
            .operation(append)
            .build()) {
      Dataset appended =
          new CommitBuilder(dataset)
              .writeParams(ref.storageOptions())
              .skipAutoCleanup(true)
              .execute(transaction);
      return new Appended(appended, bytes(fragments));
    } catch (Exception e) {
      DatasetException failure = LanceErrorClassifier.classify("append to", ref, e);
      // A commit whose answer was lost is told from one that failed by looking for its file.
      return Retry.outage("look for rows in", ref, () -> withFile(ref, fragments))
          .map(appended -> new Appended(appended, bytes(fragments)))
          .orElseThrow(() -> failure);
    }
  }

  private static long bytes(List<FragmentMetadata> fragments) {
    return fragments.stream()
        .flatMap(fragment -> fragment.getFiles().stream())
        .map(DataFile::getFileSizeBytes)
        .filter(Objects::nonNull)
        .mapToLong(Long::longValue)
        .sum();
  }

  private static Optional<Dataset> withFile(DatasetRef ref, List<FragmentMetadata> fragments) {
    if (fragments.isEmpty()) {
      return Optional.empty();
    }
    String path = fragments.get(0).getFiles().get(0).getPath();
    Optional<Dataset> newest = openIfPresent(ref);
    if (newest.isPresent()) {
      for (Fragment fragment : newest.get().getFragments()) {
        for (DataFile file : fragment.metadata().getFiles()) {
          if (file.getPath().equals(path)) {
            return newest;
          }
        }
      }
      newest.get().close();
    }
    return Optional.empty();
  }

  /**
   * Deletes the versions that are older than the grace, except the newest. Files that no version
   * names are left alone: they may belong to an append that is under way.
   */
  static void cleanUp(DatasetRef ref, Duration grace) {
    try (Handle handle = Handle.open(ref)) {
      if (!handle.present()) {
        return;
      }
      long before = Instant.now().minus(grace).toEpochMilli();
      handle
          .dataset()
          .cleanupWithPolicy(CleanupPolicy.builder().withBeforeTimestampMillis(before).build());
    } catch (Exception e) {
      DatasetException classified = LanceErrorClassifier.classify("clean up", ref, e);
      // Two cleanups at once find each other's files gone already.
      boolean lostARace = classified.kind() == Kind.NOT_FOUND || classified.kind() == Kind.CORRUPT;
      if (!lostARace) {
        throw classified;
      }
    }
  }

  /**
   * Deletes the folder of the dataset and all in it. Lance deletes whatever folder it is given, so
   * only datasets that lie below a {@code _backfill} folder are.
   *
   * @throws DatasetException INVALID_INPUT if the uri is not such a dataset's
   */
  static void drop(DatasetRef ref) {
    String uri = ref.uri();
    if (!OURS.matcher(uri).matches()) {
      throw new DatasetException(
          Kind.INVALID_INPUT,
          ref,
          "Refused to delete "
              + ref.display()
              + ": only .lance folders below a _backfill folder are"
              + " deleted, since everything in the folder goes.",
          null);
    }
    try {
      Retry.outage(
          "delete",
          ref,
          () -> {
            Dataset.drop(uri, new HashMap<>(ref.storageOptions()));
            return true;
          });
    } catch (Exception e) {
      DatasetException classified = LanceErrorClassifier.classify("delete", ref, e);
      boolean gone =
          classified.kind() == Kind.NOT_FOUND
              || LocalPaths.folder(ref).filter(Files::notExists).isPresent();
      if (!gone) {
        throw classified;
      }
    }
  }
}
