package io.lancebackfill.datasource.catalog;

import java.util.HashMap;
import java.util.Map;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;
import org.jspecify.annotations.Nullable;
import org.lance.CommitBuilder;
import org.lance.Dataset;
import org.lance.spark.LancePositionDeltaDataset;
import org.lance.spark.LanceRuntime;
import org.lance.spark.LanceSparkReadOptions;
import org.lance.spark.LanceSparkWriteOptions;
import org.lance.spark.utils.Utils;

/** lance-spark's table, which also tells how its own writes open and commit. */
class WholeTable extends LancePositionDeltaDataset {
  private final boolean managedVersioning;

  WholeTable(
      LanceSparkReadOptions readOptions,
      StructType schema,
      @Nullable Map<String, String> storageOptions,
      @Nullable String namespaceImpl,
      @Nullable Map<String, String> namespaceProperties,
      boolean managedVersioning,
      @Nullable String fileFormatVersion) {
    super(
        readOptions,
        schema,
        storageOptions,
        namespaceImpl,
        namespaceProperties,
        managedVersioning,
        fileFormatVersion);
    this.managedVersioning = managedVersioning;
  }

  /** The same table with other columns. */
  WholeTable(WholeTable table, StructType schema) {
    this(
        table.readOptions(),
        schema,
        table.getInitialStorageOptions(),
        table.getNamespaceImpl(),
        table.getNamespaceProperties(),
        table.managedVersioning,
        table.getFileFormatVersion());
  }

  /** The options of a write, those of its statement before those of the catalog. */
  LanceSparkWriteOptions writeOptions(CaseInsensitiveStringMap statement) {
    LanceSparkReadOptions table = readOptions();
    Map<String, String> options = new HashMap<>(table.getStorageOptions());
    options.putAll(statement.asCaseSensitiveMap());
    LanceSparkWriteOptions.Builder builder =
        LanceSparkWriteOptions.builder()
            .datasetUri(table.getDatasetUri())
            .namespace(table.getNamespace())
            .tableId(table.getTableId())
            .fromOptions(options);
    if (!options.containsKey(LanceSparkWriteOptions.CONFIG_FILE_FORMAT_VERSION)
        && getFileFormatVersion() != null) {
      builder.fileFormatVersion(getFileFormatVersion());
    }
    return builder.build();
  }

  /** Opens the newest version as lance-spark does; the caller closes it. */
  Dataset open(LanceSparkWriteOptions options) {
    return Utils.openDataset(options);
  }

  /** A commit to the table, through its namespace if that keeps the versions. */
  CommitBuilder commitTo(Dataset dataset, LanceSparkWriteOptions options) {
    CommitBuilder commit = new CommitBuilder(dataset).writeParams(options.getStorageOptions());
    if (managedVersioning) {
      commit
          .namespace(
              LanceRuntime.getOrCreateNamespace(getNamespaceImpl(), getNamespaceProperties()))
          .tableId(readOptions().getTableId());
    }
    return commit;
  }
}
