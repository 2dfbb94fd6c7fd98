package io.lancebackfill.procedure;

import io.lancebackfill.datasource.table.CatalogTables;
import io.lancebackfill.datasource.table.Credentials;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.NearestName;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.analysis.NoSuchDatabaseException;
import org.apache.spark.sql.catalyst.analysis.NoSuchNamespaceException;
import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.apache.spark.sql.catalyst.parser.ParseException;
import org.apache.spark.sql.connector.catalog.CatalogManager;
import org.apache.spark.sql.connector.catalog.CatalogPlugin;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCatalog;
import scala.collection.JavaConverters;

/**
 * Finds the table that a {@code table} argument means. With a '/' it is a URI, opened with the
 * credentials of the CALL's catalog. Else it is a name: absolute if its first of several parts is a
 * configured catalog, otherwise relative to the CALL's catalog. A name of one part lies in the
 * session's current namespace if the CALL's catalog is the current one, and else in the catalog's
 * default namespace.
 */
public final class TableResolver {
  private static final String SESSION_CATALOG = CatalogManager.SESSION_CATALOG_NAME();

  private final SparkSession session;
  private final CallCatalog callCatalog;

  public TableResolver(ProcedureContext context) {
    this.session = context.session();
    this.callCatalog = context.catalog();
  }

  /**
   * @param table a URI or a name; names may be quoted as in SQL. Whether a dataset lies at a URI is
   *     not looked at
   * @throws BackfillException INVALID_ARGUMENT, UNKNOWN_CATALOG, TABLE_NOT_FOUND or
   *     NOT_A_LANCE_TABLE
   */
  public TableAddress resolve(String table) {
    if (table.contains("/")) {
      String uri = table.strip().replaceAll("(?<=[^/:])/+$", "");
      CatalogStorage.refuseHadoopScheme("Argument 'table'", uri);
      return new TableAddress(
          Credentials.without(uri), uri, callCatalog.storageOptions(), callCatalog.name());
    }
    List<String> parts = parts(table);
    String catalog = callCatalog.name();
    if (parts.size() > 1 && isCatalog(parts.get(0))) {
      catalog = configuredName(parts.get(0));
      parts = parts.subList(1, parts.size());
    } else if (parts.size() > 2) {
      throw unknownCatalog(table, parts.get(0));
    }
    return load(table, catalog, parts);
  }

  private TableAddress load(String table, String catalog, List<String> parts) {
    CatalogManager manager = session.sessionState().catalogManager();
    CatalogPlugin plugin = storage(catalog).open(() -> manager.catalog(catalog));
    String[] namespace =
        parts.size() > 1
            ? parts.subList(0, parts.size() - 1).toArray(String[]::new)
            : currentNamespace(manager, plugin);
    Identifier identifier = Identifier.of(namespace, parts.get(parts.size() - 1));
    String displayName = displayName(catalog, identifier);
    if (!(plugin instanceof TableCatalog tables)) {
      throw notLance(
          displayName, "its catalog, a " + plugin.getClass().getName() + ", has no tables");
    }
    Table loaded;
    try {
      loaded = load(table, catalog, tables, identifier);
    } catch (BackfillException e) {
      throw e;
    } catch (RuntimeException e) {
      // A column of a type that lance-spark lacks is no reason: who reads the others needs it not.
      Optional<CatalogTables.Address> address = CatalogTables.address(tables, identifier);
      if (address.isEmpty()) {
        storage(catalog).requireReachable();
        throw cannotLoad(displayName, String.valueOf(e.getMessage()), e);
      }
      return new TableAddress(
          displayName, address.get().uri(), address.get().storageOptions(), catalog);
    }
    return CatalogTables.address(loaded)
        .map(
            address ->
                new TableAddress(displayName, address.uri(), address.storageOptions(), catalog))
        .orElseThrow(() -> notLance(displayName, "it is a " + loaded.getClass().getSimpleName()));
  }

  private Table load(String table, String catalog, TableCatalog tables, Identifier identifier) {
    String displayName = displayName(catalog, identifier);
    try {
      return loadTable(tables, identifier);
    } catch (NoSuchTableException | NoSuchNamespaceException | NoSuchDatabaseException e) {
      storage(catalog).requireReachable();
      throw new BackfillException(
          BackfillErrorCode.TABLE_NOT_FOUND,
          ("There is no table %s, which table => '%s' means here.%s"
                  + " Names are relative to the catalog of the CALL, %s; SHOW TABLES lists them."
                  + " A URI needs a '/'.")
              .formatted(
                  displayName, table, hint(catalog, tables, identifier, e), callCatalog.name()),
          e);
    } catch (AnalysisException e) {
      throw cannotLoad(displayName, e.getMessage(), e);
    }
  }

  private static BackfillException cannotLoad(String displayName, String problem, Exception e) {
    return new BackfillException(
        BackfillErrorCode.STORAGE_FAILED,
        "The catalog cannot load table %s: %s".formatted(displayName, problem),
        e);
  }

  /** The storage of a catalog, of which Lance's own says no more than that a table is not there. */
  private CatalogStorage storage(String catalog) {
    return new CatalogStorage(
        catalog, CallCatalog.find(session.sessionState().conf(), catalog).orElse(null));
  }

  private static String hint(
      String catalog, TableCatalog tables, Identifier missing, Exception failure) {
    List<String> found =
        NearestTable.of(tables, missing, failure).stream()
            .map(identifier -> "'" + displayName(catalog, identifier) + "'")
            .toList();
    return found.isEmpty() ? "" : " Did you mean " + String.join(" or ", found) + "?";
  }

  // Scala's catalogs throw more than the interface declares.
  private static Table loadTable(TableCatalog tables, Identifier identifier)
      throws AnalysisException {
    return tables.loadTable(identifier);
  }

  private String[] currentNamespace(CatalogManager manager, CatalogPlugin plugin) {
    return manager.currentCatalog().name().equals(plugin.name())
        ? manager.currentNamespace()
        : plugin.defaultNamespace();
  }

  private List<String> parts(String table) {
    try {
      return JavaConverters.seqAsJavaList(
          session.sessionState().sqlParser().parseMultipartIdentifier(table));
    } catch (ParseException e) {
      throw new BackfillException(
          BackfillErrorCode.INVALID_ARGUMENT,
          ("Argument 'table' is '%s', and neither a name such as db.t nor a URI, which has a '/'."
                  + " Quote parts with other characters: `my-table`.")
              .formatted(table),
          e);
    }
  }

  private boolean isCatalog(String name) {
    return name.equalsIgnoreCase(SESSION_CATALOG)
        || CallCatalog.find(session.sessionState().conf(), name).isPresent();
  }

  private String configuredName(String name) {
    return CallCatalog.find(session.sessionState().conf(), name)
        .map(CallCatalog::name)
        .orElse(SESSION_CATALOG);
  }

  private BackfillException unknownCatalog(String table, String name) {
    List<String> known = new ArrayList<>(CallCatalog.names(session.sessionState().conf()));
    known.add(SESSION_CATALOG);
    return new BackfillException(
        BackfillErrorCode.UNKNOWN_CATALOG,
        ("'%s' in table => '%s' is no catalog of this session.%s There are: %s."
                + " Configure it as spark.sql.catalog.%s, or give a name of two parts.")
            .formatted(name, table, NearestName.hint(name, known), String.join(", ", known), name));
  }

  private static BackfillException notLance(String displayName, String because) {
    return new BackfillException(
        BackfillErrorCode.NOT_A_LANCE_TABLE,
        "%s is no Lance table: %s. Name a table of a Lance catalog, or give the URI of a dataset."
            .formatted(displayName, because));
  }

  private static String displayName(String catalog, Identifier identifier) {
    List<String> parts = new ArrayList<>();
    parts.add(catalog);
    parts.addAll(Arrays.asList(identifier.namespace()));
    parts.add(identifier.name());
    return parts.stream().map(TableResolver::quoted).collect(Collectors.joining("."));
  }

  private static String quoted(String part) {
    return part.matches("[A-Za-z0-9_]+") ? part : "`" + part.replace("`", "``") + "`";
  }
}
