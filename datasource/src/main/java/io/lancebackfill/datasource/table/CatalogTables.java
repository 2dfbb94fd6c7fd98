package io.lancebackfill.datasource.table;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.sql.connector.catalog.Table;
import org.lance.spark.LanceDataset;
import org.lance.spark.LanceSparkReadOptions;

/** What a table that a Spark catalog has loaded says of where it lies. */
public final class CatalogTables {
  // Options of the catalog, which lance-spark hands out together with those of the storage.
  private static final String CATALOG_IMPL = "impl";
  private static final String CATALOG_ROOT = "root";

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
