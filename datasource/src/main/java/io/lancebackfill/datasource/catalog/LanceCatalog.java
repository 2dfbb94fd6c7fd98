package io.lancebackfill.datasource.catalog;

import io.lancebackfill.datasource.table.TableColumn;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableWritePrivilege;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;
import org.lance.spark.LanceDataset;
import org.lance.spark.LanceNamespaceSparkCatalog;
import org.lance.spark.LanceSparkReadOptions;

/**
 * lance-spark's catalog, for other modules to build on: they may not name its classes. A table that
 * is loaded to be written comes in the shape that its writer needs, see {@link IngestionTarget}.
 */
public abstract class LanceCatalog extends LanceNamespaceSparkCatalog {
  /** Whether an INSERT leaves this column to somebody else. */
  protected abstract boolean isComputed(TableColumn column);

  /**
   * Whether the session resolves what is written to an {@link IngestionTarget} by a rule of its
   * own. If it does not, an INSERT sees a table without the computed columns, and all else the
   * whole table.
   */
  protected abstract boolean resolvesWrites();

  /**
   * For INSERT, appends and overwrites Spark asks for INSERT, with DELETE if rows are replaced; for
   * UPDATE it asks for UPDATE; for MERGE for whatever its clauses do, so that a MERGE that only
   * inserts looks like an INSERT here.
   */
  @Override
  public Table loadTable(Identifier identifier, Set<TableWritePrivilege> privileges)
      throws NoSuchTableException {
    Table table = loadTable(identifier);
    boolean inserts = privileges.contains(TableWritePrivilege.INSERT);
    boolean updates = privileges.contains(TableWritePrivilege.UPDATE);
    if (!(table instanceof WholeTable whole) || !(inserts || updates)) {
      return table;
    }
    IngestionSchema schema = IngestionSchema.read(whole, this::isComputed);
    if (schema.computed().isEmpty()) {
      return whole;
    }
    if (resolvesWrites()) {
      return new UnresolvedTarget(whole, schema);
    }
    return updates ? whole : new IngestTable(whole, schema);
  }

  @Override
  public LanceDataset createDataset(
      LanceSparkReadOptions readOptions,
      StructType schema,
      @Nullable Map<String, String> storageOptions,
      @Nullable String namespaceImpl,
      @Nullable Map<String, String> namespaceProperties,
      boolean managedVersioning,
      @Nullable String fileFormatVersion) {
    return new WholeTable(
        readOptions,
        schema,
        storageOptions,
        namespaceImpl,
        namespaceProperties,
        managedVersioning,
        fileFormatVersion);
  }
}
