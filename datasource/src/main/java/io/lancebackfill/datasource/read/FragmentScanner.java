package io.lancebackfill.datasource.read;

import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableColumn;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.UInt8Vector;
import org.apache.arrow.vector.ValueVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.jspecify.annotations.Nullable;
import org.lance.Dataset;
import org.lance.ipc.LanceScanner;
import org.lance.ipc.ScanOptions;
import org.roaringbitmap.RoaringBitmap;

/**
 * One Lance scan over a range of a fragment, or over several whole fragments. It seeks to the
 * range's start and ends at its end, but does not look at single rows: what a filter or a row
 * deleted between lets through at the edges is cut by the caller.
 */
final class FragmentScanner implements AutoCloseable {
  private static final String ROW_ADDRESS = "_rowaddr";
  private static final String ROW_ID = "_rowid";
  private static final Set<String> OURS = Set.of(ROW_ADDRESS, ROW_ID);

  /** Row addresses are cheap to make: one batch of them is half a megabyte. */
  private static final int ADDRESS_BATCH = 65_536;

  private final @Nullable LanceScanner scanner;
  private final @Nullable ArrowReader reader;
  private final List<Integer> fragmentIds;
  private final long end;
  private final @Nullable BlobColumns blobs;
  private final IntPredicate wantedOffsets;
  private List<FieldVector> vectors = List.of();
  private int[] offsets = new int[0];
  private int[] loadedOffsets = new int[0];
  private int current = -1;
  private int position;
  private int emitted;
  private List<FieldVector> owned = List.of();
  private boolean ended;
  private boolean closed;

  private FragmentScanner(
      @Nullable LanceScanner scanner,
      @Nullable ArrowReader reader,
      List<Integer> fragmentIds,
      long end,
      @Nullable BlobColumns blobs,
      IntPredicate wantedOffsets) {
    this.scanner = scanner;
    this.reader = reader;
    this.fragmentIds = fragmentIds;
    this.end = end;
    this.blobs = blobs;
    this.wantedOffsets = wantedOffsets;
    this.ended = reader == null;
  }

  /**
   * @param skipped physical offsets whose values nobody looks at: their blobs are not read
   */
  static FragmentScanner open(
      OpenDatasets.Hold hold,
      FragmentSnapshot fragment,
      FragmentRange range,
      List<String> columns,
      @Nullable String lanceFilter,
      RoaringBitmap skipped,
      int batchSize)
      throws Exception {
    Dataset dataset = hold.dataset();
    List<Integer> id = List.of(fragment.id());
    ScanOptions.Builder options = options(id, columns).batchSize(batchSize);
    long end = Math.min(range.end(), fragment.physicalRows());
    IntPredicate wanted =
        offset -> offset >= range.start() && offset < end && !skipped.contains(offset);
    BlobColumns blobs = blobs(hold, columns);
    if (blobs != null) {
      options.withRowId(true);
    }
    if (range.covers(fragment)) {
      if (lanceFilter != null) {
        // An index may be older than the column file that it describes: values decide, not indexes.
        options.filter(lanceFilter).useScalarIndex(false);
      }
    } else {
      long before = liveBefore(dataset, fragment, range.start());
      long most = Math.min(end - range.start(), fragment.liveRows() - before);
      if (most <= 0) {
        return new FragmentScanner(null, null, id, end, null, wanted);
      }
      options.offset(before).limit(most);
    }
    return open(dataset, options, id, end, blobs, wanted);
  }

  private static FragmentScanner open(
      Dataset dataset,
      ScanOptions.Builder options,
      List<Integer> fragmentIds,
      long end,
      @Nullable BlobColumns blobs,
      IntPredicate wanted)
      throws Exception {
    LanceScanner scanner = dataset.newScan(options.build());
    try {
      return new FragmentScanner(scanner, scanner.scanBatches(), fragmentIds, end, blobs, wanted);
    } catch (Exception e) {
      scanner.close();
      throw e;
    }
  }

  /** All live rows of several fragments, in this order; not for blobs. */
  static FragmentScanner together(
      OpenDatasets.Hold hold, List<Integer> fragmentIds, List<String> columns, int batchSize)
      throws Exception {
    ScanOptions.Builder options = options(fragmentIds, columns).batchSize(batchSize);
    return open(hold.dataset(), options, fragmentIds, Long.MAX_VALUE, null, offset -> true);
  }

  /** Whether a column's values are read one by one. */
  static boolean readsBlobs(OpenDatasets.Hold hold, List<String> columns) {
    return hold.table().columns().stream()
        .anyMatch(column -> column.isBlob() && columns.contains(column.name()));
  }

  private static @Nullable BlobColumns blobs(OpenDatasets.Hold hold, List<String> columns) {
    Set<String> names =
        hold.table().columns().stream()
            .filter(TableColumn::isBlob)
            .map(TableColumn::name)
            .filter(columns::contains)
            .collect(Collectors.toSet());
    return names.isEmpty() ? null : new BlobColumns(hold.dataset(), names);
  }

  private static ScanOptions.Builder options(List<Integer> fragmentIds, List<String> columns) {
    return new ScanOptions.Builder().fragmentIds(fragmentIds).columns(columns).withRowAddress(true);
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
        options(List.of(fragment.id()), List.of())
            .batchSize(ADDRESS_BATCH)
            .offset(from)
            .limit(to - from)
            .build();
    try (LanceScanner scanner = dataset.newScan(options);
        ArrowReader reader = scanner.scanBatches()) {
      while (reader.loadNextBatch()) {
        UInt8Vector addresses = addresses(reader.getVectorSchemaRoot());
        for (int row = 0; row < addresses.getValueCount(); row++) {
          if (Integer.toUnsignedLong((int) addresses.get(row)) >= start) {
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
    releaseOwned();
    if (reader != null && emitted < loadedOffsets.length) {
      emit(reader);
      return true;
    }
    while (reader != null && !ended && reader.loadNextBatch()) {
      VectorSchemaRoot batch = reader.getVectorSchemaRoot();
      if (batch.getRowCount() == 0) {
        continue;
      }
      UInt8Vector addresses = addresses(batch);
      loadedOffsets = new int[batch.getRowCount()];
      for (int row = 0; row < loadedOffsets.length; row++) {
        loadedOffsets[row] = (int) addresses.get(row);
      }
      emitted = 0;
      emit(reader);
      ended = fragmentIds.size() == 1 && loadedOffsets[loadedOffsets.length - 1] >= end;
      return true;
    }
    ended = true;
    return false;
  }

  /**
   * Gives out the loaded batch, or the next part of it that is of one fragment and whose blobs are
   * not too large together.
   */
  private void emit(ArrowReader batches) throws Exception {
    VectorSchemaRoot batch = batches.getVectorSchemaRoot();
    List<FieldVector> loaded = new ArrayList<>(batch.getFieldVectors());
    loaded.removeIf(vector -> OURS.contains(vector.getName()));
    int first = emitted;
    int end = endOfFragment(addresses(batch), first);
    int rows = end - first;
    if (blobs != null) {
      IntPredicate wanted = row -> wantedOffsets.test(loadedOffsets[row]);
      rows = blobs.fitting(loaded, first, end, wanted);
      owned = new ArrayList<>(BatchCut.slice(loaded, first, rows).getFieldVectors());
      blobs.read(owned, (UInt8Vector) batch.getVector(ROW_ID), first, rows, wanted);
      vectors = owned;
    } else if (rows == loadedOffsets.length) {
      vectors = loaded;
    } else {
      owned = new ArrayList<>(BatchCut.slice(loaded, first, rows).getFieldVectors());
      vectors = owned;
    }
    offsets =
        rows == loadedOffsets.length
            ? loadedOffsets
            : Arrays.copyOfRange(loadedOffsets, first, first + rows);
    emitted = first + rows;
  }

  /** The row after the last one of those that are of the same fragment as {@code first}. */
  private int endOfFragment(UInt8Vector addresses, int first) {
    int fragment = (int) (addresses.get(first) >>> 32);
    int last = -1;
    if (fragment == current && offsets.length > 0) {
      last = offsets[offsets.length - 1];
    }
    int row = first;
    for (; row < loadedOffsets.length && addresses.get(row) >>> 32 == fragment; row++) {
      if (loadedOffsets[row] <= last) {
        throw outOfOrder(addresses.get(row), last);
      }
      last = loadedOffsets[row];
    }
    while (position < fragmentIds.size() && fragmentIds.get(position) != fragment) {
      position++;
    }
    if (position == fragmentIds.size()) {
      throw outOfOrder(addresses.get(first), -1);
    }
    current = fragment;
    return row;
  }

  private IllegalStateException outOfOrder(long address, int last) {
    return new IllegalStateException(
        "Lance gave row address "
            + address
            + " after offset "
            + last
            + ": rows of fragments "
            + fragmentIds
            + " in ascending order were asked for");
  }

  private void releaseOwned() {
    owned.forEach(FieldVector::close);
    owned = List.of();
    vectors = List.of();
  }

  /** The asked columns of the loaded batch; they belong to the reader. */
  List<FieldVector> vectors() {
    return vectors;
  }

  /** The fragment of the loaded batch's rows. */
  int fragmentId() {
    return current;
  }

  /** The physical offsets of the loaded batch's rows. */
  int[] offsets() {
    return offsets;
  }

  /** Arrow bytes of the loaded batch's columns. */
  long bytes() {
    return vectors.stream().mapToLong(ValueVector::getBufferSize).sum();
  }

  private static UInt8Vector addresses(VectorSchemaRoot batch) {
    return (UInt8Vector) batch.getVector(ROW_ADDRESS);
  }

  @Override
  public void close() throws Exception {
    if (closed) {
      return;
    }
    closed = true;
    ended = true;
    releaseOwned();
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
