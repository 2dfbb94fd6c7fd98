package io.lancebackfill.manifest.pack;

import java.nio.file.Path;

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
    /** As equals, which is slow until it is compiled. */
    boolean same(Stamp other) {
      return size == other.size && modified == other.modified && inode == other.inode;
    }
  }
}
