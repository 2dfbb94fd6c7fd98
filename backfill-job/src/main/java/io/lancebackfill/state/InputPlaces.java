package io.lancebackfill.state;

import io.lancebackfill.datasource.table.ColumnPlace;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableColumn;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/** Where the inputs of a computed column stand in a fragment, as one comparable text. */
public final class InputPlaces {
  private InputPlaces() {}

  /**
   * A JSON object: field id to {@code path:column indices}; an empty text where the fragment has no
   * file for the input, so that its rows read NULL.
   */
  public static String of(FragmentSnapshot fragment, List<TableColumn> inputs) {
    TreeMap<String, String> places = new TreeMap<>();
    for (TableColumn input : inputs) {
      places.put(
          Integer.toString(input.id()), fragment.place(input).map(InputPlaces::text).orElse(""));
    }
    return Json.write(places);
  }

  /** Names of the inputs that stand elsewhere now. */
  public static List<String> changed(String before, String now, List<TableColumn> inputs) {
    Map<String, String> old = Json.stringMap(before);
    Map<String, String> present = Json.stringMap(now);
    return inputs.stream()
        .filter(
            input -> {
              String id = Integer.toString(input.id());
              return !Objects.equals(old.get(id), present.get(id));
            })
        .map(TableColumn::name)
        .toList();
  }

  /** {@code path:[indices]} of one place. */
  public static String text(ColumnPlace place) {
    return place.path() + ":" + place.columnIndices();
  }
}
