package io.lancebackfill.datasource.history;

import io.lancebackfill.datasource.table.DatasetOpener;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import java.util.List;
import org.apache.arrow.vector.UInt8Vector;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.lance.Dataset;
import org.lance.ipc.LanceScanner;
import org.lance.ipc.ScanOptions;
import org.roaringbitmap.RoaringBitmap;

/** The versions that Lance keeps for each row of a table with stable row ids. */
public final class RowVersions {
  private RowVersions() {}

  /**
   * Physical offsets of the live rows of a fragment that {@code version} itself updated. None at
   * all says nothing: some writers do not keep row versions, and reset them.
   *
   * @throws io.lancebackfill.datasource.table.DatasetException if the version cannot be read
   */
  public static RoaringBitmap updatedBy(DatasetRef ref, long version, int fragmentId) {
    ScanOptions options =
        new ScanOptions.Builder()
            .fragmentIds(List.of(fragmentId))
            .columns(List.of("_row_last_updated_at_version"))
            .filter("_row_last_updated_at_version = " + version)
            .withRowAddress(true)
            .build();
    try (Dataset table = DatasetOpener.at(ref, version);
        LanceScanner scanner = table.newScan(options);
        ArrowReader reader = scanner.scanBatches()) {
      RoaringBitmap rows = new RoaringBitmap();
      while (reader.loadNextBatch()) {
        UInt8Vector addresses = (UInt8Vector) reader.getVectorSchemaRoot().getVector("_rowaddr");
        for (int i = 0; i < addresses.getValueCount(); i++) {
          rows.add((int) addresses.get(i));
        }
      }
      return rows;
    } catch (Exception e) {
      throw LanceErrorClassifier.classify(
          "read the row versions of fragment " + fragmentId + " of version " + version + " of",
          ref,
          e);
    }
  }
}
