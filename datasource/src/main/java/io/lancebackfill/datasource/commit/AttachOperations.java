package io.lancebackfill.datasource.commit;

import io.lancebackfill.datasource.table.DataFileInfo;
import io.lancebackfill.datasource.write.StagedColumnFile;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.lance.Dataset;
import org.lance.Fragment;
import org.lance.FragmentMetadata;
import org.lance.fragment.DataFile;
import org.lance.operation.DataReplacement;
import org.lance.operation.DataReplacement.DataReplacementGroup;
import org.lance.operation.Operation;
import org.lance.operation.Update;
import org.lance.operation.Update.UpdateMode;

/** Builds the two operations of Lance that put a column file into a fragment. */
final class AttachOperations {
  private AttachOperations() {}

  /** For fragments where the column has a file of its own, or none. */
  static Operation replacement(List<ColumnFileAttachment> attachments) {
    return DataReplacement.builder()
        .replacements(
            attachments.stream()
                .map(a -> new DataReplacementGroup(a.fragmentId(), dataFile(a.file())))
                .toList())
        .build();
  }

  /**
   * For fragments where the column lies in a file with others: its ids there become tombstones and
   * the new file is added. The base files themselves are not touched.
   *
   * @param fieldIds of the columns with all fields below. Never empty: without them Lance keeps
   *     indexes of the columns as they are, and they lie
   */
  static Operation rewrite(
      Dataset newest, List<ColumnFileAttachment> attachments, List<Integer> fieldIds) {
    Set<Integer> moved = new HashSet<>(fieldIds);
    List<FragmentMetadata> updated = new ArrayList<>();
    for (ColumnFileAttachment attachment : attachments) {
      Fragment fragment = newest.getFragment(attachment.fragmentId());
      updated.add(rewritten(fragment.metadata(), dataFile(attachment.file()), moved));
    }
    return Update.builder()
        .updatedFragments(updated)
        .fieldsModified(fieldIds.stream().mapToLong(Integer::longValue).toArray())
        .updateMode(Optional.of(UpdateMode.RewriteColumns))
        .build();
  }

  private static FragmentMetadata rewritten(
      FragmentMetadata fragment, DataFile added, Set<Integer> moved) {
    List<DataFile> files = new ArrayList<>();
    for (DataFile file : fragment.getFiles()) {
      int[] fields =
          Arrays.stream(file.getFields())
              .map(id -> moved.contains(id) ? DataFileInfo.TOMBSTONE : id)
              .toArray();
      boolean empty = Arrays.stream(fields).allMatch(id -> id == DataFileInfo.TOMBSTONE);
      if (!empty) {
        files.add(withFields(file, fields));
      }
    }
    files.add(added);
    return new FragmentMetadata(
        fragment.getId(),
        files,
        fragment.getPhysicalRows(),
        fragment.getDeletionFile(),
        fragment.getRowIdMeta());
  }

  private static DataFile withFields(DataFile file, int[] fields) {
    return new DataFile(
        file.getPath(),
        fields,
        file.getColumnIndices(),
        file.getFileMajorVersion(),
        file.getFileMinorVersion(),
        file.getFileSizeBytes(),
        file.getBaseId().orElse(null));
  }

  private static DataFile dataFile(StagedColumnFile file) {
    return new DataFile(
        file.path(),
        file.fieldIds().stream().mapToInt(Integer::intValue).toArray(),
        file.columnIndices().stream().mapToInt(Integer::intValue).toArray(),
        file.majorVersion(),
        file.minorVersion(),
        file.bytes() < 0 ? null : file.bytes(),
        null);
  }
}
