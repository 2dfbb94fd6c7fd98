package io.lancebackfill.datasource.read;

import io.lancebackfill.datasource.table.DataFileInfo;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import java.io.Serializable;

/**
 * A part of a planned read.
 *
 * @param fragment as it was planned
 * @param range the rows of it to read
 */
record FragmentPiece(FragmentSnapshot fragment, FragmentRange range) implements Serializable {

  /** The most rows that the range can have. */
  long rows() {
    long span = Math.min(range.end(), fragment.physicalRows()) - range.start();
    long kept = span - range.skipped().getLongCardinality();
    return Math.max(0, Math.min(kept, fragment.liveRows()));
  }

  /** The range's share of the fragment's files, where their size is known. */
  long bytes() {
    long files = fragment.files().stream().mapToLong(DataFileInfo::bytes).filter(b -> b > 0).sum();
    return (long) ((double) files * rows() / Math.max(1, fragment.physicalRows()));
  }
}
