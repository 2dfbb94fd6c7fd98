package io.lancebackfill.datasource.write;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetOpener;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import java.util.HashSet;
import java.util.Set;
import org.lance.Branch;
import org.lance.Dataset;
import org.lance.Fragment;
import org.lance.Ref;
import org.lance.Version;
import org.lance.fragment.DataFile;

/** Collects the data files that any version of any branch of a table names. */
public final class NamedFiles {
  private final DatasetRef table;
  private final Set<String> paths = new HashSet<>();

  private NamedFiles(DatasetRef table) {
    this.table = table;
  }

  /**
   * Reads the manifest of every version, a few milliseconds each.
   *
   * @return their paths, relative to the table's data folder
   * @throws DatasetException as classified; then not all files are known and none may be deleted
   */
  public static Set<String> of(DatasetRef table) {
    NamedFiles files = new NamedFiles(table);
    try (Dataset main = DatasetOpener.latest(table)) {
      files.addAllVersions(main);
      for (Branch branch : main.branches().list()) {
        try (Dataset head = main.checkout(Ref.ofBranch(branch.getName()))) {
          files.addAllVersions(head);
        }
      }
    } catch (Exception e) {
      throw LanceErrorClassifier.classify("read all versions of", table, e);
    }
    return files.paths;
  }

  private void addAllVersions(Dataset head) {
    add(head);
    for (Version version : head.listVersions()) {
      if (version.getId() != head.version()) {
        addVersion(head, version.getId());
      }
    }
  }

  private void addVersion(Dataset head, long id) {
    try (Dataset dataset = head.checkoutVersion(id)) {
      add(dataset);
    } catch (Exception e) {
      DatasetException failure =
          LanceErrorClassifier.classify("read version " + id + " of", table, e);
      // Somebody else's cleanup took the version away: it names nothing any more.
      if (failure.kind() != Kind.NOT_FOUND) {
        throw failure;
      }
    }
  }

  private void add(Dataset dataset) {
    for (Fragment fragment : dataset.getFragments()) {
      for (DataFile file : fragment.metadata().getFiles()) {
        paths.add(file.getPath());
      }
    }
  }
}
