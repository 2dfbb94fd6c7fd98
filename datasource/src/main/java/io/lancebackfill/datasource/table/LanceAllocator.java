package io.lancebackfill.datasource.table;

import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;

/**
 * The Arrow memory of this JVM. Lance hands buffers over between allocators of one root only, so
 * every part that reads or writes takes a child of this one.
 */
public final class LanceAllocator {
  private static final BufferAllocator ROOT = new RootAllocator(Long.MAX_VALUE);

  private LanceAllocator() {}

  /** The root, never closed. Long-lived users take a child and close it. */
  public static BufferAllocator root() {
    return ROOT;
  }

  /** A child of the root without a limit of its own; the caller closes it. */
  public static BufferAllocator child(String name) {
    return ROOT.newChildAllocator(name, 0, Long.MAX_VALUE);
  }
}
