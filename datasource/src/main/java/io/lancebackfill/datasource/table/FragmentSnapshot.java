package io.lancebackfill.datasource.table;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * One fragment of one table version.
 *
 * @param id fragment id
 * @param physicalRows rows in its files, deleted ones included
 * @param deletedRows how many of them are deleted in this version
 * @param files its data files, in the manifest's order
 * @param deletionFile what names the set of deleted rows; empty if there is none. Where it is the
 *     same in two versions, the same rows are alive
 */
public record FragmentSnapshot(
    int id, long physicalRows, long deletedRows, List<DataFileInfo> files, String deletionFile)
    implements Serializable {

  public FragmentSnapshot {
    files = List.copyOf(files);
  }

  /** Rows that a reader sees. */
  public long liveRows() {
    return physicalRows - deletedRows;
  }

  /** True if a file lies in another table's folder, where a branch or a shallow clone began. */
  public boolean borrowsFiles() {
    return files.stream().anyMatch(file -> file.baseId() != null);
  }

  /** The files that hold data of the column; more than one only for a struct that was extended. */
  public List<DataFileInfo> filesOf(TableColumn column) {
    return files.stream().filter(file -> file.holds(column)).toList();
  }

  /** Where the column's values are; empty if the fragment has none and reads NULL. */
  public Optional<ColumnPlace> place(TableColumn column) {
    List<DataFileInfo> holding = filesOf(column);
    if (holding.isEmpty()) {
      return Optional.empty();
    }
    List<Integer> indices = new ArrayList<>();
    for (DataFileInfo file : holding) {
      for (int id : column.allIds()) {
        int position = file.fieldIds().indexOf(id);
        if (position >= 0) {
          indices.add(file.columnIndices().get(position));
        }
      }
    }
    String path = holding.stream().map(DataFileInfo::path).collect(Collectors.joining("+"));
    return Optional.of(new ColumnPlace(path, indices));
  }

  /**
   * True if a file that holds the column also lists fields that are not the column's: other
   * columns, columns dropped since, or the tombstones of columns that moved out. Such a file cannot
   * be exchanged as a whole: Lance takes a DataReplacement only where the lists of ids are equal.
   */
  public boolean sharesFile(TableColumn column) {
    List<DataFileInfo> holding = filesOf(column);
    return holding.size() > 1
        || holding.stream().anyMatch(file -> !column.allIds().containsAll(file.fieldIds()));
  }
}
