package io.lancebackfill.datasource.read;

import io.lancebackfill.datasource.table.FragmentSnapshot;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.UInt8Vector;
import org.apache.arrow.vector.ValueVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.jspecify.annotations.Nullable;
import org.lance.Dataset;
import org.lance.ipc.LanceScanner;
import org.lance.ipc.ScanOptions;

/**
 * One Lance scan over a range of a fragment. It seeks to the range's start and ends at its end, but
 * does not look at single rows: what a filter or a row deleted between lets through at the edges is
 * cut by the caller.
 */
final class FragmentScanner implements AutoCloseable {
  private static final String ROW_ADDRESS = "_rowaddr";

  /** Row addresses are cheap to make: one batch of them is half a megabyte. */
  private static final int ADDRESS_BATCH = 65_536;

  private final @Nullable LanceScanner scanner;
  private final @Nullable ArrowReader reader;
  private final int fragmentId;
  private final long end;
  private List<FieldVector> vectors = List.of();
  private int[] offsets = new int[0];
  private boolean ended;
  private boolean closed;

  private FragmentScanner(
      @Nullable LanceScanner scanner, @Nullable ArrowReader reader, int fragmentId, long end) {
    this.scanner = scanner;
    this.reader = reader;
    this.fragmentId = fragmentId;
    this.end = end;
    this.ended = reader == null;
  }

  static FragmentScanner open(
      OpenDatasets.Hold hold,
      FragmentSnapshot fragment,
      FragmentRange range,
      List<String> columns,
      @Nullable String lanceFilter,
      int batchSize)
      throws Exception {
    Dataset dataset = hold.dataset();
    ScanOptions.Builder options = options(fragment.id(), columns).batchSize(batchSize);
    long end = Math.min(range.end(), fragment.physicalRows());
    if (range.covers(fragment)) {
      if (lanceFilter != null) {
        // An index may be older than the column file that it describes: values decide, not indexes.
        options.filter(lanceFilter).useScalarIndex(false);
      }
    } else {
      long before = liveBefore(dataset, fragment, range.start());
      long most = Math.min(end - range.start(), fragment.liveRows() - before);
      if (most <= 0) {
        return new FragmentScanner(null, null, fragment.id(), end);
      }
      options.offset(before).limit(most);
    }
    LanceScanner scanner = dataset.newScan(options.build());
    try {
      return new FragmentScanner(scanner, scanner.scanBatches(), fragment.id(), end);
    } catch (Exception e) {
      scanner.close();
      throw e;
    }
  }

  private static ScanOptions.Builder options(int fragmentId, List<String> columns) {
    return new ScanOptions.Builder()
        .fragmentIds(List.of(fragmentId))
        .columns(columns)
        .withRowAddress(true);
  }

  /**
   * How many live rows lie before a physical offset. The k-th live row lies at an offset from k to
   * k plus the number of deleted rows, so only that window of addresses is read, and no column.
   */
  private static long liveBefore(Dataset dataset, FragmentSnapshot fragment, long start)
      throws Exception {
    if (start == 0 || fragment.deletedRows() == 0) {
      return Math.min(start, fragment.liveRows());
    }
    long from = Math.max(0, start - fragment.deletedRows());
    long to = Math.min(start, fragment.liveRows());
    long before = Math.min(from, to);
    if (from >= to) {
      return before;
    }
    ScanOptions options =
        options(fragment.id(), List.of())
            .batchSize(ADDRESS_BATCH)
            .offset(from)
            .limit(to - from)
            .build();
    try (LanceScanner scanner = dataset.newScan(options);
        ArrowReader reader = scanner.scanBatches()) {
      while (reader.loadNextBatch()) {
        for (int offset : offsets(reader.getVectorSchemaRoot(), fragment.id())) {
          if (offset >= start) {
            return before;
          }
          before++;
        }
      }
    }
    return before;
  }

  /** Loads the next batch that has rows; false at the end of the range. */
  boolean load() throws Exception {
    while (reader != null && !ended && reader.loadNextBatch()) {
      VectorSchemaRoot batch = reader.getVectorSchemaRoot();
      if (batch.getRowCount() == 0) {
        continue;
      }
      offsets = offsets(batch, fragmentId);
      vectors = new ArrayList<>(batch.getFieldVectors());
      vectors.removeIf(vector -> vector.getName().equals(ROW_ADDRESS));
      ended = offsets[offsets.length - 1] >= end;
      return true;
    }
    ended = true;
    return false;
  }

  /** The asked columns of the loaded batch; they belong to the reader. */
  List<FieldVector> vectors() {
    return vectors;
  }

  /** The physical offsets of the loaded batch's rows. */
  int[] offsets() {
    return offsets;
  }

  /** Arrow bytes of the loaded batch's columns. */
  long bytes() {
    return vectors.stream().mapToLong(ValueVector::getBufferSize).sum();
  }

  private static int[] offsets(VectorSchemaRoot batch, int fragmentId) {
    UInt8Vector addresses = (UInt8Vector) batch.getVector(ROW_ADDRESS);
    int[] offsets = new int[batch.getRowCount()];
    int last = -1;
    for (int row = 0; row < offsets.length; row++) {
      long address = addresses.get(row);
      offsets[row] = (int) address;
      if (address >>> 32 != fragmentId || offsets[row] <= last) {
        throw new IllegalStateException(
            "Lance gave row address "
                + address
                + " after offset "
                + last
                + " of fragment "
                + fragmentId
                + ": rows of one fragment in ascending order were asked for");
      }
      last = offsets[row];
    }
    return offsets;
  }

  @Override
  public void close() throws Exception {
    if (closed) {
      return;
    }
    closed = true;
    ended = true;
    try {
      if (reader != null) {
        reader.close();
      }
    } finally {
      if (scanner != null) {
        scanner.close();
      }
    }
  }
}
