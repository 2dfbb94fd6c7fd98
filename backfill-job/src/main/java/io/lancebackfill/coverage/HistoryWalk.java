package io.lancebackfill.coverage;

import io.lancebackfill.datasource.commit.ColumnFileCommitter;
import io.lancebackfill.datasource.history.TableChange;
import io.lancebackfill.datasource.history.TableChange.ColumnsRewritten;
import io.lancebackfill.datasource.history.TableChange.FragmentsRewritten;
import io.lancebackfill.datasource.history.TableChange.Gap;
import io.lancebackfill.datasource.history.TableChange.Group;
import io.lancebackfill.datasource.history.TableChange.Restored;
import io.lancebackfill.datasource.history.TableChange.RowsWritten;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.ColumnOrigin.Part;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.InputPlaces;
import io.lancebackfill.state.JobRecords.Followed;
import io.lancebackfill.state.RowOffsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.roaringbitmap.RoaringBitmap;

/**
 * Follows what other writers did to a column's rows since they were recorded: a compaction takes
 * the records along to the rows' new place, an update or merge leaves a record of which rows it
 * wrote. What it cannot follow has no record then, and counts as unknown: never as fresh.
 *
 * <p>Records are keyed by file, so that walking the same versions twice changes nothing.
 */
public final class HistoryWalk {
  private final Past past;
  private final TableSnapshot table;
  private final ComputedColumn column;
  private final List<TableColumn> inputs;
  private final ComputedInputs recorded;
  private final Map<String, ColumnOrigin> origins;
  private final Map<String, ColumnOrigin> carried = new LinkedHashMap<>();
  private final List<Gap> gaps = new ArrayList<>();

  private HistoryWalk(
      Past past,
      TableSnapshot table,
      ComputedColumn column,
      List<TableColumn> inputs,
      ComputedInputs recorded,
      Map<String, ColumnOrigin> origins) {
    this.past = past;
    this.table = table;
    this.column = column;
    this.inputs = inputs;
    this.recorded = recorded;
    this.origins = new HashMap<>(origins);
  }

  /**
   * Where a walk came out.
   *
   * @param origins the records that decide by path, those found on the way included
   * @param carried the records found on the way, which are not stored yet
   * @param gaps versions that are gone, so that what they did is not known
   * @param inputs the records of computed inputs, followed likewise
   */
  public record Result(
      Map<String, ColumnOrigin> origins,
      List<ColumnOrigin> carried,
      List<Gap> gaps,
      ComputedInputs inputs) {}

  /**
   * @param table the version to walk to
   * @param recorded the records of computed inputs
   * @param followed the versions up to which they were walked before
   */
  public static Result follow(
      SparkSession spark,
      TableSnapshot table,
      ComputedColumn column,
      List<TableColumn> inputs,
      ComputedInputs recorded,
      Followed followed) {
    Past past = new StoredPast(new RowSelection(spark), table.ref(), column.idKey());
    return follow(past, table, column, inputs, recorded, followed);
  }

  static Result follow(
      Past past,
      TableSnapshot table,
      ComputedColumn column,
      List<TableColumn> inputs,
      ComputedInputs recorded,
      Followed followed) {
    Map<String, ColumnOrigin> deciding = past.deciding(column, table);
    Result nothing = new Result(deciding, List.of(), List.of(), recorded);
    if (followed.to() >= table.version() || !canLearn(table, column, inputs, deciding)) {
      return nothing;
    }
    if (followed.to() == 0 && past.records().isEmpty()) {
      // No job was here: the whole of the table's history would tell nothing.
      return nothing;
    }
    List<TableChange> changes = past.changes(followed.to(), table.version());
    if (changes.isEmpty()) {
      return nothing;
    }
    Map<String, ColumnOrigin> origins = past.records();
    HistoryWalk walk = new HistoryWalk(past, table, column, inputs, recorded, origins);
    if (changes.stream().anyMatch(Restored.class::isInstance)) {
      // What came back may stem from versions that no job cared for: they had been taken back.
      long first = past.everFollowed().first(origins.values());
      changes = past.changes(first, table.version());
    }
    changes.forEach(walk::follow);
    return new Result(
        Map.copyOf(walk.origins),
        List.copyOf(walk.carried.values()),
        List.copyOf(walk.gaps),
        recorded);
  }

  /**
   * Whether history can add to the records: some file has none, or inputs stand elsewhere since.
   * Reading it costs a manifest for each version.
   */
  private static boolean canLearn(
      TableSnapshot table,
      ComputedColumn column,
      List<TableColumn> inputs,
      Map<String, ColumnOrigin> origins) {
    return table.fragments().stream()
        .filter(fragment -> ColumnFileCommitter.place(fragment, column.columns()).isPresent())
        .anyMatch(
            fragment ->
                FragmentCoverage.origin(fragment, column, origins)
                    .map(origin -> table.stableRowIds() && moved(fragment, origin, inputs))
                    .orElse(true));
  }

  private static boolean moved(
      FragmentSnapshot fragment, ColumnOrigin origin, List<TableColumn> inputs) {
    String now = InputPlaces.of(fragment, inputs);
    return origin.parts().stream()
        .anyMatch(part -> part.writtenBy().isEmpty() && !part.inputs().equals(now));
  }

  private void follow(TableChange change) {
    if (change instanceof FragmentsRewritten rewritten) {
      rewritten.groups().forEach(group -> carry(rewritten.version(), group));
    } else if (change instanceof RowsWritten written) {
      for (FragmentSnapshot fragment : written.fragments()) {
        RoaringBitmap all = RowOffsets.first(fragment.physicalRows());
        keepIfNew(fragment, List.of(Part.writtenBy(written.version(), all)));
      }
    } else if (change instanceof ColumnsRewritten rewritten && table.stableRowIds()) {
      sharpen(rewritten);
    } else if (change instanceof Gap gap) {
      gaps.add(gap);
    }
  }

  /** Takes the records of compacted fragments along to the fragments that hold their rows now. */
  private void carry(long version, Group group) {
    long rows = group.before().stream().mapToLong(FragmentSnapshot::liveRows).sum();
    if (rows != group.after().stream().mapToLong(FragmentSnapshot::physicalRows).sum()) {
      return;
    }
    Optional<Map<Integer, RoaringBitmap>> alive = aliveBefore(version, group.before());
    if (alive.isEmpty()) {
      return;
    }
    MovedRows moved = new MovedRows(group.after());
    for (FragmentSnapshot fragment : group.before()) {
      RoaringBitmap live = alive.get().get(fragment.id());
      String here = InputPlaces.of(fragment, inputs);
      for (Part part :
          FragmentCoverage.origin(fragment, column, origins).stream()
              .flatMap(origin -> origin.parts().stream())
              .flatMap(part -> asOf(fragment, part, here))
              .toList()) {
        moved.add(part, part.inputs().equals(here), live);
      }
      moved.next(fragment.liveRows());
    }
    for (FragmentSnapshot fragment : group.after()) {
      keepIfNew(fragment, moved.parts(fragment, InputPlaces.of(fragment, inputs)));
    }
  }

  /**
   * A part as its rows stand: those whose inputs have the same values at {@code here} are as if
   * made from there.
   */
  private Stream<Part> asOf(FragmentSnapshot fragment, Part part, String here) {
    if (part.inputs().equals(here)) {
      return Stream.of(part);
    }
    RoaringBitmap same = recorded.unchanged(fragment, part.inputs(), here);
    return Stream.of(
            part.without(RowOffsets.complement(same, fragment.physicalRows()), here),
            part.without(same, part.inputs()))
        .flatMap(Optional::stream);
  }

  /**
   * For the fragments with deleted rows, which rows a compaction found alive; empty if that can no
   * longer be read.
   */
  private Optional<Map<Integer, RoaringBitmap>> aliveBefore(
      long version, List<FragmentSnapshot> fragments) {
    Map<Integer, RoaringBitmap> among = new HashMap<>();
    for (FragmentSnapshot fragment : fragments) {
      if (fragment.deletedRows() > 0
          && FragmentCoverage.origin(fragment, column, origins).isPresent()) {
        among.put(fragment.id(), RowOffsets.first(fragment.physicalRows()));
      }
    }
    if (among.isEmpty()) {
      return Optional.of(Map.of());
    }
    try {
      return Optional.of(past.alive(version - 1, among));
    } catch (DatasetException e) {
      if (e.kind() == DatasetException.Kind.NOT_FOUND) {
        gaps.add(new Gap(version - 1, version - 1));
        return Optional.empty();
      }
      throw e;
    }
  }

  private void keepIfNew(FragmentSnapshot fragment, List<Part> parts) {
    if (!parts.isEmpty()) {
      ColumnOrigin.attached(column, fragment, parts)
          .filter(origin -> !origins.containsKey(origin.file().path()))
          .ifPresent(this::keep);
    }
  }

  /**
   * Where an update gave an input a new file in place, the rows that it did not touch stay as fresh
   * as they were. Row versions tell which, if the writer kept them; else all are stale.
   */
  private void sharpen(ColumnsRewritten change) {
    List<FragmentSnapshot> recorded =
        change.fragments().stream()
            .filter(f -> FragmentCoverage.origin(f, column, origins).isPresent())
            .toList();
    if (recorded.isEmpty()) {
      return;
    }
    try {
      TableSnapshot before = past.at(change.version() - 1);
      for (FragmentSnapshot fragment : recorded) {
        Optional<FragmentSnapshot> old = before.fragment(fragment.id());
        if (old.isPresent()) {
          sharpen(change.version(), fragment, InputPlaces.of(old.get(), inputs));
        }
      }
    } catch (DatasetException e) {
      if (e.kind() != DatasetException.Kind.NOT_FOUND) {
        throw e;
      }
      gaps.add(new Gap(change.version() - 1, change.version()));
    }
  }

  private void sharpen(long version, FragmentSnapshot fragment, String inputsBefore) {
    String inputsNow = InputPlaces.of(fragment, inputs);
    if (inputsNow.equals(inputsBefore)) {
      return;
    }
    RoaringBitmap touched = past.updatedBy(version, fragment.id());
    if (touched.isEmpty()) {
      return;
    }
    ColumnOrigin origin = FragmentCoverage.origin(fragment, column, origins).orElseThrow();
    List<Part> parts = new ArrayList<>();
    for (Part part :
        origin.parts().stream().flatMap(p -> asOf(fragment, p, inputsBefore)).toList()) {
      if (part.inputs().equals(inputsBefore)) {
        part.without(touched, inputsNow).ifPresent(parts::add);
        part.only(touched).ifPresent(parts::add);
      } else {
        parts.add(part);
      }
    }
    if (!parts.equals(origin.parts())) {
      keep(origin.withParts(parts));
    }
  }

  private void keep(ColumnOrigin origin) {
    origins.put(origin.file().path(), origin);
    carried.put(origin.file().path(), origin);
  }
}
