package io.lancebackfill.task;

import io.lancebackfill.datasource.read.FragmentBatchReader;
import io.lancebackfill.datasource.read.FragmentRange;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.jspecify.annotations.Nullable;

/** The values that the column has now, for the rows that keep them. */
public final class CurrentValues implements OffsetStream {
  private static final int BATCH_ROWS = 4096;
  private final FragmentBatchReader reader;
  private final BufferAllocator allocator;

  public CurrentValues(JobTasks stage, TaskSpec task, BufferAllocator allocator) {
    this.allocator = allocator;
    this.reader =
        FragmentBatchReader.open(
            stage.table(),
            stage.columnVersion(),
            List.of(new FragmentRange(task.fragmentId(), 0, task.physicalRows(), task.need())),
            stage.names(),
            BATCH_ROWS);
  }

  @Override
  public @Nullable OffsetBatch next() {
    if (!reader.next()) {
      return null;
    }
    int[] offsets = reader.offsets();
    return new OffsetBatch(
        offsets,
        new OffsetBatch(offsets, List.copyOf(reader.root().getFieldVectors()))
            .slice(0, offsets.length, allocator));
  }

  @Override
  public void close() {
    reader.close();
  }
}
