package io.lancebackfill.datasource.read;

import io.lancebackfill.datasource.table.DatasetRef;
import java.util.List;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.connector.read.PartitionReader;
import org.apache.spark.sql.connector.read.PartitionReaderFactory;
import org.apache.spark.sql.vectorized.ColumnarBatch;

/**
 * What crosses to the executors besides the partitions.
 *
 * @param columns in the order of the read schema, metadata columns among them
 * @param filter in Lance's SQL; empty for none
 */
record FragmentReaderFactory(
    DatasetRef ref, long version, List<String> columns, String filter, int batchSize)
    implements PartitionReaderFactory {

  FragmentReaderFactory {
    columns = List.copyOf(columns);
  }

  @Override
  public boolean supportColumnarReads(InputPartition partition) {
    return true;
  }

  @Override
  public PartitionReader<InternalRow> createReader(InputPartition partition) {
    throw new UnsupportedOperationException("Fragments are read in columns only");
  }

  @Override
  public PartitionReader<ColumnarBatch> createColumnarReader(InputPartition partition) {
    return FragmentPartitionReader.open(this, (FragmentPartition) partition);
  }
}
