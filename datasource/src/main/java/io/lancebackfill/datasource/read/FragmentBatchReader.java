package io.lancebackfill.datasource.read;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.LanceAllocator;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Field;
import org.jspecify.annotations.Nullable;
import org.roaringbitmap.RoaringBitmap;

/**
 * Streams some columns of ranges of fragments as Arrow batches: range after range, in ascending
 * physical offset, each row with its offset. Whole fragments that follow each other are read in one
 * scan. Reads ahead; memory is bound by the batch size.
 *
 * <p>Not thread-safe. Methods that read throw {@link DatasetException}.
 */
public final class FragmentBatchReader implements AutoCloseable {
  /** Runs shorter than this on average are copied together, longer ones leave as slices. */
  private static final int SLICE_ROWS = 64;

  private final OpenDatasets.Hold hold;
  private final List<Piece> pieces;
  private final List<String> columns;
  private final @Nullable String lanceFilter;
  private final int batchSize;

  private final Map<Integer, Piece> scanned = new HashMap<>();
  private int nextPiece;
  private @Nullable FragmentScanner scanner;
  private @Nullable KeptRuns runs;
  private int nextRun;
  private @Nullable VectorSchemaRoot current;
  private boolean currentIsOwned;
  private int[] offsets = new int[0];
  private int fragmentId;
  private long rowsRead;
  private long bytesRead;
  private long nanosRead;

  /** A range with its fragment as it is. */
  private record Piece(FragmentSnapshot fragment, FragmentRange range, RoaringBitmap skipped) {
    boolean whole() {
      return range.covers(fragment);
    }
  }

  private FragmentBatchReader(
      OpenDatasets.Hold hold,
      List<Piece> pieces,
      List<String> columns,
      @Nullable String lanceFilter,
      int batchSize) {
    this.hold = hold;
    this.pieces = pieces;
    this.columns = columns;
    this.lanceFilter = lanceFilter;
    this.batchSize = batchSize;
  }

  /**
   * Opens a range of a fragment of the snapshot's version.
   *
   * @param columns top-level columns by exact name, in the order wanted; may be empty
   * @param batchSize most rows of a batch, from 1
   * @throws DatasetException NOT_FOUND if there is no such fragment, or the table was dropped and
   *     made anew since the snapshot; INVALID_INPUT if there is no such column
   */
  public static FragmentBatchReader open(
      TableSnapshot table, FragmentRange range, List<String> columns, int batchSize) {
    FragmentSnapshot fragment =
        table
            .fragment(range.fragmentId())
            .orElseThrow(() -> noFragment(table.ref(), table.version(), range));
    return open(
        table.ref(),
        table.version(),
        List.of(new FragmentPiece(fragment, range)),
        columns,
        null,
        batchSize);
  }

  /**
   * Opens ranges of fragments of which nothing is known yet. Prefer the form that takes the
   * fragment as it was planned: this one cannot see that a table was dropped and made anew.
   *
   * @param ranges no fragment twice
   */
  public static FragmentBatchReader open(
      DatasetRef ref,
      long version,
      List<FragmentRange> ranges,
      List<String> columns,
      int batchSize) {
    return open(ref, version, ranges, List.of(), columns, null, batchSize);
  }

  /**
   * As the form with a whole snapshot, which is much to send to a task.
   *
   * @param lanceFilter rows that it does not keep are left out; used only where a range covers the
   *     whole fragment, since Lance counts offsets after the filter
   */
  static FragmentBatchReader open(
      DatasetRef ref,
      long version,
      List<FragmentPiece> pieces,
      List<String> columns,
      @Nullable String lanceFilter,
      int batchSize) {
    return open(
        ref,
        version,
        pieces.stream().map(FragmentPiece::range).toList(),
        pieces.stream().map(FragmentPiece::fragment).toList(),
        columns,
        lanceFilter,
        batchSize);
  }

  private static FragmentBatchReader open(
      DatasetRef ref,
      long version,
      List<FragmentRange> ranges,
      List<FragmentSnapshot> planned,
      List<String> columns,
      @Nullable String lanceFilter,
      int batchSize) {
    if (batchSize < 1) {
      throw new DatasetException(
          Kind.INVALID_INPUT, "Batch size " + batchSize + " is too small; give at least 1 row.");
    }
    long started = System.nanoTime();
    OpenDatasets.Hold hold = OpenDatasets.SHARED.acquire(ref, version, planned);
    try {
      List<Piece> pieces = new ArrayList<>();
      for (FragmentRange range : ranges) {
        FragmentSnapshot fragment = hold.fragment(range.fragmentId());
        if (fragment == null) {
          throw noFragment(ref, version, range);
        }
        pieces.add(new Piece(fragment, range, range.skipped()));
      }
      checkColumns(hold.table(), columns);
      FragmentBatchReader reader =
          new FragmentBatchReader(hold, pieces, List.copyOf(columns), lanceFilter, batchSize);
      reader.openScanner();
      reader.nanosRead = System.nanoTime() - started;
      return reader;
    } catch (Exception e) {
      hold.close();
      throw LanceErrorClassifier.classify(
          "read %s of version %d of".formatted(what(ranges), version), ref, e);
    }
  }

  private static String what(List<FragmentRange> ranges) {
    return ranges.size() == 1
        ? ranges.get(0).toString()
        : "%d fragments from %s on".formatted(ranges.size(), ranges.get(0));
  }

  /** Begins the scan of the next range, and of as many as can be read with it. */
  private FragmentScanner openScanner() throws Exception {
    Piece first = pieces.get(nextPiece);
    scanned.clear();
    scanned.put(first.fragment().id(), first);
    nextPiece++;
    if (first.whole() && lanceFilter == null && !FragmentScanner.readsBlobs(hold, columns)) {
      while (nextPiece < pieces.size()
          && pieces.get(nextPiece).whole()
          && !scanned.containsKey(pieces.get(nextPiece).fragment().id())) {
        Piece next = pieces.get(nextPiece);
        scanned.put(next.fragment().id(), next);
        nextPiece++;
      }
    }
    FragmentScanner opened =
        scanned.size() == 1
            ? FragmentScanner.open(
                hold,
                first.fragment(),
                first.range(),
                columns,
                lanceFilter,
                first.skipped(),
                batchSize)
            : FragmentScanner.together(hold, ids(scanned.size()), columns, batchSize);
    scanner = opened;
    return opened;
  }

  /** The fragments of the last {@code count} ranges before the next one. */
  private List<Integer> ids(int count) {
    return pieces.subList(nextPiece - count, nextPiece).stream()
        .map(piece -> piece.fragment().id())
        .toList();
  }

  private static DatasetException noFragment(DatasetRef ref, long version, FragmentRange range) {
    return new DatasetException(
        Kind.NOT_FOUND,
        "Version "
            + version
            + " of "
            + ref.display()
            + " has no fragment "
            + range.fragmentId()
            + ". Plan the read on the fragments of that version.");
  }

  private static void checkColumns(TableSnapshot table, List<String> names) {
    List<String> known = table.columns().stream().map(TableColumn::name).toList();
    List<String> unknown = names.stream().filter(name -> !known.contains(name)).toList();
    if (!unknown.isEmpty()) {
      throw new DatasetException(
          Kind.INVALID_INPUT,
          "Version "
              + table.version()
              + " of "
              + table.ref().display()
              + " has no column "
              + unknown.stream().map(name -> "'" + name + "'").collect(Collectors.joining(", "))
              + "; its columns are "
              + String.join(", ", known)
              + ".");
    }
  }

  /**
   * Goes to the next batch; the one before is no longer valid, its buffers may be gone.
   *
   * @return false at the end; a batch always has rows
   */
  public boolean next() {
    long started = System.nanoTime();
    try {
      release();
      FragmentScanner open = scanner;
      while (runs == null || nextRun >= runs.count()) {
        runs = null;
        if (open == null || !open.load()) {
          if (nextPiece == pieces.size()) {
            return false;
          }
          closeScanner();
          open = openScanner();
          continue;
        }
        int[] loaded = open.offsets();
        bytesRead += open.bytes();
        fragmentId = open.fragmentId();
        Piece piece = Objects.requireNonNull(scanned.get(fragmentId));
        FragmentRange range = piece.range();
        runs = KeptRuns.of(loaded, range.start(), range.end(), piece.skipped());
        nextRun = 0;
      }
      emit(Objects.requireNonNull(open), runs);
      rowsRead += offsets.length;
      return true;
    } catch (Exception e) {
      throw LanceErrorClassifier.classify(
          "read %s of version %d of".formatted(ranges(), hold.table().version()),
          hold.table().ref(),
          e);
    } finally {
      nanosRead += System.nanoTime() - started;
    }
  }

  private String ranges() {
    return what(pieces.stream().map(Piece::range).toList());
  }

  private void emit(FragmentScanner open, KeptRuns kept) {
    List<FieldVector> vectors = open.vectors();
    int[] loaded = open.offsets();
    if (kept.rows() == loaded.length) {
      current = view(vectors, loaded.length);
      currentIsOwned = false;
      offsets = loaded;
      nextRun = kept.count();
    } else if (kept.count() == 1 || kept.rows() >= (long) kept.count() * SLICE_ROWS) {
      int first = kept.first(nextRun);
      int length = kept.length(nextRun);
      current = BatchCut.slice(vectors, first, length);
      currentIsOwned = true;
      offsets = Arrays.copyOfRange(loaded, first, first + length);
      nextRun++;
    } else {
      current = BatchCut.copy(vectors, kept, LanceAllocator.root());
      currentIsOwned = true;
      offsets = kept.offsets(loaded);
      nextRun = kept.count();
    }
  }

  private static VectorSchemaRoot view(List<FieldVector> vectors, int rows) {
    List<Field> fields = new ArrayList<>(vectors.size());
    vectors.forEach(vector -> fields.add(vector.getField()));
    return new VectorSchemaRoot(fields, vectors, rows);
  }

  /**
   * The current batch: the asked columns in the asked order, and nothing else. Valid until {@link
   * #next} or {@link #close}; who wants to keep it transfers its vectors out.
   */
  public VectorSchemaRoot root() {
    if (current == null) {
      throw new IllegalStateException("There is no batch: call next() first, and see it be true");
    }
    return current;
  }

  /** Rows of the current batch, also if no column was asked for. */
  public int rows() {
    return offsets.length;
  }

  /** The fragment of the current batch's rows. */
  public int fragmentId() {
    return fragmentId;
  }

  /** Physical offset of each row of the current batch, ascending. Not to be changed. */
  public int[] offsets() {
    return offsets;
  }

  /** Rows given out so far. */
  public long rowsRead() {
    return rowsRead;
  }

  /** Arrow bytes that Lance gave for the asked columns so far, skipped rows included. */
  public long bytesRead() {
    return bytesRead;
  }

  /** Nanoseconds spent so far in opening and in waiting for batches. */
  public long nanosRead() {
    return nanosRead;
  }

  private void release() {
    if (current != null && currentIsOwned) {
      current.close();
    }
    current = null;
    offsets = new int[0];
  }

  /** Frees the current batch, stops reading ahead; may be called again. */
  @Override
  public void close() {
    release();
    try {
      closeScanner();
    } catch (Exception e) {
      throw LanceErrorClassifier.classify(
          "finish reading %s of".formatted(ranges()), hold.table().ref(), e);
    } finally {
      hold.close();
    }
  }

  private void closeScanner() throws Exception {
    FragmentScanner open = scanner;
    scanner = null;
    if (open != null) {
      open.close();
    }
  }
}
