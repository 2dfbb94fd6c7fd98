package io.lancebackfill.datasource.table;

import java.io.Serializable;
import java.util.List;

/**
 * Where one top-level column of one fragment is stored. Two equal places mean the same stored
 * values, since Lance never writes to a file again.
 *
 * @param path the data file, relative to the table's data folder. A struct to which fields were
 *     added later lies in several files: then all paths in the fragment's order, joined by {@code
 *     +}; see {@link FragmentSnapshot#filesOf}
 * @param columnIndices the file columns of those of the column's field ids (depth first) that the
 *     file holds, in that order
 */
public record ColumnPlace(String path, List<Integer> columnIndices) implements Serializable {
  public ColumnPlace {
    columnIndices = List.copyOf(columnIndices);
  }
}
