package io.lancebackfill.datasource.table;

import java.util.List;
import org.apache.arrow.vector.UInt8Vector;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.lance.Dataset;
import org.lance.ipc.LanceScanner;
import org.lance.ipc.ScanOptions;
import org.roaringbitmap.RoaringBitmap;

/** Reads which rows of a fragment are not deleted. */
public final class AliveRows {
  private AliveRows() {}

  /**
   * Physical offsets of the fragment's rows that are alive in a version.
   *
   * @throws DatasetException as classified
   */
  public static RoaringBitmap of(DatasetRef ref, long version, int fragmentId) {
    ScanOptions options =
        new ScanOptions.Builder()
            .fragmentIds(List.of(fragmentId))
            .columns(List.of())
            .withRowAddress(true)
            .build();
    RoaringBitmap rows = new RoaringBitmap();
    try (Dataset table = DatasetOpener.at(ref, version);
        LanceScanner scanner = table.newScan(options);
        ArrowReader reader = scanner.scanBatches()) {
      while (reader.loadNextBatch()) {
        UInt8Vector addresses = (UInt8Vector) reader.getVectorSchemaRoot().getVector("_rowaddr");
        for (int i = 0; i < addresses.getValueCount(); i++) {
          rows.add((int) addresses.get(i));
        }
      }
    } catch (Exception e) {
      throw LanceErrorClassifier.classify(
          "read which rows of fragment " + fragmentId + " are alive in version " + version + " of",
          ref,
          e);
    }
    rows.runOptimize();
    return rows;
  }
}
