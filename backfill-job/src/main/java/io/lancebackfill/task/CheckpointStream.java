package io.lancebackfill.task;

import io.lancebackfill.datasource.store.CheckpointDataset;
import io.lancebackfill.datasource.store.CheckpointReader;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.state.RowOffsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.jspecify.annotations.Nullable;
import org.roaringbitmap.RoaringBitmap;

/** The rows that a task takes from one checkpoint dataset; all of them, or it throws. */
public final class CheckpointStream implements OffsetStream {
  private static final int BATCH_ROWS = 4096;
  private final String name;
  private final CheckpointReader reader;
  private final RoaringBitmap missing;
  private final BufferAllocator allocator;
  private final List<OffsetBatch> ready = new ArrayList<>();

  public CheckpointStream(JobTasks stage, TaskSpec.CheckpointUse use, BufferAllocator allocator) {
    this.name = use.name();
    this.missing = RowOffsets.fromBytes(use.rows());
    this.allocator = allocator;
    long from = missing.isEmpty() ? 0 : missing.first();
    this.reader =
        CheckpointDataset.read(stage.checkpoints().child(use.name() + ".lance"))
            .open(from, BATCH_ROWS);
  }

  @Override
  public @Nullable OffsetBatch next() {
    while (ready.isEmpty()) {
      if (!reader.next()) {
        if (!missing.isEmpty()) {
          throw new BackfillException(
              BackfillErrorCode.STATE_DAMAGED,
              ("Checkpoint %s lacks %d rows that it held when the job began. It was changed or "
                      + "damaged meanwhile. Run the call again: the rows are computed anew.")
                  .formatted(name, missing.getCardinality()));
        }
        return null;
      }
      split(reader.offsets(), reader.values());
    }
    return ready.remove(0);
  }

  /** Cuts a batch into runs of rows that are wanted and not seen yet. */
  private void split(int[] offsets, List<FieldVector> values) {
    int i = 0;
    while (i < offsets.length) {
      if (!missing.contains(offsets[i])) {
        i++;
        continue;
      }
      int from = i;
      while (i < offsets.length && missing.contains(offsets[i])) {
        missing.remove(offsets[i]);
        i++;
      }
      int[] run = Arrays.copyOfRange(offsets, from, i);
      ready.add(
          new OffsetBatch(run, new OffsetBatch(run, values).slice(from, run.length, allocator)));
    }
  }

  @Override
  public void close() {
    ready.forEach(OffsetBatch::close);
    ready.clear();
    reader.close();
  }
}
