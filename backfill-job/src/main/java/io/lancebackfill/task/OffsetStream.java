package io.lancebackfill.task;

import org.jspecify.annotations.Nullable;

/** Values of rows of one fragment, in ascending order of their physical offsets. */
public interface OffsetStream extends AutoCloseable {
  /** The next rows, which the caller closes; null at the end. Never an empty batch. */
  @Nullable OffsetBatch next();

  @Override
  void close();
}
