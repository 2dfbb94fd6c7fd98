package io.lancebackfill.datasource.table;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCatalog;
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
   * The address of a table of a Lance catalog that cannot be loaded, since it has a column of a
   * type that lance-spark lacks; empty if the catalog is another or does not have it.
   */
  public static Optional<Address> address(TableCatalog catalog, Identifier identifier) {
    if (!(catalog instanceof BaseLanceNamespaceSparkCatalog lance)
        || lance.getNamespaceImpl() == null) {
      return Optional.empty();
    }
    Map<String, String> properties = lance.getNamespaceProperties();
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
    DescribeTableRequest request = new DescribeTableRequest();
    request.setId(id);
    DescribeTableResponse described;
    try {
      described =
          LanceRuntime.getOrCreateNamespace(lance.getNamespaceImpl(), properties)
              .describeTable(request);
    } catch (RuntimeException e) {
      // Whoever asks has an exception that says more.
      return Optional.empty();
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
    return location == null ? Optional.empty() : Optional.of(new Address(location, storage));
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
