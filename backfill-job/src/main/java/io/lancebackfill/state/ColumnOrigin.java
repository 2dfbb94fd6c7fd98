package io.lancebackfill.state;

import io.lancebackfill.datasource.write.StagedColumnFile;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.roaringbitmap.RoaringBitmap;

/**
 * What one column file was made from. It counts as staged until the table's manifest names the
 * file, then as committed: nothing else says so.
 *
 * @param columnIds what names the column or group, {@link ComputedColumn#idKey}
 * @param replaces the column's place in the fragment when the file was made, {@link
 *     InputPlaces#text}; empty if it had none
 * @param parts which rows were made by which function from which inputs; disjoint
 */
public record ColumnOrigin(
    String columnIds,
    int fragmentId,
    long physicalRows,
    StagedColumnFile file,
    String replaces,
    List<Part> parts,
    String jobId,
    long epoch,
    Instant at) {

  /**
   * Rows that share an origin.
   *
   * @param fingerprint of the function
   * @param inputs {@link InputPlaces#of} the inputs when they were read
   * @param generation job id of the recompute that made them; empty otherwise
   * @param computed physical offsets of the rows on which the function ran or failed
   * @param failed those of them that are NULL because the function failed
   */
  public record Part(
      String fingerprint,
      String inputs,
      String generation,
      RoaringBitmap computed,
      RoaringBitmap failed) {

    boolean sameSource(Part other) {
      return fingerprint.equals(other.fingerprint)
          && inputs.equals(other.inputs)
          && generation.equals(other.generation);
    }
  }

  /** All rows that some part explains. */
  public RoaringBitmap explained() {
    return RoaringBitmap.or(parts.stream().map(Part::computed).iterator());
  }

  /**
   * The parts of a file that takes over the rows of {@code before} and holds {@code made} on top.
   */
  public static List<Part> onTop(Optional<ColumnOrigin> before, Part made) {
    List<Part> parts = new ArrayList<>();
    RoaringBitmap computed = made.computed().clone();
    RoaringBitmap failed = made.failed().clone();
    for (Part old : before.map(ColumnOrigin::parts).orElse(List.of())) {
      RoaringBitmap kept = RoaringBitmap.andNot(old.computed(), made.computed());
      if (kept.isEmpty()) {
        continue;
      }
      RoaringBitmap keptFailed = RoaringBitmap.and(old.failed(), kept);
      if (old.sameSource(made)) {
        computed.or(kept);
        failed.or(keptFailed);
      } else {
        parts.add(new Part(old.fingerprint(), old.inputs(), old.generation(), kept, keptFailed));
      }
    }
    if (!computed.isEmpty()) {
      parts.add(new Part(made.fingerprint(), made.inputs(), made.generation(), computed, failed));
    }
    return List.copyOf(parts);
  }
}
