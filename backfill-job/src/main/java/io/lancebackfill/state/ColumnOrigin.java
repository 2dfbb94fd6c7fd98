package io.lancebackfill.state;

import io.lancebackfill.datasource.commit.ColumnFileCommitter;
import io.lancebackfill.datasource.table.ColumnPlace;
import io.lancebackfill.datasource.table.DeletedRows;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.write.StagedColumnFile;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import org.roaringbitmap.RoaringBitmap;

/**
 * What one column file was made from. It counts as staged until the table's manifest names the
 * file, then as committed: nothing else says so.
 *
 * @param columnIds what names the column or group, {@link ComputedColumn#idKey}
 * @param replaces the column's place in the fragment when the file was made, {@link
 *     InputPlaces#text}; empty if it had none
 * @param parts which rows were made by which function from which inputs; disjoint, and without rows
 *     that were deleted then
 * @param deleted the rows that were deleted when the file was made, so that it holds no value of
 *     them, and the deletion file under which they were last seen to be so; null in a record of an
 *     older build, whose parts may name such rows
 */
public record ColumnOrigin(
    String columnIds,
    int fragmentId,
    long physicalRows,
    StagedColumnFile file,
    String replaces,
    List<Part> parts,
    @Nullable DeletedRows deleted,
    String jobId,
    long epoch,
    Instant at) {

  /**
   * Rows that share an origin.
   *
   * @param fingerprint of the function, or {@link #writtenBy}
   * @param inputs {@link InputPlaces#of} the inputs when they were read
   * @param generation job id of the recompute that made them; empty otherwise
   * @param computed physical offsets of the rows on which the function ran or failed: those that
   *     came back from it
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

    /** The part together with the rows of another one. */
    private Part and(Part other) {
      return new Part(
          fingerprint,
          inputs,
          generation,
          RoaringBitmap.or(computed, other.computed),
          RoaringBitmap.or(failed, other.failed));
    }

    private Optional<Part> of(RoaringBitmap rows, String from) {
      return rows.isEmpty()
          ? Optional.empty()
          : Optional.of(
              new Part(fingerprint, from, generation, rows, RoaringBitmap.and(failed, rows)));
    }

    /**
     * Whether the same function made both from the same inputs, in the same recompute if in one.
     */
    public boolean sameSource(Part other) {
      return fingerprint.equals(other.fingerprint)
          && inputs.equals(other.inputs)
          && generation.equals(other.generation);
    }
  }

  /** A newer record of the same file. */
  public ColumnOrigin withParts(List<Part> newParts) {
    return newer(newParts, deleted);
  }

  /** A newer record of the same file: its deleted rows still were so in that fragment. */
  public ColumnOrigin stillDeletedIn(FragmentSnapshot fragment) {
    return newer(parts, new DeletedRows(fragment.deletionFile(), deletedRows()));
  }

  private ColumnOrigin newer(List<Part> newParts, @Nullable DeletedRows newDeleted) {
    return new ColumnOrigin(
        columnIds,
        fragmentId,
        physicalRows,
        file,
        replaces,
        merged(newParts),
        newDeleted,
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
                    merged(parts),
                    DeletedRows.NONE,
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

  /** The files in {@link #pathOf}, without the columns of a group that have none. */
  static List<String> files(String path) {
    return Arrays.stream(path.split("[|+]", -1)).filter(file -> !file.equals("-")).toList();
  }

  /** The rows that were deleted when the file was made, as far as the record says. */
  public RoaringBitmap deletedRows() {
    return deleted == null ? new RoaringBitmap() : deleted.rows();
  }

  /** Parts of one source become one. */
  static List<Part> merged(List<Part> parts) {
    List<Part> merged = new ArrayList<>();
    for (Part part : parts) {
      int same = 0;
      while (same < merged.size() && !merged.get(same).sameSource(part)) {
        same++;
      }
      if (same == merged.size()) {
        merged.add(part);
      } else {
        merged.set(same, merged.get(same).and(part));
      }
    }
    return List.copyOf(merged);
  }

  /** All rows that are NULL since some function failed on them. */
  public RoaringBitmap failedRows() {
    return RoaringBitmap.or(parts.stream().map(Part::failed).iterator());
  }

  /** All rows that some part explains. */
  public RoaringBitmap explained() {
    return RoaringBitmap.or(parts.stream().map(Part::computed).iterator());
  }

  /**
   * The parts of a file that takes over the rows of {@code before} and holds {@code made} on top.
   *
   * @param deleted rows that could not be taken over
   */
  public static List<Part> onTop(Optional<ColumnOrigin> before, Part made, RoaringBitmap deleted) {
    RoaringBitmap gone = RoaringBitmap.or(made.computed(), deleted);
    List<Part> parts = new ArrayList<>();
    RoaringBitmap computed = made.computed().clone();
    RoaringBitmap failed = made.failed().clone();
    for (Part old : before.map(ColumnOrigin::parts).orElse(List.of())) {
      RoaringBitmap kept = RoaringBitmap.andNot(old.computed(), gone);
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
