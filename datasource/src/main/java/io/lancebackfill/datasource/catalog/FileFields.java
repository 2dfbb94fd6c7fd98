package io.lancebackfill.datasource.catalog;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.TableColumn;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.LanceArrowUtils;
import org.lance.FragmentMetadata;
import org.lance.fragment.DataFile;

/**
 * Which field of the table each field of a written file is. Files are written as if for a new table
 * that lacks the computed columns, so their field ids count from 0, depth first.
 */
final class FileFields {
  private final int[] appended;
  private final int[] overwritten;

  private FileFields(int[] appended, int[] overwritten) {
    this.appended = appended;
    this.overwritten = overwritten;
  }

  /**
   * @param written Spark's types of the columns that are written
   * @throws DatasetException INVALID_INPUT if lance-spark would write a column in another type than
   *     the table has, for which nobody else checks these files
   */
  static FileFields of(IngestionSchema schema, StructType written) {
    List<TableColumn> ordinary = schema.ordinary();
    List<Field> fields = LanceArrowUtils.toArrowSchema(written, "UTC", true).getFields();
    List<String> unlike = new ArrayList<>();
    for (int i = 0; i < ordinary.size(); i++) {
      Field inTable = ordinary.get(i).field();
      Field inFile = fields.get(i);
      if (!inTable.getName().equals(inFile.getName())
          || !alike(inTable, inFile)
          || count(inFile) != ordinary.get(i).allIds().size()) {
        unlike.add(inTable + ", for which Spark has " + inFile);
      }
    }
    if (!unlike.isEmpty()) {
      throw new DatasetException(
          Kind.INVALID_INPUT,
          "Spark cannot write to a table with columns of types that it does not have: "
              + String.join("; ", unlike)
              + ". Append with pylance or lancedb.");
    }
    int[] appended =
        ordinary.stream()
            .flatMap(column -> column.allIds().stream())
            .mapToInt(Integer::intValue)
            .toArray();
    return new FileFields(appended, idsInNewTable(schema));
  }

  /** An overwrite numbers all columns anew, depth first. */
  private static int[] idsInNewTable(IngestionSchema schema) {
    List<TableColumn> ordinary = schema.ordinary();
    List<Integer> ids = new ArrayList<>();
    int next = 0;
    for (TableColumn column : schema.columns()) {
      for (int i = 0; i < column.allIds().size(); i++, next++) {
        if (ordinary.contains(column)) {
          ids.add(next);
        }
      }
    }
    return ids.stream().mapToInt(Integer::intValue).toArray();
  }

  private static int count(Field field) {
    return 1 + field.getChildren().stream().mapToInt(FileFields::count).sum();
  }

  private static boolean alike(Field left, Field right) {
    if (!left.getType().equals(right.getType())
        || left.getDictionary() != null
        || left.getChildren().size() != right.getChildren().size()) {
      return false;
    }
    // What a list calls its items differs from writer to writer; the members of a struct count.
    boolean named = left.getType() instanceof ArrowType.Struct;
    for (int i = 0; i < left.getChildren().size(); i++) {
      Field leftChild = left.getChildren().get(i);
      Field rightChild = right.getChildren().get(i);
      if (!alike(leftChild, rightChild)
          || (named && !leftChild.getName().equals(rightChild.getName()))) {
        return false;
      }
    }
    return true;
  }

  /** Fragments as an append to the table needs them. */
  List<FragmentMetadata> appended(List<FragmentMetadata> written) {
    return written.stream().map(fragment -> mapped(fragment, appended)).toList();
  }

  /** Fragments as an overwrite with the table's whole schema needs them. */
  List<FragmentMetadata> overwritten(List<FragmentMetadata> written) {
    return written.stream().map(fragment -> mapped(fragment, overwritten)).toList();
  }

  private static FragmentMetadata mapped(FragmentMetadata fragment, int[] ids) {
    return new FragmentMetadata(
        fragment.getId(),
        fragment.getFiles().stream().map(file -> mapped(file, ids)).toList(),
        fragment.getPhysicalRows(),
        fragment.getDeletionFile(),
        fragment.getRowIdMeta());
  }

  private static DataFile mapped(DataFile file, int[] ids) {
    return new DataFile(
        file.getPath(),
        Arrays.stream(file.getFields()).map(id -> ids[id]).toArray(),
        file.getColumnIndices(),
        file.getFileMajorVersion(),
        file.getFileMinorVersion(),
        file.getFileSizeBytes(),
        file.getBaseId().orElse(null));
  }
}
