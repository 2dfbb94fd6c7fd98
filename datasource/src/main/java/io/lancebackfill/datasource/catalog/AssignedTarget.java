package io.lancebackfill.datasource.catalog;

import java.util.List;
import java.util.Set;
import org.apache.spark.sql.connector.catalog.MetadataColumn;
import org.apache.spark.sql.connector.catalog.SupportsMetadataColumns;
import org.apache.spark.sql.connector.catalog.SupportsRead;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.read.ScanBuilder;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * The target of an UPDATE or MERGE while Spark resolves what its assignments mean. Spark does not
 * go on to fit them to the columns, for this is no table whose rows can be changed: so a rule sees
 * them as the user wrote them, and before Spark finds fault with their types.
 */
final class AssignedTarget implements IngestionTarget, SupportsRead, SupportsMetadataColumns {
  private final WholeTable whole;
  private final UnresolvedTarget target;

  AssignedTarget(WholeTable whole, UnresolvedTarget target) {
    this.whole = whole;
    this.target = target;
  }

  @Override
  public String name() {
    return whole.name();
  }

  // Deprecated in Spark, and still the one that everything else falls back on.
  @Override
  @Deprecated
  public StructType schema() {
    return whole.schema();
  }

  @Override
  public Set<TableCapability> capabilities() {
    return whole.capabilities();
  }

  @Override
  public MetadataColumn[] metadataColumns() {
    return whole.metadataColumns();
  }

  @Override
  public ScanBuilder newScanBuilder(CaseInsensitiveStringMap options) {
    return whole.newScanBuilder(options);
  }

  @Override
  public StructType wholeSchema() {
    return whole.schema();
  }

  @Override
  public List<String> computedColumns() {
    return target.computedColumns();
  }

  @Override
  public boolean awaitsAssignments() {
    return false;
  }

  @Override
  public Table assignedTable() {
    return this;
  }

  @Override
  public Table ingestTable() {
    return target.ingestTable();
  }

  @Override
  public Table wholeTable() {
    return target.wholeTable();
  }
}
