package io.lancebackfill.job;

import io.lancebackfill.commit.StagedFragment;
import io.lancebackfill.datasource.commit.ColumnFileAttachment;
import io.lancebackfill.datasource.commit.ColumnFileCommitter;
import io.lancebackfill.datasource.commit.InputPlace;
import io.lancebackfill.datasource.table.ColumnPlace;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.datasource.write.StagedFiles;
import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.InputPlaces;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Finds column files that an earlier driver finished and recorded, and could not commit: they are
 * committed as they are, if the table still is what they were made for.
 */
final class StagedFileAdoption {
  private StagedFileAdoption() {}

  /**
   * @param generation what a recompute counts as its own; null if every generation will do
   */
  static List<StagedFragment> find(
      TableSnapshot table,
      ComputedColumn column,
      List<TableColumn> inputColumns,
      Map<String, ColumnOrigin> origins,
      @Nullable String generation) {
    Map<Integer, FragmentSnapshot> fragments = table.fragmentsById();
    Map<Integer, StagedFragment> newest = new LinkedHashMap<>();
    for (ColumnOrigin origin : origins.values()) {
      FragmentSnapshot fragment = fragments.get(origin.fragmentId());
      if (fragment == null || fragment.physicalRows() != origin.physicalRows()) {
        continue;
      }
      Optional<ColumnPlace> place = ColumnFileCommitter.place(fragment, column.columns());
      String inputs = InputPlaces.of(fragment, inputColumns);
      boolean sameBase = place.map(InputPlaces::text).orElse("").equals(origin.replaces());
      boolean ours =
          origin.parts().stream()
              .anyMatch(
                  part ->
                      part.fingerprint().equals(column.fingerprint())
                          && part.inputs().equals(inputs)
                          && (generation == null || part.generation().equals(generation)));
      if (sameBase && ours) {
        newest.put(
            origin.fragmentId(),
            new StagedFragment(
                attachment(fragment, inputColumns, place.orElse(null), origin), origin));
      }
    }
    List<StagedFragment> readable = new ArrayList<>();
    for (StagedFragment staged : newest.values()) {
      if (StagedFiles.readable(table.ref(), staged.attachment().file())) {
        readable.add(staged);
      }
    }
    return readable;
  }

  private static ColumnFileAttachment attachment(
      FragmentSnapshot fragment,
      List<TableColumn> inputColumns,
      @Nullable ColumnPlace place,
      ColumnOrigin origin) {
    return new ColumnFileAttachment(
        fragment.id(),
        fragment.physicalRows(),
        origin.file(),
        place,
        inputPlaces(fragment, inputColumns));
  }

  /** Where the inputs stand in a fragment, as the committer compares them. */
  static List<InputPlace> inputPlaces(FragmentSnapshot fragment, List<TableColumn> inputColumns) {
    List<InputPlace> places = new ArrayList<>();
    for (TableColumn input : inputColumns) {
      places.add(InputPlace.of(fragment, input));
    }
    return places;
  }
}
