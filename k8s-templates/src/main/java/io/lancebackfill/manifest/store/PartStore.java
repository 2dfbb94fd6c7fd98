package io.lancebackfill.manifest.store;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;

/**
 * Keeps parts of packaged manifests by their hash: 64 hexadecimal digits. Threads may share a
 * store. A part is there whole or not at all, whatever ends the process that puts it.
 */
public interface PartStore {
  /** Whether the whole part is there. */
  boolean exists(String hash) throws IOException;

  /**
   * Stores a part. One that is there already is left or replaced: it has the same content.
   *
   * @param zip read to its end; the caller closes it
   * @param length bytes of {@code zip}
   * @throws IOException if it cannot be stored, or if {@code zip} has another length; then it is
   *     not there
   */
  void put(String hash, InputStream zip, long length) throws IOException;

  /**
   * Copies a part to a file of this machine.
   *
   * @param target does not exist yet; what is left of it after an exception is of no use
   * @throws java.nio.file.NoSuchFileException if the part is not there
   */
  void fetch(String hash, Path target) throws IOException;
}
