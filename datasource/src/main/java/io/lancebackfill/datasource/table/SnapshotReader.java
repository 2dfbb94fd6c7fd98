package io.lancebackfill.datasource.table;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.arrow.vector.types.pojo.Field;
import org.lance.Dataset;
import org.lance.Fragment;
import org.lance.FragmentMetadata;
import org.lance.fragment.DataFile;
import org.lance.fragment.DeletionFile;
import org.lance.schema.LanceField;

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
          columns(table),
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
        metadata.getFiles().stream().map(SnapshotReader::file).toList());
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

  private static List<TableColumn> columns(Dataset table) {
    List<LanceField> lanceFields = table.getLanceSchema().fields();
    // Lance's own Java fields know the ids, the schema that it exports knows every type exactly.
    List<Field> arrowFields = table.getSchema().getFields();
    List<TableColumn> columns = new ArrayList<>();
    for (int i = 0; i < lanceFields.size(); i++) {
      LanceField field = lanceFields.get(i);
      List<Integer> ids = new ArrayList<>();
      addIds(field, ids);
      columns.add(new TableColumn(field.getId(), field.getName(), arrowFields.get(i), ids));
    }
    return columns;
  }

  private static void addIds(LanceField field, List<Integer> ids) {
    ids.add(field.getId());
    field.getChildren().forEach(child -> addIds(child, ids));
  }
}
