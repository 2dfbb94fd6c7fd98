package io.lancebackfill.table;

import io.lancebackfill.error.NearestName;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.SupportsNamespaces;
import org.apache.spark.sql.connector.catalog.TableCatalog;

/** Finds the tables that a name may have meant which no table has: for the end of a message. */
final class NearestTable {
  /** Each takes a few requests. */
  private static final int MOST_NAMESPACES = 20;

  private static final String DEFAULT = "default";

  private NearestTable() {}

  /**
   * Tables of the same name, whatever its case, in all namespaces, else one of a similar name in
   * the same namespace.
   *
   * @param missing tells what the catalog said of the table; what it says now is added
   */
  static List<Identifier> of(TableCatalog catalog, Identifier name, Exception missing) {
    List<Identifier> namesakes = new ArrayList<>();
    List<Identifier> alike = new ArrayList<>();
    for (List<String> namespace : namespaces(catalog, missing)) {
      String[] folder = namespace.toArray(String[]::new);
      Set<String> tables = new LinkedHashSet<>(tables(catalog, folder, missing));
      // Tables can be there without their being listed.
      if (!tables.contains(name.name())
          && exists(catalog, Identifier.of(folder, name.name()), missing)) {
        tables.add(name.name());
      }
      tables.stream()
          .filter(name.name()::equalsIgnoreCase)
          .forEach(table -> namesakes.add(Identifier.of(folder, table)));
      if (sameIgnoringCase(namespace, name.namespace())) {
        NearestName.of(name.name(), tables)
            .ifPresent(table -> alike.add(Identifier.of(folder, table)));
      }
    }
    return namesakes.isEmpty() ? alike : namesakes;
  }

  private static boolean sameIgnoringCase(List<String> one, String[] other) {
    return String.join("\0", one).equalsIgnoreCase(String.join("\0", other));
  }

  private static Set<List<String>> namespaces(TableCatalog catalog, Exception missing) {
    Set<List<String>> namespaces = new LinkedHashSet<>();
    // Tables can lie in these without their being listed.
    namespaces.add(List.of(DEFAULT));
    namespaces.add(List.of());
    namespaces.add(List.of(catalog.defaultNamespace()));
    if (catalog instanceof SupportsNamespaces listing) {
      Deque<List<String>> open = new ArrayDeque<>(children(listing, List.of(), missing));
      while (!open.isEmpty() && namespaces.size() < MOST_NAMESPACES) {
        List<String> next = open.remove();
        if (namespaces.add(next)) {
          open.addAll(children(listing, next, missing));
        }
      }
    }
    return namespaces;
  }

  private static List<List<String>> children(
      SupportsNamespaces listing, List<String> parent, Exception missing) {
    try {
      String[][] found =
          parent.isEmpty()
              ? listing.listNamespaces()
              : listing.listNamespaces(parent.toArray(String[]::new));
      return Arrays.stream(found).map(List::of).toList();
    } catch (Exception e) { // Scala's catalogs throw more than the interface declares
      missing.addSuppressed(e);
      return List.of();
    }
  }

  private static boolean exists(TableCatalog catalog, Identifier table, Exception missing) {
    try {
      return catalog.tableExists(table);
    } catch (Exception e) { // as above
      missing.addSuppressed(e);
      return false;
    }
  }

  private static List<String> tables(TableCatalog catalog, String[] namespace, Exception missing) {
    try {
      return Stream.of(catalog.listTables(namespace)).map(Identifier::name).toList();
    } catch (Exception e) { // as above
      missing.addSuppressed(e);
      return List.of();
    }
  }
}
