package io.lancebackfill.state;

import io.lancebackfill.datasource.table.ColumnPlace;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableColumn;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Where the inputs of a computed column stand in a fragment, as one comparable text. */
public final class InputPlaces {
  private InputPlaces() {}

  /**
   * A JSON object: the field id that the column was declared with to {@code path:column indices};
   * an empty text where the fragment has no file for the input, so that its rows read NULL.
   */
  public static String of(FragmentSnapshot fragment, List<TableColumn> inputs) {
    TreeMap<String, String> places = new TreeMap<>();
    for (TableColumn input : inputs) {
      places.put(
          Integer.toString(input.originalId()),
          fragment.place(input).map(InputPlaces::text).orElse(""));
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
              String id = Integer.toString(input.originalId());
              return !Objects.equals(old.get(id), present.get(id));
            })
        .map(TableColumn::name)
        .toList();
  }

  /** The path in {@link #text}; empty if it is of no place. */
  public static Optional<String> path(String text) {
    int indices = text.lastIndexOf(":[");
    return indices < 0 ? Optional.empty() : Optional.of(text.substring(0, indices));
  }

  /** The paths in {@link #of}; none if it is empty. */
  public static Set<String> paths(String places) {
    return places.isEmpty()
        ? Set.of()
        : Json.stringMap(places).values().stream()
            .map(InputPlaces::path)
            .flatMap(Optional::stream)
            .collect(Collectors.toSet());
  }

  /** {@code path:[indices]} of one place. */
  public static String text(ColumnPlace place) {
    return place.path() + ":" + place.columnIndices();
  }
}
