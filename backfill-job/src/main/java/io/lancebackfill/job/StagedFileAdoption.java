package io.lancebackfill.job;

import io.lancebackfill.commit.CommitCoordinator;
import io.lancebackfill.commit.StagedFragment;
import io.lancebackfill.coverage.LiveRowsOfFragments;
import io.lancebackfill.coverage.RowSelection;
import io.lancebackfill.datasource.commit.ColumnFileAttachment;
import io.lancebackfill.datasource.commit.ColumnFileCommitter;
import io.lancebackfill.datasource.commit.InputPlace;
import io.lancebackfill.datasource.table.ColumnPlace;
import io.lancebackfill.datasource.table.DeletedRows;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.datasource.write.StagedColumnFile;
import io.lancebackfill.datasource.write.StagedFiles;
import io.lancebackfill.progress.JobTotals;
import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.ColumnOrigin.Part;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.InputPlaces;
import io.lancebackfill.state.RowOffsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;
import org.roaringbitmap.RoaringBitmap;

/**
 * Finds column files that an earlier driver finished and recorded, and that the table does not
 * have: since it could not commit them, or since the table was restored. They are committed as they
 * are, if the table still is what they were made for and no row loses a value.
 */
final class StagedFileAdoption {
  private final TableSnapshot table;
  private final ComputedColumn column;
  private final List<TableColumn> inputColumns;
  private final Map<String, ColumnOrigin> origins;
  private final @Nullable String generation;

  /**
   * @param generation what a recompute counts as its own; null if every generation will do
   */
  StagedFileAdoption(
      TableSnapshot table,
      ComputedColumn column,
      List<TableColumn> inputColumns,
      Map<String, ColumnOrigin> origins,
      @Nullable String generation) {
    this.table = table;
    this.column = column;
    this.inputColumns = inputColumns;
    this.origins = origins;
    this.generation = generation;
  }

  /**
   * A file to be committed.
   *
   * @param rows live rows that have a value of the column's present function by it, and had none
   */
  private record Adopted(StagedFragment fragment, RoaringBitmap rows) {}

  /**
   * A file that was made for a fragment as it is now.
   *
   * @param made rows that it holds values of the column's present function for
   * @param before rows that the present file holds such values for
   */
  private record Candidate(
      FragmentSnapshot fragment,
      @Nullable ColumnPlace place,
      ColumnOrigin origin,
      RoaringBitmap made,
      RoaringBitmap before) {

    DeletedRows deleted() {
      return new DeletedRows(
          origin.deleted() == null ? "" : origin.deleted().file(), origin.deletedRows());
    }
  }

  /** Commits them. Those of the same job, which a restore took back, are nothing taken over. */
  void adopt(SparkSession spark, String jobId, CommitCoordinator coordinator, JobTotals totals) {
    for (Adopted adopted : find(spark)) {
      StagedFragment fragment = adopted.fragment();
      coordinator.adopt(fragment);
      boolean own = fragment.origin().jobId().equals(jobId);
      totals.adopted(
          fragment.attachment().fragmentId(), own ? new RoaringBitmap() : adopted.rows());
    }
    coordinator.flush();
  }

  private List<Adopted> find(SparkSession spark) {
    Map<Integer, List<Candidate>> candidates = candidates();
    Map<Integer, RoaringBitmap> alive =
        LiveRowsOfFragments.find(
            new RowSelection(spark), table, f -> candidates.containsKey(f.id()));
    List<Adopted> adopted = new ArrayList<>();
    candidates.forEach(
        (id, ofFragment) ->
            ofFragment.stream()
                .map(candidate -> adopted(candidate, alive.get(id)))
                .flatMap(Optional::stream)
                .max(
                    Comparator.comparingLong((Adopted a) -> a.rows().getLongCardinality())
                        .thenComparing(a -> a.fragment().origin().at()))
                .ifPresent(adopted::add));
    return adopted;
  }

  private Map<Integer, List<Candidate>> candidates() {
    Map<Integer, FragmentSnapshot> fragments = table.fragmentsById();
    Map<Integer, List<Candidate>> candidates = new HashMap<>();
    for (ColumnOrigin origin : origins.values()) {
      FragmentSnapshot fragment = fragments.get(origin.fragmentId());
      // A record of an older build does not say which rows were deleted when the file was made.
      if (fragment == null
          || fragment.physicalRows() != origin.physicalRows()
          || origin.deleted() == null) {
        continue;
      }
      Optional<ColumnPlace> place = ColumnFileCommitter.place(fragment, column.columns());
      if (!place.map(InputPlaces::text).orElse("").equals(origin.replaces())) {
        continue;
      }
      RoaringBitmap made = made(origin, fragment);
      if (!made.isEmpty()) {
        RoaringBitmap before =
            place
                .map(p -> origins.get(ColumnOrigin.pathOf(p)))
                .map(present -> made(present, fragment))
                .orElseGet(RoaringBitmap::new);
        candidates
            .computeIfAbsent(fragment.id(), id -> new ArrayList<>())
            .add(new Candidate(fragment, place.orElse(null), origin, made, before));
      }
    }
    return candidates;
  }

  private RoaringBitmap made(ColumnOrigin origin, FragmentSnapshot fragment) {
    String inputs = InputPlaces.of(fragment, inputColumns);
    RoaringBitmap rows = new RoaringBitmap();
    for (Part part : origin.parts()) {
      if (part.fingerprint().equals(column.fingerprint())
          && part.inputs().equals(inputs)
          && (generation == null || part.generation().equals(generation))) {
        rows.or(RoaringBitmap.andNot(part.computed(), part.failed()));
      }
    }
    return rows;
  }

  private Optional<Adopted> adopted(Candidate candidate, @Nullable RoaringBitmap liveOnes) {
    FragmentSnapshot fragment = candidate.fragment();
    RoaringBitmap alive = liveOnes == null ? RowOffsets.first(fragment.physicalRows()) : liveOnes;
    RoaringBitmap rows = RoaringBitmap.andNot(candidate.made(), candidate.before());
    rows.and(alive);
    RoaringBitmap lost = RoaringBitmap.andNot(candidate.before(), candidate.made());
    if (candidate.place() != null) {
      // Rows that came alive since have a value there, and none in the file.
      lost.or(candidate.deleted().rows());
    }
    if (rows.isEmpty() || RoaringBitmap.intersects(lost, alive)) {
      return Optional.empty();
    }
    return file(candidate.origin().file())
        .filter(file -> StagedFiles.readable(table.ref(), file))
        .map(
            file ->
                new Adopted(
                    new StagedFragment(
                        new ColumnFileAttachment(
                            fragment.id(),
                            fragment.physicalRows(),
                            file,
                            candidate.place(),
                            inputPlaces(fragment, inputColumns),
                            // Where nothing can be lost, rows that come alive are planned after.
                            candidate.place() == null ? DeletedRows.NONE : candidate.deleted()),
                        candidate.origin(),
                        List.of()),
                    rows));
  }

  /** The file under ids that the columns have or had, if that can be told. */
  private Optional<StagedColumnFile> file(StagedColumnFile file) {
    List<TableColumn> columns = column.columns();
    boolean known =
        file.fieldIds().stream()
            .allMatch(id -> columns.stream().anyMatch(c -> c.presentId(id).isPresent()));
    if (known) {
      return Optional.of(file);
    }
    // A restore took back the commit that had given the columns the ids that the file is under.
    List<Integer> ids = columns.stream().flatMap(c -> c.allIds().stream()).toList();
    return ids.size() == file.fieldIds().size()
        ? Optional.of(file.withFieldIds(ids))
        : Optional.empty();
  }

  /** Where the inputs stand in a fragment, as the committer compares them. */
  static List<InputPlace> inputPlaces(FragmentSnapshot fragment, List<TableColumn> inputColumns) {
    List<InputPlace> places = new ArrayList<>();
    for (TableColumn input : inputColumns) {
      places.add(InputPlace.of(fragment, input));
    }
    return places;
  }
}
