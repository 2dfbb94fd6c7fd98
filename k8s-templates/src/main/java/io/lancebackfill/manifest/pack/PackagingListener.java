package io.lancebackfill.manifest.pack;

/** Hears of the steps of packaging. */
@FunctionalInterface
public interface PackagingListener {
  /**
   * Called a few times a second, at the first and at the last event of a step, by one thread at a
   * time. An exception ends the packaging.
   */
  void progress(PackagingProgress progress);
}
