package io.lancebackfill.task;

import io.lancebackfill.datasource.read.FragmentRange;
import io.lancebackfill.state.RowOffsets;
import java.io.Serializable;
import java.util.List;
import org.roaringbitmap.RoaringBitmap;

/**
 * One task's share of a fragment; plain values, for executors. Rows are physical offsets.
 *
 * @param kind what the task leaves behind
 * @param physicalRows rows of the whole fragment, deleted ones included
 * @param start first row of the task's range
 * @param end one past its last row
 * @param need rows of the fragment that take a new value, as a RoaringBitmap
 * @param compute those of them in the range that the function must run on, all of them alive in the
 *     version at which inputs are read; the others of {@code need} come from checkpoints
 * @param keepsCurrent whether rows outside {@code need} may hold values that must be copied
 * @param checkpoints finished rows to take over
 * @param inputs where the inputs stand, {@link io.lancebackfill.state.InputPlaces#of}
 */
public record TaskSpec(
    Kind kind,
    int fragmentId,
    long physicalRows,
    long start,
    long end,
    byte[] need,
    byte[] compute,
    boolean keepsCurrent,
    List<CheckpointUse> checkpoints,
    String inputs)
    implements Serializable {

  /** The rows to read of the fragment: those that the function must run on. */
  public FragmentRange range() {
    RoaringBitmap others = RowOffsets.complement(RowOffsets.fromBytes(compute), physicalRows);
    return new FragmentRange(fragmentId, start, end, RowOffsets.toBytes(others));
  }

  /** What a task leaves behind. */
  public enum Kind {
    /** Computes a whole fragment and writes its column file. */
    WHOLE,
    /** Computes a range of a fragment and leaves a checkpoint dataset. */
    RANGE,
    /** Writes the column file of a fragment whose rows are all in checkpoints. */
    ASSEMBLE
  }

  /**
   * A checkpoint dataset and the rows to take from it.
   *
   * @param name of the dataset in the column's checkpoint folder
   * @param rows physical offsets as a RoaringBitmap; all of them must be there
   */
  public record CheckpointUse(String name, byte[] rows) implements Serializable {}
}
