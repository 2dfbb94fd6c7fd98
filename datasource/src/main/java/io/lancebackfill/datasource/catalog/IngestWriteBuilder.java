package io.lancebackfill.datasource.catalog;

import org.apache.spark.sql.connector.write.BatchWrite;
import org.apache.spark.sql.connector.write.SupportsTruncate;
import org.apache.spark.sql.connector.write.Write;
import org.apache.spark.sql.connector.write.WriteBuilder;
import org.lance.spark.LanceSparkWriteOptions;

/** An append, or an overwrite of all rows. */
final class IngestWriteBuilder implements SupportsTruncate {
  private final IngestTable table;
  private final IngestionSchema schema;
  private final LanceSparkWriteOptions options;
  private boolean overwrite;

  IngestWriteBuilder(IngestTable table, IngestionSchema schema, LanceSparkWriteOptions options) {
    this.table = table;
    this.schema = schema;
    this.options = options;
    this.overwrite = options.isOverwrite();
  }

  @Override
  public WriteBuilder truncate() {
    overwrite = true;
    return this;
  }

  @Override
  public Write build() {
    FileFields fields = FileFields.of(schema, table.schema());
    boolean replaces = overwrite;
    return new Write() {
      @Override
      public BatchWrite toBatch() {
        return new IngestBatchWrite(table, schema, fields, options, replaces);
      }
    };
  }
}
