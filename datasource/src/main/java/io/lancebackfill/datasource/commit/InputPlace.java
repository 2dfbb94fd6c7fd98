package io.lancebackfill.datasource.commit;

import io.lancebackfill.datasource.table.ColumnPlace;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableColumn;
import java.io.Serializable;
import org.jspecify.annotations.Nullable;

/**
 * Where an input column of a fragment lay when it was read.
 *
 * @param fieldId id of the top-level column
 * @param place null if the fragment had no data of it
 */
public record InputPlace(int fieldId, @Nullable ColumnPlace place) implements Serializable {

  /** The place of a column in a fragment of a snapshot. */
  public static InputPlace of(FragmentSnapshot fragment, TableColumn column) {
    return new InputPlace(column.id(), fragment.place(column).orElse(null));
  }
}
