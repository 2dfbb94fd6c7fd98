package io.lancebackfill.datasource.store;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetOpener;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Field;
import org.jspecify.annotations.Nullable;
import org.lance.Dataset;
import org.lance.ipc.LanceScanner;
import org.lance.ipc.ScanOptions;

/** Streams the rows of a checkpoint in ascending order of their offsets, in bounded memory. */
public final class CheckpointReader implements AutoCloseable {
  /** Batches that Lance reads ahead; more would only use memory. */
  private static final int READ_AHEAD = 2;

  private final DatasetRef ref;
  private final Dataset dataset;
  private final LanceScanner scanner;
  private final ArrowReader batches;

  private CheckpointReader(
      DatasetRef ref, Dataset dataset, LanceScanner scanner, ArrowReader batches) {
    this.ref = ref;
    this.dataset = dataset;
    this.scanner = scanner;
    this.batches = batches;
  }

  static CheckpointReader open(CheckpointContents contents, long skippedRows, int batchSize) {
    List<String> columns = new ArrayList<>(List.of(CheckpointDataset.OFFSET));
    contents.valueFields().stream().map(Field::getName).forEach(columns::add);
    ScanOptions.Builder options =
        new ScanOptions.Builder().columns(columns).batchSize(batchSize).batchReadahead(READ_AHEAD);
    if (skippedRows > 0) {
      options.offset(skippedRows);
    }
    DatasetRef ref = contents.ref();
    Dataset dataset = DatasetOpener.at(ref, contents.version());
    LanceScanner scanner = null;
    try {
      LocalPaths.requireWholeFiles(ref, dataset);
      scanner = dataset.newScan(options.build());
      return new CheckpointReader(ref, dataset, scanner, scanner.scanBatches());
    } catch (Exception e) {
      DatasetException classified = LanceErrorClassifier.classify("read the checkpoint", ref, e);
      closeQuietlyInto(classified, scanner);
      dataset.close();
      throw classified;
    }
  }

  private static void closeQuietlyInto(DatasetException failure, @Nullable LanceScanner scanner) {
    if (scanner != null) {
      try {
        scanner.close();
      } catch (Exception e) {
        failure.addSuppressed(e);
      }
    }
  }

  /**
   * Moves to the next batch; the last one's vectors are void then.
   *
   * @return false at the end
   * @throws DatasetException CORRUPT if a file is damaged; otherwise as classified
   */
  public boolean next() {
    try {
      return batches.loadNextBatch();
    } catch (Exception e) {
      throw LanceErrorClassifier.classify("read the checkpoint", ref, e);
    }
  }

  /** The current batch: {@link CheckpointDataset#OFFSET}, then the value columns. */
  public VectorSchemaRoot root() {
    try {
      return batches.getVectorSchemaRoot();
    } catch (Exception e) {
      throw LanceErrorClassifier.classify("read the checkpoint", ref, e);
    }
  }

  /** The physical offsets of the current batch's rows, ascending. */
  public BigIntVector offsets() {
    return (BigIntVector) root().getVector(CheckpointDataset.OFFSET);
  }

  @Override
  public void close() {
    try (Dataset closed = dataset;
        LanceScanner closedToo = scanner;
        ArrowReader first = batches) {
      // Closed in reverse order: batches, scanner, dataset.
    } catch (Exception e) {
      throw LanceErrorClassifier.classify("close the checkpoint", ref, e);
    }
  }
}
