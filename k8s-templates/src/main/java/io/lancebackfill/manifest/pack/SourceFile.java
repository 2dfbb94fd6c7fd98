package io.lancebackfill.manifest.pack;

import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * A file to be packaged.
 *
 * @param name in the manifest's tree, with {@code /} between folders
 * @param file where it is read; no symbolic link
 * @param stamp by which a change is noticed
 * @param executable whether its owner may execute it
 */
record SourceFile(String name, Path file, Stamp stamp, boolean executable) {
  /**
   * What changes when a file is written.
   *
   * @param size bytes
   * @param modified nanoseconds since 1970
   * @param inode hash of the file system's key of the file, 0 where it has none
   */
  record Stamp(long size, long modified, int inode) {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    /** Within which file systems with fine and with coarse times may give two writes one time. */
    private static final long FINE = TimeUnit.MILLISECONDS.toNanos(50);

    private static final long COARSE = TimeUnit.SECONDS.toNanos(3);

    /** As equals, which is slow until it is compiled. */
    boolean same(Stamp other) {
      return size == other.size && modified == other.modified && inode == other.inode;
    }

    /**
     * Whether the file cannot have been written again at its own time after it was read.
     *
     * @param readAt nanoseconds since 1970
     */
    boolean settled(long readAt) {
      return modified < readAt - (modified % SECOND == 0 ? COARSE : FINE);
    }
  }
}
