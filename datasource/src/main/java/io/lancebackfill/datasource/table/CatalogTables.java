package io.lancebackfill.datasource.table;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.WeakHashMap;
import java.util.regex.Pattern;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCatalog;
import org.lance.namespace.LanceNamespace;
import org.lance.namespace.errors.ErrorCode;
import org.lance.namespace.errors.LanceNamespaceException;
import org.lance.namespace.model.DescribeTableRequest;
import org.lance.namespace.model.DescribeTableResponse;
import org.lance.spark.BaseLanceNamespaceSparkCatalog;
import org.lance.spark.LanceDataset;
import org.lance.spark.LanceRuntime;
import org.lance.spark.LanceSparkReadOptions;

/** What a table that a Spark catalog has loaded says of where it lies. */
public final class CatalogTables {
  // Options of the catalog, which lance-spark hands out together with those of the storage.
  private static final String CATALOG_IMPL = "impl";
  private static final String CATALOG_ROOT = "root";

  private static final String PARENT = "parent";
  private static final String PARENT_DELIMITER = "parent_delimiter";
  private static final String STORAGE = "storage.";

  /** Connecting costs as much as asking; a catalog's own namespace cannot be had. */
  private static final Map<TableCatalog, LanceNamespace> CONNECTED =
      Collections.synchronizedMap(new WeakHashMap<>());

  private CatalogTables() {}

  /**
   * Where a table lies and what opens it.
   *
   * @param storageOptions credentials and the like: secret, and not shown by {@code toString}
   */
  public record Address(String uri, Map<String, String> storageOptions) {
    public Address {
      storageOptions = Map.copyOf(storageOptions);
    }

    @Override
    public String toString() {
      return "Address[uri=" + uri + "]";
    }
  }

  /**
   * What a catalog's namespace says of a table.
   *
   * @param managedVersioning whether the namespace keeps the table's versions: then each commit has
   *     to go through it, and storage alone does not tell which version is the newest
   */
  public record Described(Address address, boolean managedVersioning) {}

  /**
   * What asking for a table came to.
   *
   * @param table empty if the catalog is no Lance catalog, or has no such table, or fails
   * @param missing whether it is certain that the catalog does not have it
   */
  public record Answer(Optional<Described> table, boolean missing) {}

  /**
   * Asks the namespace of a Lance catalog, which is quicker than to load the table, and works for
   * tables with a column of a type that lance-spark lacks.
   */
  public static Answer described(TableCatalog catalog, Identifier identifier) {
    if (!(catalog instanceof BaseLanceNamespaceSparkCatalog lance)
        || lance.getNamespaceImpl() == null) {
      return new Answer(Optional.empty(), false);
    }
    Map<String, String> properties = lance.getNamespaceProperties();
    DescribeTableResponse described;
    try {
      described = describe(connected(lance), id(properties, identifier));
    } catch (RuntimeException e) {
      // Whoever asks loads the table next, and has an exception that says more.
      boolean missing =
          e instanceof LanceNamespaceException told
              && told.getErrorCode() == ErrorCode.TABLE_NOT_FOUND;
      return new Answer(Optional.empty(), missing);
    }
    Map<String, String> storage = new HashMap<>();
    properties.forEach(
        (key, value) -> {
          if (key.startsWith(STORAGE)) {
            storage.put(key.substring(STORAGE.length()), value);
          }
        });
    if (described.getStorageOptions() != null) {
      storage.putAll(described.getStorageOptions());
    }
    String location = described.getLocation();
    return new Answer(
        Optional.ofNullable(location)
            .map(
                uri ->
                    new Described(
                        new Address(uri, storage),
                        Boolean.TRUE.equals(described.getManagedVersioning()))),
        false);
  }

  private static LanceNamespace connected(BaseLanceNamespaceSparkCatalog catalog) {
    return CONNECTED.computeIfAbsent(
        catalog,
        same ->
            LanceRuntime.getOrCreateNamespace(
                catalog.getNamespaceImpl(), catalog.getNamespaceProperties()));
  }

  private static List<String> id(Map<String, String> properties, Identifier identifier) {
    List<String> id = new ArrayList<>();
    if (properties.containsKey(PARENT)) {
      id.addAll(
          List.of(
              properties
                  .get(PARENT)
                  .split(Pattern.quote(properties.getOrDefault(PARENT_DELIMITER, ".")))));
    }
    id.addAll(List.of(identifier.namespace()));
    id.add(identifier.name());
    return id;
  }

  /**
   * Whether the namespace of a loaded table keeps the table's versions: then each commit has to go
   * through it, and storage alone does not tell which version is the newest.
   *
   * @throws RuntimeException if the namespace does not answer
   */
  public static boolean managedVersioning(Table table) {
    return table instanceof LanceDataset dataset
        && dataset.getNamespaceImpl() != null
        && dataset.readOptions().getTableId() != null
        && managedVersioning(
            dataset.getNamespaceImpl(),
            dataset.getNamespaceProperties(),
            dataset.readOptions().getTableId());
  }

  private static boolean managedVersioning(
      String namespace, Map<String, String> properties, List<String> id) {
    return Boolean.TRUE.equals(
        describe(LanceRuntime.getOrCreateNamespace(namespace, properties), id)
            .getManagedVersioning());
  }

  private static DescribeTableResponse describe(LanceNamespace namespace, List<String> id) {
    DescribeTableRequest request = new DescribeTableRequest();
    request.setId(id);
    return namespace.describeTable(request);
  }

  /** The address of a Lance table; empty if the table is of another kind. */
  public static Optional<Address> address(Table table) {
    if (!(table instanceof LanceDataset dataset)) {
      return Optional.empty();
    }
    LanceSparkReadOptions options = dataset.readOptions();
    Map<String, String> storage = new HashMap<>();
    if (options.getStorageOptions() != null) {
      storage.putAll(options.getStorageOptions());
    }
    if (dataset.getInitialStorageOptions() != null) {
      storage.putAll(dataset.getInitialStorageOptions());
    }
    storage.remove(CATALOG_IMPL);
    storage.remove(CATALOG_ROOT);
    return Optional.of(new Address(options.getDatasetUri(), storage));
  }
}
