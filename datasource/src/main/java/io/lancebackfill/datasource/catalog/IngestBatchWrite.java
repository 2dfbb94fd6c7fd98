package io.lancebackfill.datasource.catalog;

import io.lancebackfill.datasource.catalog.IngestWriterFactory.WrittenFragments;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.sql.connector.write.BatchWrite;
import org.apache.spark.sql.connector.write.DataWriterFactory;
import org.apache.spark.sql.connector.write.PhysicalWriteInfo;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.lance.Dataset;
import org.lance.FragmentMetadata;
import org.lance.Transaction;
import org.lance.operation.Append;
import org.lance.operation.Operation;
import org.lance.operation.Overwrite;
import org.lance.spark.LanceSparkWriteOptions;

/**
 * Commits fragments that lack the computed columns. An overwrite keeps the declarations: its schema
 * is the table's own, with all columns and all metadata, in the one commit that replaces the rows.
 */
final class IngestBatchWrite implements BatchWrite {
  private final IngestTable table;
  private final IngestionSchema schema;
  private final FileFields fields;
  private final LanceSparkWriteOptions options;
  private final boolean overwrite;

  IngestBatchWrite(
      IngestTable table,
      IngestionSchema schema,
      FileFields fields,
      LanceSparkWriteOptions options,
      boolean overwrite) {
    this.table = table;
    this.schema = schema;
    this.fields = fields;
    this.options = options;
    this.overwrite = overwrite;
  }

  @Override
  public DataWriterFactory createBatchWriterFactory(PhysicalWriteInfo info) {
    return new IngestWriterFactory(
        table.schema(),
        options,
        table.getInitialStorageOptions(),
        table.getNamespaceImpl(),
        table.getNamespaceProperties(),
        table.readOptions().getTableId());
  }

  @Override
  public void commit(WriterCommitMessage[] messages) {
    List<FragmentMetadata> written =
        Arrays.stream(messages)
            .flatMap(message -> ((WrittenFragments) message).fragments().stream())
            .toList();
    if (written.isEmpty() && !overwrite) {
      return; // Lance refuses an Append of nothing.
    }
    Operation operation =
        overwrite
            ? Overwrite.builder()
                .fragments(fields.overwritten(written))
                .schema(schema.arrowSchema())
                .build()
            : Append.builder().fragments(fields.appended(written)).build();
    // The field ids are those of the version that was loaded: Lance compares with what came since.
    try (Dataset newest = table.open(options);
        Transaction transaction =
            new Transaction.Builder().readVersion(schema.version()).operation(operation).build();
        Dataset committed = table.commitTo(newest, options).execute(transaction)) {
      committed.version();
    }
  }

  /** What the tasks wrote is in no version; Lance's cleanup takes it away. */
  @Override
  public void abort(WriterCommitMessage[] messages) {}

  @Override
  public String toString() {
    return (overwrite ? "Overwrite " : "Append to ") + options.getDatasetUri();
  }
}
