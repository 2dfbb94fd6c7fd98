package io.lancebackfill.datasource.store;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetOpener;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.vector.FieldVector;
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
  private final OffsetDecoder decoder;
  private int[] offsets = {};

  private CheckpointReader(
      DatasetRef ref,
      Dataset dataset,
      LanceScanner scanner,
      ArrowReader batches,
      OffsetDecoder decoder) {
    this.ref = ref;
    this.dataset = dataset;
    this.scanner = scanner;
    this.batches = batches;
    this.decoder = decoder;
  }

  /**
   * @param skippedRows rows before the first one that is read
   * @param lastSkipped offset of the last of them, -1 without any
   */
  static CheckpointReader open(
      CheckpointContents contents, long skippedRows, int lastSkipped, int batchSize) {
    List<String> columns = new ArrayList<>(List.of(contents.offsetColumn()));
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
      return new CheckpointReader(
          ref, dataset, scanner, scanner.scanBatches(), new OffsetDecoder(lastSkipped));
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
      if (!batches.loadNextBatch()) {
        return false;
      }
      VectorSchemaRoot root = batches.getVectorSchemaRoot();
      offsets = decoder.decode(root.getVector(0), root.getRowCount());
      return true;
    } catch (Exception e) {
      throw LanceErrorClassifier.classify("read the checkpoint", ref, e);
    }
  }

  /** The value columns of the current batch's rows. */
  public List<FieldVector> values() {
    try {
      List<FieldVector> vectors = batches.getVectorSchemaRoot().getFieldVectors();
      return vectors.subList(1, vectors.size());
    } catch (Exception e) {
      throw LanceErrorClassifier.classify("read the checkpoint", ref, e);
    }
  }

  /** The physical offsets of the current batch's rows, ascending. */
  public int[] offsets() {
    return offsets.clone();
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
