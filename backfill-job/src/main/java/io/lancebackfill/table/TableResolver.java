package io.lancebackfill.table;

import io.lancebackfill.datasource.table.CatalogTables;
import io.lancebackfill.datasource.table.Credentials;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.NearestName;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.analysis.NoSuchDatabaseException;
import org.apache.spark.sql.catalyst.analysis.NoSuchNamespaceException;
import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.apache.spark.sql.catalyst.catalog.CatalogTableType;
import org.apache.spark.sql.catalyst.parser.ParseException;
import org.apache.spark.sql.connector.catalog.CatalogManager;
import org.apache.spark.sql.connector.catalog.CatalogPlugin;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCatalog;
import org.apache.spark.sql.connector.catalog.V1Table;
import scala.collection.JavaConverters;

/**
 * Finds the table that a {@code table} argument means. With a '/' it is a URI, opened with the
 * credentials of the CALL's catalog. Else it is a name, of any number of parts: relative to the
 * CALL's catalog, or, where that has no such table, absolute if its first part is a configured
 * catalog. A name of one part lies in the session's current namespace if the CALL's catalog is the
 * current one, and else in the catalog's default namespace.
 */
public final class TableResolver {
  private static final String SESSION_CATALOG = CatalogManager.SESSION_CATALOG_NAME();

  private final SparkSession session;
  private final CallCatalog callCatalog;

  /**
   * @param callCatalog the catalog of the CALL
   */
  public TableResolver(SparkSession session, CallCatalog callCatalog) {
    this.session = session;
    this.callCatalog = callCatalog;
  }

  /** The table of {@link #resolve} with the folder of the CALL's catalog. */
  public TableTarget target(String table) {
    return target(resolve(table));
  }

  public TableTarget target(TableAddress address) {
    return new TableTarget(
        address.displayName(),
        new DatasetRef(address.uri(), address.storageOptions()),
        callCatalog.name(),
        callCatalog.folder().orElse(null));
  }

  /**
   * @param table a URI or a name; names may be quoted as in SQL. Whether a dataset lies at a URI is
   *     not looked at
   * @throws BackfillException INVALID_ARGUMENT, UNKNOWN_CATALOG, TABLE_NOT_FOUND, NOT_A_LANCE_TABLE
   *     or MANAGED_VERSIONING
   */
  public TableAddress resolve(String table) {
    if (table.contains("/")) {
      String uri = table.strip().replaceAll("(?<=[^/:])/+$", "");
      CatalogStorage.refuseHadoopScheme("Argument 'table'", uri);
      return new TableAddress(
          Credentials.without(uri), uri, callCatalog.storageOptions(), callCatalog.name());
    }
    List<String> parts = parts(session, table);
    List<Reading> readings = readings(parts);
    Map<Reading, Exception> missing = new LinkedHashMap<>();
    for (Reading reading : readings) {
      CatalogTables.Answer answer = ask(reading);
      Optional<TableAddress> found =
          answer.missing() && readings.size() > 1
              ? Optional.empty() // loading it would cost more, for nothing if another has it
              : described(reading, answer).or(() -> loaded(reading, missing));
      if (found.isPresent()) {
        return found.get();
      }
    }
    for (Reading reading : readings) {
      Optional<TableAddress> found =
          missing.containsKey(reading) ? Optional.empty() : loaded(reading, missing);
      if (found.isPresent()) {
        return found.get();
      }
    }
    readings.forEach(reading -> storage(reading.catalog()).requireReachable());
    throw notFound(table, parts, inOrder(readings, missing));
  }

  private static Map<Reading, Exception> inOrder(
      List<Reading> readings, Map<Reading, Exception> missing) {
    Map<Reading, Exception> sorted = new LinkedHashMap<>();
    readings.forEach(reading -> sorted.put(reading, missing.get(reading)));
    return sorted;
  }

  /** Empty if there is no such table, for which the catalog's exception is put among others. */
  private Optional<TableAddress> loaded(Reading reading, Map<Reading, Exception> missing) {
    try {
      Table loaded = load(reading);
      TableAddress address = address(reading, loaded);
      refuseManaged(reading, () -> CatalogTables.managedVersioning(loaded));
      return Optional.of(address);
    } catch (NoSuchTableException | NoSuchNamespaceException | NoSuchDatabaseException e) {
      missing.put(reading, e);
      return Optional.empty();
    } catch (BackfillException e) {
      throw e;
    } catch (AnalysisException e) {
      throw cannotLoad(reading, e);
    } catch (RuntimeException e) {
      storage(reading.catalog()).requireReachable();
      throw cannotLoad(reading, e);
    }
  }

  private static CatalogTables.Answer ask(Reading reading) {
    return reading.plugin() instanceof TableCatalog tables
        ? CatalogTables.described(tables, reading.identifier())
        : new CatalogTables.Answer(Optional.empty(), false);
  }

  /** A table of a Lance catalog; empty if its namespace does not have it, or the catalog none. */
  private static Optional<TableAddress> described(Reading reading, CatalogTables.Answer answer) {
    return answer
        .table()
        .map(
            table -> {
              refuseManaged(reading, table::managedVersioning);
              return new TableAddress(
                  reading.displayName(),
                  table.address().uri(),
                  table.address().storageOptions(),
                  reading.catalog());
            });
  }

  /** Our commits go to the storage, and the namespace would not hear of them. */
  private static void refuseManaged(Reading reading, BooleanSupplier managedVersioning) {
    boolean managed;
    try {
      managed = managedVersioning.getAsBoolean();
    } catch (RuntimeException e) {
      throw cannotLoad(reading, e);
    }
    if (managed) {
      throw new BackfillException(
          BackfillErrorCode.MANAGED_VERSIONING,
          "The versions of %s are kept by the namespace of catalog '%s' (managed_versioning), and computed columns are not committed through it: nothing was read or changed. Use a table whose versions lie in its own folder, as in a catalog with impl=dir and without spark.sql.catalog.%s.table_version_tracking_enabled."
              .formatted(reading.displayName(), reading.catalog(), reading.catalog()));
    }
  }

  private static BackfillException cannotLoad(Reading reading, Exception e) {
    return new BackfillException(
        BackfillErrorCode.STORAGE_FAILED,
        "The catalog cannot load table %s: %s".formatted(reading.displayName(), e.getMessage()),
        e);
  }

  /** The storage of a catalog, of which Lance's own says no more than that a table is not there. */
  private CatalogStorage storage(String catalog) {
    return new CatalogStorage(
        catalog, CallCatalog.find(session.sessionState().conf(), catalog).orElse(null));
  }

  /** A table that a name may mean. */
  private record Reading(String catalog, CatalogPlugin plugin, Identifier identifier) {
    String displayName() {
      return TableResolver.displayName(catalog, identifier);
    }
  }

  private List<Reading> readings(List<String> parts) {
    CatalogManager manager = session.sessionState().catalogManager();
    CatalogPlugin relative =
        storage(callCatalog.name()).open(() -> manager.catalog(callCatalog.name()));
    List<Reading> readings = new ArrayList<>();
    readings.add(
        reading(
            callCatalog.name(),
            relative,
            parts,
            manager.currentCatalog().name().equals(relative.name())
                ? manager.currentNamespace()
                : relative.defaultNamespace()));
    if (parts.size() > 1 && isCatalog(parts.get(0))) {
      String catalog = configuredName(parts.get(0));
      CatalogPlugin absolute = storage(catalog).open(() -> manager.catalog(catalog));
      readings.add(
          reading(catalog, absolute, parts.subList(1, parts.size()), absolute.defaultNamespace()));
    }
    return readings;
  }

  private static Reading reading(
      String catalog, CatalogPlugin plugin, List<String> parts, String[] namespaceOfOnePart) {
    int last = parts.size() - 1;
    String[] namespace =
        last > 0 ? parts.subList(0, last).toArray(String[]::new) : namespaceOfOnePart;
    return new Reading(catalog, plugin, Identifier.of(namespace, parts.get(last)));
  }

  // Scala's catalogs throw more than the interface declares.
  private static Table load(Reading reading) throws AnalysisException {
    if (!(reading.plugin() instanceof TableCatalog tables)) {
      throw notLance(
          reading.displayName(),
          "its catalog, a " + reading.plugin().getClass().getName() + ", has no tables");
    }
    return tables.loadTable(reading.identifier());
  }

  private static TableAddress address(Reading reading, Table loaded) {
    return CatalogTables.address(loaded)
        .map(
            address ->
                new TableAddress(
                    reading.displayName(),
                    address.uri(),
                    address.storageOptions(),
                    reading.catalog()))
        .orElseThrow(() -> notLance(reading.displayName(), "it is a " + kind(loaded)));
  }

  private static String kind(Table loaded) {
    boolean view =
        loaded instanceof V1Table v1
            && v1.v1Table().tableType().name().equals(CatalogTableType.VIEW().name());
    return view ? "view" : loaded.getClass().getSimpleName();
  }

  private BackfillException notFound(
      String table, List<String> parts, Map<Reading, Exception> missing) {
    if (session.sessionState().catalog().isTempView(JavaConverters.asScalaBuffer(parts).toList())) {
      return notLance("'" + table + "'", "it is a temporary view");
    }
    String given = "table => '" + table + "'";
    List<String> tables = missing.keySet().stream().map(Reading::displayName).toList();
    String problem = "There is no table " + String.join(", and no table ", tables);
    BackfillErrorCode code = BackfillErrorCode.TABLE_NOT_FOUND;
    if (parts.size() == 1) {
      problem += ", which %s means here.".formatted(given);
    } else if (missing.size() > 1) {
      problem +=
          ": %s means the one, relative to the catalog of the CALL, or else the other."
              .formatted(given);
    } else {
      List<String> catalogs = new ArrayList<>(CallCatalog.names(session.sessionState().conf()));
      catalogs.add(SESSION_CATALOG);
      String first = parts.get(0);
      problem +=
          ", and '%s' in %s is no catalog of this session.%s There are: %s."
              .formatted(
                  first, given, NearestName.hint(first, catalogs), String.join(", ", catalogs));
      if (parts.size() > 2 && NearestName.of(first, catalogs).isPresent()) {
        code = BackfillErrorCode.UNKNOWN_CATALOG;
      }
    }
    String hint = hint(missing);
    Exception cause = missing.values().iterator().next();
    return new BackfillException(
        code,
        problem
            + hint
            + " Names are relative to the catalog of the CALL, "
            + callCatalog.name()
            + ", or begin with a catalog; SHOW TABLES lists them. A URI needs a '/'.",
        cause);
  }

  private static String hint(Map<Reading, Exception> missing) {
    Set<String> found = new LinkedHashSet<>();
    missing.forEach(
        (reading, failure) -> {
          if (reading.plugin() instanceof TableCatalog tables) {
            NearestTable.of(tables, reading.identifier(), failure).stream()
                .map(identifier -> "'" + displayName(reading.catalog(), identifier) + "'")
                .forEach(found::add);
          }
        });
    return found.isEmpty() ? "" : " Did you mean " + String.join(" or ", found) + "?";
  }

  /**
   * The parts of a name, without their quotes.
   *
   * @throws BackfillException INVALID_ARGUMENT
   */
  static List<String> parts(SparkSession session, String table) {
    String problem =
        ("Argument 'table' is '%s', and neither a name such as db.t nor a URI, which has a '/'."
                + " Quote parts with other characters: `my-table`.")
            .formatted(table);
    List<String> parts;
    try {
      parts =
          JavaConverters.seqAsJavaList(
              session.sessionState().sqlParser().parseMultipartIdentifier(table));
    } catch (ParseException e) {
      throw new BackfillException(BackfillErrorCode.INVALID_ARGUMENT, problem, e);
    }
    if (parts.stream().anyMatch(String::isBlank)) {
      throw new BackfillException(BackfillErrorCode.INVALID_ARGUMENT, problem);
    }
    return parts;
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
