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
import java.util.List;
import java.util.stream.Collectors;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Field;
import org.jspecify.annotations.Nullable;
import org.roaringbitmap.RoaringBitmap;

/**
 * Streams some columns of one range of a fragment as Arrow batches, in ascending physical offset,
 * each row with its offset. Reads ahead; memory is bound by the batch size.
 *
 * <p>Not thread-safe. Methods that read throw {@link DatasetException}.
 */
public final class FragmentBatchReader implements AutoCloseable {
  /** Runs shorter than this on average are copied together, longer ones leave as slices. */
  private static final int SLICE_ROWS = 64;

  private final FragmentRange range;
  private final RoaringBitmap skipped;
  private final OpenDatasets.Hold hold;
  private final FragmentScanner scanner;

  private @Nullable KeptRuns runs;
  private int nextRun;
  private @Nullable VectorSchemaRoot current;
  private boolean currentIsOwned;
  private int[] offsets = new int[0];
  private long rowsRead;
  private long bytesRead;
  private long nanosRead;

  private FragmentBatchReader(
      FragmentRange range, RoaringBitmap skipped, OpenDatasets.Hold hold, FragmentScanner scanner) {
    this.range = range;
    this.skipped = skipped;
    this.hold = hold;
    this.scanner = scanner;
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
    return open(table.ref(), table.version(), fragment, range, columns, batchSize);
  }

  /**
   * Opens a range of a fragment of which nothing is known yet. Prefer the form that takes the
   * fragment as it was planned: this one cannot see that a table was dropped and made anew.
   */
  public static FragmentBatchReader open(
      DatasetRef ref, long version, FragmentRange range, List<String> columns, int batchSize) {
    return open(ref, version, null, range, columns, null, batchSize);
  }

  /** As the form with a whole snapshot, which is much to send to a task. */
  public static FragmentBatchReader open(
      DatasetRef ref,
      long version,
      FragmentSnapshot planned,
      FragmentRange range,
      List<String> columns,
      int batchSize) {
    return open(ref, version, planned, range, columns, null, batchSize);
  }

  /**
   * @param lanceFilter rows that it does not keep are left out; used only where the range covers
   *     the whole fragment, since Lance counts offsets after the filter
   */
  static FragmentBatchReader open(
      DatasetRef ref,
      long version,
      @Nullable FragmentSnapshot planned,
      FragmentRange range,
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
      FragmentSnapshot fragment = hold.fragment(range.fragmentId());
      if (fragment == null) {
        throw noFragment(ref, version, range);
      }
      checkColumns(hold.table(), columns);
      RoaringBitmap skipped = range.skipped();
      FragmentScanner scanner =
          FragmentScanner.open(hold, fragment, range, columns, lanceFilter, skipped, batchSize);
      FragmentBatchReader reader = new FragmentBatchReader(range, skipped, hold, scanner);
      reader.nanosRead = System.nanoTime() - started;
      return reader;
    } catch (Exception e) {
      hold.close();
      throw LanceErrorClassifier.classify(
          "read " + range + " of version " + version + " of", ref, e);
    }
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
      while (runs == null || nextRun >= runs.count()) {
        runs = null;
        if (!scanner.load()) {
          return false;
        }
        int[] loaded = scanner.offsets();
        bytesRead += scanner.bytes();
        runs = KeptRuns.of(loaded, range.start(), range.end(), skipped);
        nextRun = 0;
      }
      emit(runs);
      rowsRead += offsets.length;
      return true;
    } catch (Exception e) {
      throw LanceErrorClassifier.classify(
          "read " + range + " of version " + hold.table().version() + " of", hold.table().ref(), e);
    } finally {
      nanosRead += System.nanoTime() - started;
    }
  }

  private void emit(KeptRuns kept) {
    List<FieldVector> vectors = scanner.vectors();
    int[] loaded = scanner.offsets();
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
      scanner.close();
    } catch (Exception e) {
      throw LanceErrorClassifier.classify("finish reading " + range + " of", hold.table().ref(), e);
    } finally {
      hold.close();
    }
  }
}
