package io.lancebackfill.datasource.catalog;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.write.LogicalWriteInfo;
import org.apache.spark.sql.connector.write.RowLevelOperation;
import org.apache.spark.sql.connector.write.RowLevelOperationBuilder;
import org.apache.spark.sql.connector.write.RowLevelOperationInfo;
import org.apache.spark.sql.connector.write.WriteBuilder;
import org.apache.spark.sql.types.StructType;

/** Stands in a plan until it is settled which of its two tables is written. It can be read. */
final class UnresolvedTarget extends WholeTable implements IngestionTarget {
  private final WholeTable whole;
  private final Supplier<IngestionSchema> schema;

  UnresolvedTarget(WholeTable whole, Supplier<IngestionSchema> schema) {
    super(whole, whole.schema());
    this.whole = whole;
    this.schema = schema;
  }

  @Override
  public StructType wholeSchema() {
    return whole.schema();
  }

  @Override
  public List<String> computedColumns() {
    return schema.get().computedNames();
  }

  @Override
  public boolean awaitsAssignments() {
    return true;
  }

  @Override
  public Table assignedTable() {
    return new AssignedTarget(whole, this);
  }

  @Override
  public Table ingestTable() {
    IngestionSchema settled = schema.get();
    return settled.computed().isEmpty() ? whole : new IngestTable(whole, settled);
  }

  @Override
  public Table wholeTable() {
    return new SettledTable(whole);
  }

  @Override
  public Set<TableCapability> capabilities() {
    Set<TableCapability> capabilities = EnumSet.copyOf(super.capabilities());
    capabilities.add(TableCapability.ACCEPT_ANY_SCHEMA);
    return capabilities;
  }

  @Override
  public WriteBuilder newWriteBuilder(LogicalWriteInfo info) {
    throw notSettled();
  }

  /** Spark may turn a DELETE into its operation before any rule of ours; it writes no columns. */
  @Override
  public RowLevelOperationBuilder newRowLevelOperationBuilder(RowLevelOperationInfo info) {
    if (info.command() == RowLevelOperation.Command.DELETE) {
      return whole.newRowLevelOperationBuilder(info);
    }
    throw notSettled();
  }

  private IllegalStateException notSettled() {
    return new IllegalStateException(
        "No rule settled how "
            + name()
            + " is written: the session that loaded the table is not the one that writes it. Write"
            + " it through the session in which its catalog was configured.");
  }
}
