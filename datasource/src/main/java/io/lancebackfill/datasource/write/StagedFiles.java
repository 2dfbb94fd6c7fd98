package io.lancebackfill.datasource.write;

import io.lancebackfill.datasource.store.LocalPaths;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceAllocator;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import io.lancebackfill.datasource.table.Retry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.Optional;
import java.util.Set;
import org.lance.file.LanceFileReader;

/** Finished column files that no version of the table names yet. */
public final class StagedFiles {
  /** What a failure to read tells of the store alone, and nothing of the file. */
  private static final Set<Kind> SAYS_NOTHING =
      EnumSet.of(Kind.UNAVAILABLE, Kind.PERMISSION_DENIED, Kind.INTERRUPTED);

  private StagedFiles() {}

  /**
   * Whether the file is still there and whole: its footer can be read and has the rows that were
   * recorded.
   *
   * @throws DatasetException if the store does not say
   */
  public static boolean readable(DatasetRef table, StagedColumnFile file) {
    try {
      return Retry.outage("look at a column file of", table, () -> readableOnce(table, file));
    } catch (DatasetException e) {
      if (SAYS_NOTHING.contains(e.kind())) {
        throw e;
      }
      return false;
    }
  }

  private static boolean readableOnce(DatasetRef table, StagedColumnFile file) throws IOException {
    DatasetRef path = table.child("data").child(file.path());
    // Reading an empty file would end the whole process.
    Optional<Path> local = LocalPaths.folder(path);
    if (local.isPresent()
        && (!Files.exists(local.get()) || Files.size(local.get()) != file.bytes())) {
      return false;
    }
    try (LanceFileReader reader =
        LanceFileReader.open(
            path.uri(), new HashMap<>(table.storageOptions()), LanceAllocator.root())) {
      return reader.numRows() == file.rows();
    } catch (Exception e) {
      throw LanceErrorClassifier.classify("look at a column file of", table, e);
    }
  }
}
