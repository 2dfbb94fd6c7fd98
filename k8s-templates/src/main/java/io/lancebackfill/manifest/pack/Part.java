package io.lancebackfill.manifest.pack;

/**
 * Files of a manifest that are sent together.
 *
 * @param kind where they come from
 * @param hash of their names and contents: {@link PartListing}
 * @param bytes of the files, not of the zip; at least 0
 * @param files how many; at least 1
 */
public record Part(PartKind kind, String hash, long bytes, int files) {}
