package io.lancebackfill.task;

import io.lancebackfill.datasource.read.FragmentBatchReader;
import io.lancebackfill.datasource.read.FragmentRange;
import io.lancebackfill.state.RowOffsets;
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

  /** Rows of any size wait in memory for their writer: no more than Spark would read at once. */
  private static final int COPIED_ROWS = 1024;

  private final FragmentBatchReader reader;
  private final List<Field> fields;
  private final BufferAllocator allocator;

  private StoredValues(FragmentBatchReader reader, JobTasks stage, BufferAllocator allocator) {
    this.reader = reader;
    this.fields = stage.fields();
    this.allocator = allocator;
  }

  /** The values that the columns have now, for the rows that keep them. */
  public static StoredValues current(JobTasks stage, TaskSpec task, BufferAllocator allocator) {
    return new StoredValues(
        FragmentBatchReader.open(
            stage.table(),
            stage.columnVersion(),
            new FragmentRange(task.fragmentId(), 0, task.physicalRows(), task.need()),
            stage.names(),
            BATCH_ROWS),
        stage,
        allocator);
  }

  /**
   * The values of an input, for the rows that are to be computed.
   *
   * @param input a column whose values may be those of the job's only column
   */
  public static StoredValues copied(
      JobTasks stage, TaskSpec task, String input, BufferAllocator allocator) {
    byte[] skip =
        RowOffsets.toBytes(
            RowOffsets.complement(RowOffsets.fromBytes(task.compute()), task.physicalRows()));
    return new StoredValues(
        FragmentBatchReader.open(
            stage.table(),
            stage.inputVersion(),
            new FragmentRange(task.fragmentId(), task.start(), task.end(), skip),
            List.of(input),
            COPIED_ROWS),
        stage,
        allocator);
  }

  @Override
  public @Nullable OffsetBatch next() {
    if (!reader.next()) {
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
    reader.close();
  }
}
