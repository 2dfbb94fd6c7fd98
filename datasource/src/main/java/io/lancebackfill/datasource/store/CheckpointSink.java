package io.lancebackfill.datasource.store;

import io.lancebackfill.datasource.table.DatasetException;
import org.apache.arrow.vector.VectorSchemaRoot;

/** Takes finished rows of one fragment in ascending order, and keeps them. */
public interface CheckpointSink extends AutoCloseable {
  /**
   * Appends a batch; without rows it does nothing. The vectors stay the caller's.
   *
   * @param offsets the rows' physical offsets
   * @param values the value columns of the same rows, in the order of their declaration
   * @throws IllegalArgumentException if the columns differ from the declared ones, or the offsets
   *     do not ascend, from the last append's on
   * @throws DatasetException as classified; the batch is not appended then
   */
  void append(int[] offsets, VectorSchemaRoot values);

  /** Size of the data files that were appended. */
  long bytes();

  @Override
  void close();
}
