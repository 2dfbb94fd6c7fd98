package io.lancebackfill.task;

import io.lancebackfill.datasource.read.FragmentRange;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.ValueVector;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.util.TransferPair;
import org.jspecify.annotations.Nullable;

/** Values as they lie in the fragment's files: buffers change hands, and no row is made. */
public final class StoredValues implements OffsetStream {
  private static final int BATCH_ROWS = 4096;

  private final PackReader reader;
  private final int fragmentId;
  private final List<Field> fields;
  private final BufferAllocator allocator;
  private final boolean ownsReader;

  private StoredValues(
      PackReader reader,
      int fragmentId,
      List<Field> fields,
      BufferAllocator allocator,
      boolean ownsReader) {
    this.reader = reader;
    this.fragmentId = fragmentId;
    this.fields = fields;
    this.allocator = allocator;
    this.ownsReader = ownsReader;
  }

  /** The values that the columns have now, for the rows that keep them. */
  public static StoredValues current(JobTasks stage, TaskSpec task, BufferAllocator allocator) {
    FragmentRange kept = new FragmentRange(task.fragmentId(), 0, task.physicalRows(), task.need());
    return new StoredValues(
        new PackReader(
            stage.table(), stage.columnVersion(), List.of(kept), stage.names(), BATCH_ROWS),
        task.fragmentId(),
        stage.fields(),
        allocator,
        true);
  }

  /**
   * One fragment's values of those that are read.
   *
   * @param reader of columns laid out as {@code fields}; it stays the caller's
   */
  public static StoredValues of(
      PackReader reader, int fragmentId, List<Field> fields, BufferAllocator allocator) {
    return new StoredValues(reader, fragmentId, fields, allocator, false);
  }

  @Override
  public @Nullable OffsetBatch next() {
    if (!reader.next(fragmentId)) {
      return null;
    }
    int[] offsets = reader.offsets();
    List<FieldVector> values = new ArrayList<>();
    try {
      for (int i = 0; i < fields.size(); i++) {
        // The column's own field, so that its vectors can be joined with others of the column.
        FieldVector taken = fields.get(i).createVector(allocator);
        values.add(taken);
        TransferPair pair = reader.root().getVector(i).makeTransferPair(taken);
        pair.splitAndTransfer(0, offsets.length);
      }
    } catch (RuntimeException e) {
      values.forEach(ValueVector::close);
      throw e;
    }
    return new OffsetBatch(offsets, values);
  }

  @Override
  public void close() {
    if (ownsReader) {
      reader.close();
    }
  }
}
