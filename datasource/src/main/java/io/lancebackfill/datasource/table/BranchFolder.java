package io.lancebackfill.datasource.table;

import io.lancebackfill.datasource.table.DatasetException.Kind;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.lance.Branch;
import org.lance.Dataset;

/**
 * Tells the folder of a branch, {@code <table>/tree/<branch>}, from that of a table. A branch is
 * opened, read and written by its folder as any table is; only its tags are the table's, and have
 * to say which branch they mean.
 */
final class BranchFolder {
  private static final String TREE = "/tree/";

  private BranchFolder() {}

  /**
   * The branch that is opened; empty if it is a table's main line, though it may lie in a folder
   * called tree.
   *
   * @param opened the dataset at the address
   * @throws DatasetException as classified, if the branch's table cannot be opened
   */
  static Optional<String> branch(DatasetRef ref, Dataset opened) {
    String uri = ref.uri().replaceAll("/+$", "");
    if (!uri.contains(TREE)) {
      return Optional.empty();
    }
    // A branch sees all branches of its table, itself among them.
    Set<String> known = branches(opened);
    for (int at = uri.indexOf(TREE); at >= 0; at = uri.indexOf(TREE, at + 1)) {
      String name = uri.substring(at + TREE.length());
      if (at > 0
          && known.contains(name)
          && hasBranch(new DatasetRef(uri.substring(0, at), ref.storageOptions()), name)) {
        return Optional.of(name);
      }
    }
    return Optional.empty();
  }

  /** A table in a folder called tree may have a branch of its own that is called as itself. */
  private static boolean hasBranch(DatasetRef table, String name) {
    try (Dataset root = DatasetOpener.latest(table)) {
      return branches(root).contains(name);
    } catch (DatasetException e) {
      if (e.kind() == Kind.NOT_FOUND) {
        return false;
      }
      throw e;
    }
  }

  private static Set<String> branches(Dataset table) {
    return table.branches().list().stream().map(Branch::getName).collect(Collectors.toSet());
  }
}
