package io.lancebackfill.datasource.catalog;

import io.lancebackfill.datasource.table.LanceLog;
import io.lancebackfill.datasource.table.TableColumn;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCatalog;
import org.apache.spark.sql.connector.catalog.TableWritePrivilege;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;
import org.lance.spark.LanceDataset;
import org.lance.spark.LanceIdentifier;
import org.lance.spark.LanceNamespaceSparkCatalog;
import org.lance.spark.LanceSparkReadOptions;

/**
 * lance-spark's catalog, for other modules to build on: they may not name its classes. A table that
 * is loaded to be written comes in the shape that its writer needs, see {@link IngestionTarget}.
 */
public abstract class LanceCatalog extends LanceNamespaceSparkCatalog {
  static {
    LanceLog.quieten();
  }

  /** Spark says since 3.5.3 what a table is loaded for; before that it loads all in one way. */
  private static final boolean SPARK_TELLS_PRIVILEGES =
      Stream.of(TableCatalog.class.getMethods())
          .anyMatch(
              method ->
                  method.getName().equals("loadTable")
                      && Arrays.asList(method.getParameterTypes()).contains(Set.class));

  /** Whether an INSERT leaves this column to somebody else. */
  protected abstract boolean isComputed(TableColumn column);

  /**
   * Whether the session resolves what is written to an {@link IngestionTarget} by a rule of its
   * own. If it does not, an INSERT sees a table without the computed columns, and all else the
   * whole table.
   */
  protected abstract boolean resolvesWrites();

  /**
   * A table that is addressed by its path, as by {@code format("lance").save(path)}, may be about
   * to be written, though Spark asks for no privilege; before Spark 3.5.3 any table may.
   */
  @Override
  public Table loadTable(Identifier identifier) throws NoSuchTableException {
    Table table = super.loadTable(identifier);
    return (identifier instanceof LanceIdentifier || !SPARK_TELLS_PRIVILEGES)
            && table instanceof WholeTable whole
            && resolvesWrites()
        ? new UnresolvedTarget(whole, () -> schema(whole))
        : table;
  }

  /**
   * For INSERT, appends and overwrites Spark asks for INSERT, with DELETE if rows are replaced; for
   * UPDATE it asks for UPDATE; for MERGE for whatever its clauses do, so that a MERGE that only
   * inserts looks like an INSERT here.
   */
  @Override
  public Table loadTable(Identifier identifier, Set<TableWritePrivilege> privileges)
      throws NoSuchTableException {
    Table table = super.loadTable(identifier);
    boolean inserts = privileges.contains(TableWritePrivilege.INSERT);
    boolean updates = privileges.contains(TableWritePrivilege.UPDATE);
    if (!(table instanceof WholeTable whole) || !(inserts || updates)) {
      return table;
    }
    IngestionSchema schema = schema(whole);
    if (schema.computed().isEmpty()) {
      return whole;
    }
    if (resolvesWrites()) {
      return new UnresolvedTarget(whole, () -> schema);
    }
    return updates ? whole : new IngestTable(whole, schema);
  }

  /**
   * The table of a statement that writes, before it is settled in which shape; empty if that is
   * settled, or there is no computed column. Spark gives a statement that reads its own target the
   * table that it loaded for reading.
   */
  public final Optional<IngestionTarget> ingestionTarget(Table table) {
    if (table instanceof IngestionTarget target) {
      return Optional.of(target);
    }
    if (!(table instanceof WholeTable whole)
        || table instanceof IngestTable
        || table instanceof SettledTable) {
      return Optional.empty();
    }
    IngestionSchema schema = schema(whole);
    return schema.computed().isEmpty()
        ? Optional.empty()
        : Optional.of(new UnresolvedTarget(whole, () -> schema));
  }

  private IngestionSchema schema(WholeTable table) {
    return IngestionSchema.read(table, this::isComputed);
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
