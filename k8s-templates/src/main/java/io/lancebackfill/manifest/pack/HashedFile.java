package io.lancebackfill.manifest.pack;

/**
 * A file and its content's hash.
 *
 * @param source the file
 * @param hash SHA-256, 32 bytes
 */
record HashedFile(SourceFile source, byte[] hash) {}
