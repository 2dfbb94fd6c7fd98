package io.lancebackfill.datasource.catalog;

import org.apache.spark.sql.connector.write.LogicalWriteInfo;
import org.apache.spark.sql.connector.write.RowLevelOperationBuilder;
import org.apache.spark.sql.connector.write.RowLevelOperationInfo;
import org.apache.spark.sql.connector.write.WriteBuilder;
import org.lance.spark.LanceSparkWriteOptions;

/** A table as an INSERT sees it: without its computed columns, wherever they stand. */
final class IngestTable extends WholeTable {
  private final IngestionSchema schema;

  IngestTable(WholeTable whole, IngestionSchema schema) {
    super(whole, schema.ordinary(whole.schema()));
    this.schema = schema;
  }

  @Override
  public WriteBuilder newWriteBuilder(LogicalWriteInfo info) {
    LanceSparkWriteOptions options = writeOptions(info.options());
    return new IngestWriteBuilder(this, schema, options);
  }

  /** Only a session without our rule comes here; Spark asks it for no more than for an INSERT. */
  @Override
  public RowLevelOperationBuilder newRowLevelOperationBuilder(RowLevelOperationInfo info) {
    throw new UnsupportedOperationException(
        "MERGE cannot delete and insert in "
            + name()
            + ", which has computed columns "
            + schema.computedNames()
            + ", in this session: without our extension it looks like an INSERT. Set"
            + " spark.sql.extensions=io.lancebackfill.sql.LanceBackfillExtensions.");
  }
}
