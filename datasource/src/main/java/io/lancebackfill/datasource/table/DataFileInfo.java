package io.lancebackfill.datasource.table;

import java.io.Serializable;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One data file of a fragment, as the manifest names it.
 *
 * <p>Which ids a file lists depends on its format, as seen by experiment: 2.0 lists every field
 * depth first, parents included; 2.1 and 2.2 list leaves only (a fixed-size list of numbers is one
 * leaf, a struct or a list is not listed itself). Ids of columns that were dropped stay listed.
 *
 * @param path relative to the table's data folder
 * @param fieldIds the table's field ids; {@link #TOMBSTONE} where a column was moved elsewhere
 * @param columnIndices the file's column of each field id, parallel to {@code fieldIds}
 * @param majorVersion file format, major part
 * @param minorVersion file format, minor part
 * @param bytes size of the file, -1 if the manifest does not say
 * @param baseId the base path that {@code path} is relative to, null for the table's own folder
 */
public record DataFileInfo(
    String path,
    List<Integer> fieldIds,
    List<Integer> columnIndices,
    int majorVersion,
    int minorVersion,
    long bytes,
    @Nullable Integer baseId)
    implements Serializable {

  /** Stands for a field that this file held before its column was rewritten into another file. */
  public static final int TOMBSTONE = -2;

  public DataFileInfo {
    fieldIds = List.copyOf(fieldIds);
    columnIndices = List.copyOf(columnIndices);
  }

  /** True if the file holds data of at least one of the column's fields. */
  public boolean holds(TableColumn column) {
    return column.allIds().stream().anyMatch(fieldIds::contains);
  }
}
