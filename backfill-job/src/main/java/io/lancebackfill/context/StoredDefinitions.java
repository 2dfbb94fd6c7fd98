package io.lancebackfill.context;

import io.lancebackfill.datasource.store.StateRow;
import io.lancebackfill.datasource.store.StateTable;
import io.lancebackfill.datasource.store.StateTable.Column;
import io.lancebackfill.datasource.store.StateTable.Type;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.NearestName;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Named definitions of a catalog, beside its tables: {@code _backfill/clusters.lance} and its like,
 * append only; the last row of a name counts.
 */
final class StoredDefinitions {
  private static final List<Column> SCHEMA =
      List.of(
          new Column("name", Type.STRING),
          new Column("spec", Type.STRING),
          new Column("dropped", Type.BOOLEAN),
          new Column("at", Type.TIMESTAMP));

  private static final List<String> COLUMNS = SCHEMA.stream().map(Column::name).toList();

  private final StateTable table;

  /**
   * @param root folder of the catalog
   * @param what {@code clusters} and the like
   */
  StoredDefinitions(DatasetRef root, String what) {
    this.table = new StateTable(root.stateFolder().child(what + ".lance"), SCHEMA);
  }

  /**
   * A definition.
   *
   * @param spec its canonical JSON
   */
  record Stored(String spec, Instant at) {}

  /** All of them by name. */
  Map<String, Stored> all() {
    Map<String, Stored> found = new TreeMap<>();
    if (!table.exists()) {
      return found;
    }
    for (StateRow row : table.read(null, COLUMNS)) {
      if (row.booleanValue("dropped")) {
        found.remove(row.string("name"));
      } else {
        found.put(row.string("name"), new Stored(row.string("spec"), row.instant("at")));
      }
    }
    return found;
  }

  /**
   * What was defined at any time, with the time from which it no longer was: {@link Instant#MAX}
   * for what still is.
   */
  List<Stored> ever() {
    List<Stored> found = new ArrayList<>();
    if (!table.exists()) {
      return found;
    }
    Map<String, String> current = new TreeMap<>();
    for (StateRow row : table.read(null, COLUMNS)) {
      String before =
          row.booleanValue("dropped")
              ? current.remove(row.string("name"))
              : current.put(row.string("name"), row.string("spec"));
      if (before != null) {
        found.add(new Stored(before, row.instant("at")));
      }
    }
    current.values().forEach(spec -> found.add(new Stored(spec, Instant.MAX)));
    return found;
  }

  /** How it is said that there is no definition of a name. */
  record Missing(BackfillErrorCode code, String what) {}

  /**
   * A definition by its name.
   *
   * @throws BackfillException the code of {@code missing}
   */
  Stored named(String name, Missing missing) {
    Map<String, Stored> all = all();
    Stored found = all.get(name);
    if (found == null) {
      throw new BackfillException(
          missing.code,
          "No %1$s '%2$s' is defined in this catalog. Defined are: %3$s.%4$s Name one of them, or define it: CALL system.define_%1$s(spec => '...')."
              .formatted(
                  missing.what,
                  name,
                  all.isEmpty() ? "none" : String.join(", ", all.keySet()),
                  NearestName.hint(name, all.keySet())));
    }
    return found;
  }

  void put(String name, String spec) {
    append(name, spec, false);
  }

  /**
   * Forgets a definition.
   *
   * @param ifExists whether there need be none of that name
   * @return its name; empty if there was none
   */
  Optional<String> drop(String name, boolean ifExists, Missing missing) {
    if (!all().containsKey(name)) {
      if (ifExists) {
        return Optional.empty();
      }
      named(name, missing);
    }
    append(name, "", true);
    return Optional.of(name);
  }

  private void append(String name, String spec, boolean dropped) {
    table.append(
        List.of(Arrays.asList(name, spec, dropped, Instant.now().truncatedTo(ChronoUnit.MICROS))));
  }
}
