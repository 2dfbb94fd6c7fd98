package io.lancebackfill.state;

import io.lancebackfill.datasource.commit.ColumnFileCommitter;
import io.lancebackfill.datasource.table.ColumnPlace;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.write.StagedColumnFile;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.roaringbitmap.RoaringBitmap;

/**
 * What one column file was made from. It counts as staged until the table's manifest names the
 * file, then as committed: nothing else says so.
 *
 * @param columnIds field ids of the column or group, {@link ComputedColumn#idKey}
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
   * @param fingerprint of the function, or {@link #writtenBy}
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

    private static final String WRITTEN_BY = "version:";

    /** Rows that an update or merge of another writer wrote, with whatever value they had. */
    public static Part writtenBy(long version, RoaringBitmap rows) {
      return new Part(WRITTEN_BY + version, "", "", rows, new RoaringBitmap());
    }

    /** The version in which an update or merge wrote the rows; empty if a function made them. */
    public OptionalLong writtenBy() {
      return fingerprint.startsWith(WRITTEN_BY)
          ? OptionalLong.of(Long.parseLong(fingerprint.substring(WRITTEN_BY.length())))
          : OptionalLong.empty();
    }

    /** The part's rows that are not among {@code rows}, as made from {@code otherInputs}. */
    public Optional<Part> without(RoaringBitmap rows, String otherInputs) {
      return of(RoaringBitmap.andNot(computed, rows), otherInputs);
    }

    /** The part's rows that are among {@code rows}. */
    public Optional<Part> only(RoaringBitmap rows) {
      return of(RoaringBitmap.and(computed, rows), inputs);
    }

    private Optional<Part> of(RoaringBitmap rows, String from) {
      return rows.isEmpty()
          ? Optional.empty()
          : Optional.of(
              new Part(fingerprint, from, generation, rows, RoaringBitmap.and(failed, rows)));
    }

    boolean sameSource(Part other) {
      return fingerprint.equals(other.fingerprint)
          && inputs.equals(other.inputs)
          && generation.equals(other.generation);
    }
  }

  /** A newer record of the same file. */
  public ColumnOrigin withParts(List<Part> newParts) {
    return new ColumnOrigin(
        columnIds,
        fragmentId,
        physicalRows,
        file,
        replaces,
        List.copyOf(newParts),
        jobId,
        epoch,
        Instant.now().truncatedTo(ChronoUnit.MICROS));
  }

  /** {@link #replaces} of a record whose file is in the table from the start. */
  private static final String NOTHING = "-";

  /**
   * The record of rows that other writers put where they are: in a file that never was staged.
   *
   * @return empty if the fragment has no file for the column
   */
  public static Optional<ColumnOrigin> attached(
      ComputedColumn column, FragmentSnapshot fragment, List<Part> parts) {
    return ColumnFileCommitter.place(fragment, column.columns())
        .map(
            place ->
                new ColumnOrigin(
                    column.idKey(),
                    fragment.id(),
                    fragment.physicalRows(),
                    new StagedColumnFile(
                        pathOf(place),
                        column.fieldIds(),
                        place.columnIndices(),
                        0,
                        0,
                        -1,
                        fragment.physicalRows()),
                    NOTHING,
                    List.copyOf(parts),
                    "",
                    0,
                    Instant.now().truncatedTo(ChronoUnit.MICROS)));
  }

  /**
   * The path by which a record is found: the file of a column, or of a group whose columns all lie
   * in one; else the list of their files.
   */
  public static String pathOf(ColumnPlace place) {
    List<String> paths = Arrays.stream(place.path().split("\\|")).distinct().toList();
    return paths.size() == 1 ? paths.get(0) : place.path();
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
