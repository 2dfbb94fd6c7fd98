package io.lancebackfill.datasource.write;

import java.io.Serializable;
import java.util.List;

/**
 * A column file that lies in a table's data folder and that no version of the table names yet.
 *
 * @param path relative to the table's data folder
 * @param fieldIds the table's field ids that the file holds
 * @param columnIndices for each of them, the index of its column in the file
 * @param majorVersion of the file format
 * @param minorVersion of the file format
 * @param bytes size of the file, -1 if unknown
 * @param rows physical rows
 */
public record StagedColumnFile(
    String path,
    List<Integer> fieldIds,
    List<Integer> columnIndices,
    int majorVersion,
    int minorVersion,
    long bytes,
    long rows)
    implements Serializable {

  public StagedColumnFile {
    fieldIds = List.copyOf(fieldIds);
    columnIndices = List.copyOf(columnIndices);
  }

  /** The same file under other field ids, in the same order. */
  public StagedColumnFile withFieldIds(List<Integer> ids) {
    return new StagedColumnFile(path, ids, columnIndices, majorVersion, minorVersion, bytes, rows);
  }
}
