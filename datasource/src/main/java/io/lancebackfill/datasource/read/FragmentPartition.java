package io.lancebackfill.datasource.read;

import java.util.List;
import org.apache.spark.sql.connector.read.InputPartition;

/**
 * One partition of a scan: plain values only.
 *
 * @param pieces what it reads, in this order
 */
record FragmentPartition(List<FragmentPiece> pieces) implements InputPartition {
  FragmentPartition {
    pieces = List.copyOf(pieces);
  }

  /** The most rows that the partition can have. */
  long rows() {
    return pieces.stream().mapToLong(FragmentPiece::rows).sum();
  }

  /** The share of its ranges in the fragments' files, where their size is known. */
  long bytes() {
    return pieces.stream().mapToLong(FragmentPiece::bytes).sum();
  }
}
