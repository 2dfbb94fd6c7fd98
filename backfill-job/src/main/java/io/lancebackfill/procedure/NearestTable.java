package io.lancebackfill.procedure;

import io.lancebackfill.error.NearestName;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.SupportsNamespaces;
import org.apache.spark.sql.connector.catalog.TableCatalog;

/** Finds the tables that a name may have meant which no table has: for the end of a message. */
final class NearestTable {
  /** Each may take a request or two. */
  private static final int MOST_NAMESPACES = 20;

  private static final String DEFAULT = "default";

  private NearestTable() {}

  /**
   * Tables of the same name in other namespaces, else one of a similar name in the same.
   *
   * @param missing tells what the catalog said of the table; what it says now is added
   */
  static List<Identifier> of(TableCatalog catalog, Identifier name, Exception missing) {
    List<Identifier> namesakes =
        namespaces(catalog, missing).stream()
            .map(namespace -> Identifier.of(namespace.toArray(String[]::new), name.name()))
            .filter(other -> !other.equals(name) && exists(catalog, other, missing))
            .toList();
    return namesakes.isEmpty() ? alike(catalog, name, missing) : namesakes;
  }

  private static Set<List<String>> namespaces(TableCatalog catalog, Exception missing) {
    Set<List<String>> namespaces = new LinkedHashSet<>();
    // Tables can lie in these without their being listed.
    namespaces.add(List.of(DEFAULT));
    namespaces.add(List.of());
    namespaces.add(List.of(catalog.defaultNamespace()));
    if (catalog instanceof SupportsNamespaces listing) {
      try {
        Arrays.stream(listing.listNamespaces())
            .limit(MOST_NAMESPACES)
            .map(List::of)
            .forEach(namespaces::add);
      } catch (Exception e) {
        missing.addSuppressed(e);
      }
    }
    return namespaces;
  }

  private static boolean exists(TableCatalog catalog, Identifier table, Exception missing) {
    try {
      return catalog.tableExists(table);
    } catch (Exception e) { // Scala's catalogs throw more than the interface declares
      missing.addSuppressed(e);
      return false;
    }
  }

  private static List<Identifier> alike(TableCatalog catalog, Identifier name, Exception missing) {
    try {
      List<String> names =
          Stream.of(catalog.listTables(name.namespace())).map(Identifier::name).toList();
      return NearestName.of(name.name(), names).stream()
          .map(found -> Identifier.of(name.namespace(), found))
          .toList();
    } catch (Exception e) {
      missing.addSuppressed(e);
      return List.of();
    }
  }
}
