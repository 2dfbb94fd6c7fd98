package io.lancebackfill.datasource.store;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetOpener;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import io.lancebackfill.datasource.table.Retry;
import java.util.List;
import java.util.Map;
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
 * @param offsetColumn name of the first column, which tells the offsets
 * @param valueFields the columns of the values
 * @param properties what the writer gave to {@link CheckpointDataset#create}
 */
public record CheckpointContents(
    DatasetRef ref,
    long version,
    long rows,
    String offsetColumn,
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
    return Retry.outage("read the checkpoint", ref, this::offsetsOnce);
  }

  private RoaringBitmap offsetsOnce() {
    RoaringBitmap offsets = new RoaringBitmap();
    try (Dataset dataset = DatasetOpener.at(ref, version);
        LanceScanner scanner =
            dataset.newScan(new ScanOptions.Builder().columns(List.of(offsetColumn)).build());
        ArrowReader batches = scanner.scanBatches()) {
      OffsetDecoder decoder = new OffsetDecoder(-1);
      while (batches.loadNextBatch()) {
        VectorSchemaRoot batch = batches.getVectorSchemaRoot();
        offsets.add(decoder.decode(batch.getVector(0), batch.getRowCount()));
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
    if (fromOffset <= 0) {
      return CheckpointReader.open(this, 0, -1, batchSize);
    }
    RoaringBitmap offsets = offsets();
    int before = offsets.rank(Math.toIntExact(Math.min(fromOffset - 1, Integer.MAX_VALUE)));
    int last = before == 0 ? -1 : offsets.select(before - 1);
    return CheckpointReader.open(this, before, last, batchSize);
  }
}
