package io.lancebackfill.task;

import io.lancebackfill.datasource.read.FragmentBatchReader;
import io.lancebackfill.datasource.read.FragmentRange;
import io.lancebackfill.datasource.table.DatasetRef;
import java.util.List;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;

/** Reads ranges of several fragments together, and gives each fragment's batches to its task. */
public final class PackReader implements AutoCloseable {
  private final DatasetRef table;
  private final long version;
  private final List<FragmentRange> ranges;
  private final List<String> columns;
  private final int batchRows;
  private @Nullable FragmentBatchReader opened;
  private boolean ahead;
  private boolean ended;

  /** Opens nothing before the first batch is asked for. */
  public PackReader(
      DatasetRef table,
      long version,
      List<FragmentRange> ranges,
      List<String> columns,
      int batchRows) {
    this.table = table;
    this.version = version;
    this.ranges = ranges;
    this.columns = columns;
    this.batchRows = batchRows;
  }

  /** Goes to the next batch of a fragment; false if the fragment has no more. */
  public boolean next(int fragmentId) {
    if (!ahead) {
      ended = ended || !reader().next();
      ahead = !ended;
    }
    if (ended || reader().fragmentId() != fragmentId) {
      return false;
    }
    ahead = false;
    return true;
  }

  private FragmentBatchReader reader() {
    FragmentBatchReader reader = opened;
    if (reader == null) {
      reader = FragmentBatchReader.open(table, version, ranges, columns, batchRows);
      opened = reader;
    }
    return reader;
  }

  /** The current batch, as {@link FragmentBatchReader#root} gives it. */
  public VectorSchemaRoot root() {
    return reader().root();
  }

  /** The physical offset of each of its rows. */
  public int[] offsets() {
    return reader().offsets();
  }

  /** Arrow bytes of a row so far; 0 if none was read. */
  public long bytesPerRow() {
    return opened == null || opened.rowsRead() == 0 ? 0 : opened.bytesRead() / opened.rowsRead();
  }

  @Override
  public void close() {
    if (opened != null) {
      opened.close();
    }
  }
}
