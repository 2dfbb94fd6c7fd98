package io.lancebackfill.datasource.write;

import io.lancebackfill.datasource.store.LocalPaths;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceAllocator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Optional;
import org.lance.file.LanceFileReader;

/** Finished column files that no version of the table names yet. */
public final class StagedFiles {
  private StagedFiles() {}

  /**
   * Whether the file is still there and whole: its footer can be read and has the rows that were
   * recorded.
   */
  public static boolean readable(DatasetRef table, StagedColumnFile file) {
    DatasetRef path = table.child("data").child(file.path());
    // Reading an empty file would end the whole process.
    Optional<Path> local = LocalPaths.folder(path);
    try {
      if (local.isPresent()
          && (!Files.exists(local.get()) || Files.size(local.get()) != file.bytes())) {
        return false;
      }
    } catch (IOException e) {
      return false;
    }
    try (LanceFileReader reader =
        LanceFileReader.open(
            path.uri(), new HashMap<>(table.storageOptions()), LanceAllocator.root())) {
      return reader.numRows() == file.rows();
    } catch (Exception e) {
      return false;
    }
  }
}
