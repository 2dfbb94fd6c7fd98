package io.lancebackfill.datasource.read;

import io.lancebackfill.datasource.arrow.SparkVectors;
import java.util.List;
import org.apache.arrow.vector.FieldVector;
import org.apache.spark.sql.connector.metric.CustomTaskMetric;
import org.apache.spark.sql.connector.read.PartitionReader;
import org.apache.spark.sql.execution.vectorized.ConstantColumnVector;
import org.apache.spark.sql.vectorized.ColumnVector;
import org.apache.spark.sql.vectorized.ColumnarBatch;
import org.jspecify.annotations.Nullable;

/** One partition as Spark's columnar batches, over the Arrow buffers and without a copy. */
final class FragmentPartitionReader implements PartitionReader<ColumnarBatch> {
  private final FragmentBatchReader reader;
  private final List<String> columns;
  private @Nullable ColumnarBatch batch;

  private FragmentPartitionReader(FragmentBatchReader reader, List<String> columns) {
    this.reader = reader;
    this.columns = columns;
  }

  static FragmentPartitionReader open(FragmentReaderFactory scan, FragmentPartition partition) {
    List<String> stored =
        scan.columns().stream().filter(name -> RowMetadata.named(name).isEmpty()).toList();
    FragmentBatchReader reader =
        FragmentBatchReader.open(
            scan.ref(),
            scan.version(),
            partition.pieces(),
            stored,
            scan.filter().isEmpty() ? null : scan.filter(),
            scan.batchSize());
    return new FragmentPartitionReader(reader, scan.columns());
  }

  @Override
  public boolean next() {
    batch = null;
    if (!reader.next()) {
      return false;
    }
    List<FieldVector> vectors = reader.root().getFieldVectors();
    ColumnVector[] sparkColumns = new ColumnVector[columns.size()];
    int stored = 0;
    for (int i = 0; i < sparkColumns.length; i++) {
      String name = columns.get(i);
      if (name.equals(RowMetadata.ADDRESS.name())) {
        sparkColumns[i] = new RowAddressVector(reader.fragmentId(), reader.offsets());
      } else if (name.equals(RowMetadata.FRAGMENT.name())) {
        ConstantColumnVector id =
            new ConstantColumnVector(reader.rows(), RowMetadata.FRAGMENT.dataType());
        id.setInt(reader.fragmentId());
        sparkColumns[i] = id;
      } else {
        sparkColumns[i] = SparkVectors.of(vectors.get(stored++));
      }
    }
    batch = new ColumnarBatch(sparkColumns, reader.rows());
    return true;
  }

  @Override
  public ColumnarBatch get() {
    if (batch == null) {
      throw new IllegalStateException("There is no batch: call next() first, and see it be true");
    }
    return batch;
  }

  @Override
  public CustomTaskMetric[] currentMetricsValues() {
    return FragmentReadMetrics.of(reader);
  }

  @Override
  public void close() {
    batch = null;
    reader.close();
  }
}
