package io.lancebackfill.datasource.store;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetOpener;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Field;
import org.lance.Dataset;
import org.lance.ipc.LanceScanner;
import org.lance.ipc.ScanOptions;
import org.roaringbitmap.RoaringBitmap;

/**
 * What a checkpoint held when it was looked at. Plain values; nothing is open.
 *
 * @param version the version that was looked at, which all reads come from
 * @param rows how many rows there are
 * @param valueFields the columns after {@link CheckpointDataset#OFFSET}
 * @param properties what the writer gave to {@link CheckpointDataset#create}
 */
public record CheckpointContents(
    DatasetRef ref,
    long version,
    long rows,
    List<Field> valueFields,
    Map<String, String> properties) {

  public CheckpointContents {
    valueFields = List.copyOf(valueFields);
    properties = Map.copyOf(properties);
  }

  /**
   * The physical offsets of all rows. Reads that one column.
   *
   * @throws DatasetException as classified
   */
  public RoaringBitmap offsets() {
    RoaringBitmap offsets = new RoaringBitmap();
    try (Dataset dataset = DatasetOpener.at(ref, version);
        LanceScanner scanner =
            dataset.newScan(
                new ScanOptions.Builder().columns(List.of(CheckpointDataset.OFFSET)).build());
        ArrowReader batches = scanner.scanBatches()) {
      while (batches.loadNextBatch()) {
        VectorSchemaRoot batch = batches.getVectorSchemaRoot();
        BigIntVector vector = (BigIntVector) batch.getVector(0);
        for (int row = 0; row < batch.getRowCount(); row++) {
          offsets.add(Math.toIntExact(vector.get(row)));
        }
      }
    } catch (Exception e) {
      throw LanceErrorClassifier.classify("read the checkpoint", ref, e);
    }
    offsets.runOptimize();
    return offsets;
  }

  /**
   * Streams the rows whose offset is at least the given one, ascending.
   *
   * @param batchSize most rows per batch, at least 1
   */
  public CheckpointReader open(long fromOffset, int batchSize) {
    long skipped = fromOffset <= 0 ? 0 : rowsBefore(fromOffset);
    return CheckpointReader.open(this, skipped, batchSize);
  }

  private long rowsBefore(long offset) {
    return offsets().rank(Math.toIntExact(Math.min(offset - 1, Integer.MAX_VALUE)));
  }
}
