package io.lancebackfill.datasource.commit;

import io.lancebackfill.datasource.table.ColumnPlace;
import io.lancebackfill.datasource.table.DeletedRows;
import io.lancebackfill.datasource.write.StagedColumnFile;
import java.io.Serializable;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A column file, the fragment it belongs to, and what it was made from.
 *
 * @param fragmentId the fragment
 * @param physicalRows of the fragment when its inputs were read
 * @param file the column file
 * @param replaces where the column's values lay then, as {@link ColumnFileCommitter#place} gives
 *     it; null if the fragment had none
 * @param inputs where the values lay that the file was computed from
 * @param deleted rows that were deleted then and hold no value in the file
 */
public record ColumnFileAttachment(
    int fragmentId,
    long physicalRows,
    StagedColumnFile file,
    @Nullable ColumnPlace replaces,
    List<InputPlace> inputs,
    DeletedRows deleted)
    implements Serializable {

  public ColumnFileAttachment {
    inputs = List.copyOf(inputs);
  }

  ColumnFileAttachment withFile(StagedColumnFile other) {
    return new ColumnFileAttachment(fragmentId, physicalRows, other, replaces, inputs, deleted);
  }
}
