package io.lancebackfill.datasource.read;

import io.lancebackfill.datasource.table.TableSnapshot;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import org.apache.spark.sql.connector.metric.CustomMetric;
import org.apache.spark.sql.connector.read.Batch;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.connector.read.PartitionReaderFactory;
import org.apache.spark.sql.connector.read.Scan;
import org.apache.spark.sql.connector.read.Statistics;
import org.apache.spark.sql.connector.read.SupportsReportStatistics;
import org.apache.spark.sql.types.StructType;

/** A planned read: one input partition for each range, in the table's order. */
final class FragmentScan implements Scan, Batch, SupportsReportStatistics {
  private final FragmentTable table;
  private final StructType readSchema;
  private final List<String> filters;

  FragmentScan(FragmentTable table, StructType readSchema, List<String> filters) {
    this.table = table;
    this.readSchema = readSchema;
    this.filters = filters;
  }

  @Override
  public StructType readSchema() {
    return readSchema;
  }

  @Override
  public String description() {
    return table.name()
        + ", "
        + table.partitions().size()
        + " ranges, pushed filters: ["
        + String.join(", ", filters)
        + "]";
  }

  @Override
  public Batch toBatch() {
    return this;
  }

  @Override
  public InputPartition[] planInputPartitions() {
    return table.partitions().toArray(new InputPartition[0]);
  }

  @Override
  public PartitionReaderFactory createReaderFactory() {
    TableSnapshot snapshot = table.snapshot();
    String filter =
        filters.stream().map(text -> "(" + text + ")").collect(Collectors.joining(" AND "));
    return new FragmentReaderFactory(
        snapshot.ref(),
        snapshot.version(),
        Arrays.asList(readSchema.fieldNames()),
        filter,
        table.batchSize());
  }

  @Override
  public CustomMetric[] supportedCustomMetrics() {
    return FragmentReadMetrics.all();
  }

  @Override
  public Statistics estimateStatistics() {
    long rows = table.partitions().stream().mapToLong(FragmentPartition::rows).sum();
    long bytes = table.partitions().stream().mapToLong(FragmentPartition::bytes).sum();
    int all = Math.max(1, table.sparkSchema().defaultSize());
    long read = (long) ((double) bytes * Math.min(all, readSchema.defaultSize()) / all);
    return new Statistics() {
      @Override
      public OptionalLong sizeInBytes() {
        return OptionalLong.of(Math.max(1, read));
      }

      @Override
      public OptionalLong numRows() {
        return OptionalLong.of(rows);
      }
    };
  }
}
