package io.lancebackfill.datasource.table;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.arrow.vector.types.pojo.Field;
import org.jspecify.annotations.Nullable;
import org.lance.Dataset;
import org.lance.Fragment;
import org.lance.FragmentMetadata;
import org.lance.fragment.DataFile;
import org.lance.fragment.DeletionFile;

/** Turns an open dataset's metadata into plain values. */
public final class SnapshotReader {
  private SnapshotReader() {}

  /**
   * Reads all metadata of the version that the handle is at.
   *
   * @throws DatasetException as classified
   */
  public static TableSnapshot read(DatasetRef ref, Dataset table) {
    try {
      List<Fragment> fragments = table.getFragments();
      boolean stableRowIds =
          !fragments.isEmpty()
              && fragments.stream().allMatch(f -> f.metadata().getRowIdMeta() != null);
      return new TableSnapshot(
          ref,
          table.version(),
          table.getLanceFileFormatVersion(),
          stableRowIds,
          columns(ref, table),
          fragments.stream().map(SnapshotReader::fragment).toList(),
          table.getConfig());
    } catch (Exception e) {
      throw LanceErrorClassifier.classify("read the metadata of", ref, e);
    }
  }

  private static FragmentSnapshot fragment(Fragment fragment) {
    FragmentMetadata metadata = fragment.metadata();
    DeletionFile deletions = metadata.getDeletionFile();
    long physicalRows = metadata.getPhysicalRows();
    // Old writers did not note how many rows a deletion file deletes: then they are counted.
    long deletedRows =
        deletions != null && deletions.getNumDeletedRows() == null
            ? physicalRows - fragment.countRows()
            : metadata.getNumDeletions();
    return fragment(metadata, deletedRows);
  }

  /** A fragment as a transaction names it. */
  public static FragmentSnapshot fragment(FragmentMetadata metadata) {
    return fragment(metadata, metadata.getNumDeletions());
  }

  private static FragmentSnapshot fragment(FragmentMetadata metadata, long deletedRows) {
    return new FragmentSnapshot(
        metadata.getId(),
        metadata.getPhysicalRows(),
        deletedRows,
        metadata.getFiles().stream().map(SnapshotReader::file).toList(),
        deletionFile(metadata.getDeletionFile()));
  }

  /** Lance never writes a deletion file again, and its name is made of these. */
  private static String deletionFile(@Nullable DeletionFile file) {
    return file == null ? "" : file.getReadVersion() + "-" + Long.toUnsignedString(file.getId());
  }

  private static DataFileInfo file(DataFile file) {
    Long bytes = file.getFileSizeBytes();
    return new DataFileInfo(
        file.getPath(),
        Arrays.stream(file.getFields()).boxed().toList(),
        Arrays.stream(file.getColumnIndices()).boxed().toList(),
        file.getFileMajorVersion(),
        file.getFileMinorVersion(),
        bytes == null ? -1 : bytes,
        file.getBaseId().orElse(null));
  }

  private static List<TableColumn> columns(DatasetRef ref, Dataset table) {
    List<FieldIdentity> identities = FieldIdentity.of(ref, table);
    // Lance knows the ids, the schema that it exports knows all types but dictionaries exactly.
    List<Field> arrowFields = table.getSchema().getFields();
    List<TableColumn> columns = new ArrayList<>();
    for (int i = 0; i < identities.size(); i++) {
      FieldIdentity identity = identities.get(i);
      Field field = identity.withDictionaries(arrowFields.get(i));
      columns.add(new TableColumn(identity.id(), identity.name(), field, identity.allIds()));
    }
    Set<Integer> present =
        columns.stream().flatMap(column -> column.allIds().stream()).collect(Collectors.toSet());
    columns.replaceAll(column -> withoutForeignIds(column, present));
    return columns;
  }

  /**
   * Earlier ids count only if they can be the column's: a copy of a table made with the metadata of
   * its fields has other ids.
   */
  private static TableColumn withoutForeignIds(TableColumn column, Set<Integer> present) {
    if (!column.metadata().containsKey(TableColumn.PREVIOUS_IDS)) {
      return column;
    }
    boolean own;
    try {
      own =
          column.previousIds().stream()
              .allMatch(
                  ids ->
                      ids.size() == column.allIds().size()
                          && ids.get(0) < column.id()
                          && ids.stream().noneMatch(present::contains));
    } catch (NumberFormatException e) {
      own = false;
    }
    if (own) {
      return column;
    }
    Map<String, String> metadata = new HashMap<>(column.metadata());
    metadata.remove(TableColumn.PREVIOUS_IDS);
    return new TableColumn(
        column.id(),
        column.name(),
        ColumnTypes.withMetadata(column.field(), metadata),
        column.allIds());
  }
}
