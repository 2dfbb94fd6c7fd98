package io.lancebackfill.datasource.table;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.jspecify.annotations.Nullable;
import org.lance.Dataset;
import org.lance.Fragment;
import org.lance.FragmentMetadata;
import org.lance.fragment.DataFile;
import org.lance.fragment.DeletionFile;
import org.lance.schema.LanceField;

/** Turns an open dataset's metadata into plain values. */
public final class SnapshotReader {
  /** Metadata key by which Lance's projection takes the id of a field. */
  private static final String FIELD_ID = "lance:field_id";

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

  /**
   * @throws DatasetException INVALID_INPUT for a table with a dictionary column: Lance's Java tells
   *     no field ids of such a table, nor which of its columns it is
   */
  private static List<LanceField> lanceFields(Dataset table) {
    try {
      return table.getLanceSchema().fields();
    } catch (IllegalArgumentException e) {
      if (!String.valueOf(e.getMessage()).contains("ArrowSchema conversion error")) {
        throw e;
      }
      throw new DatasetException(
          DatasetException.Kind.INVALID_INPUT,
          "The table at "
              + table.uri()
              + " has a dictionary column (a categorical of pandas), of which Lance 4.0.0 for Java"
              + " cannot read the field ids; its columns of integers, as Spark sees them, are "
              + integers(table)
              + ". Write the column as plain values: cast it before the table is written, as with"
              + " table.cast(...) in pyarrow or astype('str') in pandas, or in an existing table"
              + " add a copy with pylance's add_columns and drop the dictionary column.",
          e);
    }
  }

  private static List<String> integers(Dataset table) {
    return table.getSchema().getFields().stream()
        .filter(field -> field.toString().contains("Int("))
        .map(Field::getName)
        .toList();
  }

  private static List<TableColumn> columns(Dataset table) {
    List<LanceField> lanceFields = lanceFields(table);
    // Lance's own Java fields know the ids, the schema that it exports knows every type exactly.
    List<Field> arrowFields = table.getSchema().getFields();
    List<TableColumn> columns = new ArrayList<>();
    for (int i = 0; i < lanceFields.size(); i++) {
      LanceField field = lanceFields.get(i);
      List<Integer> ids = new ArrayList<>();
      addIds(field, ids);
      columns.add(new TableColumn(field.getId(), field.getName(), arrowFields.get(i), ids));
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

  /**
   * A field with the ids of another, which has the same fields below it: by them Lance tells, in
   * the schema of a Project, a field that stays from a new one.
   */
  public static Field withIds(Field field, LanceField identity) {
    Map<String, String> metadata = new HashMap<>(field.getMetadata());
    metadata.put(FIELD_ID, Integer.toString(identity.getId()));
    List<Field> children = new ArrayList<>();
    for (int i = 0; i < field.getChildren().size(); i++) {
      Field child = field.getChildren().get(i);
      // To Lance a fixed-size list of numbers is one field.
      children.add(
          identity.getChildren().isEmpty() ? child : withIds(child, identity.getChildren().get(i)));
    }
    return new Field(
        field.getName(),
        new FieldType(field.isNullable(), field.getType(), field.getDictionary(), metadata),
        children);
  }

  private static void addIds(LanceField field, List<Integer> ids) {
    ids.add(field.getId());
    field.getChildren().forEach(child -> addIds(child, ids));
  }
}
