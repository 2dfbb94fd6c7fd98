package io.lancebackfill.state;

import io.lancebackfill.datasource.store.StateRow;
import io.lancebackfill.datasource.store.StateTable;
import io.lancebackfill.datasource.store.StateTable.Column;
import io.lancebackfill.datasource.store.StateTable.Type;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.udf.UdfDescriptor;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Registered functions, of a catalog or of one table: {@code _backfill/functions.lance}, append
 * only; the last row of a name counts.
 */
public final class StoredFunctions {
  private static final List<Column> SCHEMA =
      List.of(
          new Column("name", Type.STRING),
          new Column("kind", Type.STRING),
          new Column("class", Type.STRING),
          new Column("version", Type.STRING),
          new Column("fingerprint", Type.STRING),
          new Column("options", Type.STRING),
          new Column("dropped", Type.BOOLEAN),
          new Column("at", Type.TIMESTAMP));

  private final StateTable table;

  public StoredFunctions(DatasetRef dataset) {
    this.table = new StateTable(dataset, SCHEMA);
  }

  /** The functions of a whole catalog. */
  public static StoredFunctions ofCatalog(DatasetRef root) {
    return new StoredFunctions(root.stateFolder().child("functions.lance"));
  }

  /**
   * A function as it is stored.
   *
   * @param fingerprint of its code when it was registered
   */
  public record StoredFunction(UdfDescriptor descriptor, String fingerprint, Instant at) {}

  /** All functions by lower-case name, in the order in which they were first registered. */
  public Map<String, StoredFunction> all() {
    if (!table.exists()) {
      return Map.of();
    }
    Map<String, StoredFunction> functions = new LinkedHashMap<>();
    for (StateRow row : table.read(null, List.of())) {
      String name = row.string("name");
      if (row.booleanValue("dropped")) {
        functions.remove(key(name));
      } else {
        functions.put(
            key(name),
            new StoredFunction(
                new UdfDescriptor(
                    name,
                    row.string("kind"),
                    row.string("class"),
                    row.string("version").isEmpty() ? null : row.string("version"),
                    Json.stringMap(row.string("options"))),
                row.string("fingerprint"),
                row.instant("at")));
      }
    }
    return functions;
  }

  public Optional<StoredFunction> find(String name) {
    return Optional.ofNullable(all().get(key(name)));
  }

  public void put(UdfDescriptor function, String fingerprint, Instant at) {
    String version = function.version();
    table.append(
        List.of(
            Arrays.asList(
                function.name(),
                function.kind(),
                function.className(),
                version == null ? "" : version,
                fingerprint,
                Json.write(function.options()),
                false,
                at)));
  }

  public void drop(String name, Instant at) {
    table.append(List.of(Arrays.asList(name, "", "", "", "", "{}", true, at)));
  }

  private static String key(String name) {
    return name.toLowerCase(Locale.ROOT);
  }
}
