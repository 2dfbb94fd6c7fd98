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
   * @param inode the file system's key of the file, empty where it has none
   */
  record Stamp(long size, long modified, String inode) {}
}
