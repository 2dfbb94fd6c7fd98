package io.lancebackfill.plan;

import io.lancebackfill.coverage.FragmentCoverage;
import io.lancebackfill.coverage.LiveRowsOfFragments;
import io.lancebackfill.coverage.RowFinder;
import io.lancebackfill.coverage.RowSelection;
import io.lancebackfill.coverage.UnknownRows;
import io.lancebackfill.datasource.table.DeletedRows;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.PythonWorkerFault;
import io.lancebackfill.error.RootCause;
import io.lancebackfill.state.CheckpointStore.Checkpoint;
import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.RowOffsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.spark.SparkThrowable;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.SparkSession;
import org.roaringbitmap.RoaringBitmap;

/** Decides from the table and the records which rows of which fragments take a new value. */
public final class BackfillPlanner {
  private final RowFinder finder;

  /**
   * @param spark the session whose functions {@code where} uses
   */
  public BackfillPlanner(SparkSession spark) {
    this(new RowSelection(spark));
  }

  BackfillPlanner(RowFinder finder) {
    this.finder = finder;
  }

  /**
   * Places of rows in a fragment are ints throughout.
   *
   * @throws BackfillException INVALID_ARGUMENT if a fragment has more rows than these reach
   */
  static void requireAddressable(TableSnapshot table) {
    for (FragmentSnapshot fragment : table.fragments()) {
      if (fragment.physicalRows() > Integer.MAX_VALUE) {
        throw new BackfillException(
            BackfillErrorCode.INVALID_ARGUMENT,
            ("Fragment %d of the table has %d rows, and a backfill reaches %d in a fragment. Write the"
                    + " table anew in smaller fragments, of a million rows, say: they are filled in"
                    + " parallel, too.")
                .formatted(fragment.id(), fragment.physicalRows(), Integer.MAX_VALUE));
      }
    }
  }

  public BackfillPlan plan(PlanRequest request) {
    requireAddressable(request.current());
    List<FragmentCoverage> coverage = new ArrayList<>();
    int appended = 0;
    Map<Integer, FragmentSnapshot> inputFragments = request.inputs().fragmentsById();
    for (FragmentSnapshot fragment : request.current().fragments()) {
      FragmentSnapshot read = inputFragments.get(fragment.id());
      if (read == null || read.physicalRows() != fragment.physicalRows()) {
        appended++;
      } else if (read.liveRows() > 0) {
        coverage.add(
            FragmentCoverage.of(
                fragment,
                read,
                request.column(),
                request.inputColumns(),
                request.origins(),
                request.computedInputs()));
      }
    }
    Map<Integer, RoaringBitmap> unknown =
        request.recomputeUnknown()
            ? Map.of()
            : UnknownRows.find(finder, request.current(), request.column(), coverage);

    Map<Integer, RoaringBitmap> need = new HashMap<>();
    for (FragmentCoverage fragment : coverage) {
      RoaringBitmap done =
          request.recompute()
              ? fragment.freshOf(request.generation(), request.column())
              : fragment.fresh().clone();
      done.or(unknown.getOrDefault(fragment.fragment().id(), new RoaringBitmap()));
      if (fragment.absentAreDeleted()) {
        done.or(fragment.absent());
      }
      RoaringBitmap rows = RowOffsets.complement(done, fragment.fragment().physicalRows());
      if (request.failedRows() != null) {
        rows.and(request.failedRows().getOrDefault(fragment.fragment().id(), new RoaringBitmap()));
        rows.and(fragment.everFailed());
      }
      if (!rows.isEmpty()) {
        need.put(fragment.fragment().id(), rows);
      }
    }
    if (request.where() != null) {
      need = selected(request, request.where(), need);
    }
    Alive alive = alive(request, coverage, need);
    need = alive.need();
    List<HeldBack> held = HeldBack.find(finder, request.inputs(), coverage, need);
    Map<Integer, RoaringBitmap> heldRows = HeldBack.union(held);

    Map<Integer, List<Checkpoint>> checkpoints =
        request.checkpoints().stream().collect(Collectors.groupingBy(Checkpoint::fragmentId));
    List<FragmentPlan> fragments = new ArrayList<>();
    int left = 0;
    for (FragmentCoverage fragment : coverage) {
      RoaringBitmap rows =
          RoaringBitmap.andNot(
              need.getOrDefault(fragment.fragment().id(), new RoaringBitmap()),
              heldRows.getOrDefault(fragment.fragment().id(), new RoaringBitmap()));
      if (rows.isEmpty()) {
        continue;
      }
      if (request.maxFragments() > 0 && fragments.size() == request.maxFragments()) {
        left++;
        continue;
      }
      fragments.add(
          withCheckpoints(
              fragment,
              rows,
              alive.deleted(fragment.fragment()),
              checkpoints.getOrDefault(fragment.fragment().id(), List.of()),
              request));
    }
    return new BackfillPlan(
        fragments,
        request.current().fragments().size()
            - appended
            - fragments.size()
            - left
            - alive.restored().size(),
        left,
        appended,
        alive.restored(),
        alive.observed(),
        unknown.values().stream().mapToLong(RoaringBitmap::getLongCardinality).sum(),
        held);
  }

  /**
   * Which rows are alive, of the fragments where that matters.
   *
   * @param need rows to compute that are alive in both versions, by fragment
   * @param rows the live rows of those of the fragments that have deleted ones
   * @param restored fragments with rows that came alive after the version at which inputs are read
   * @param observed newer records of fragments with nothing to do
   */
  private record Alive(
      Map<Integer, RoaringBitmap> need,
      Map<Integer, RoaringBitmap> rows,
      Set<Integer> restored,
      List<ColumnOrigin> observed) {

    DeletedRows deleted(FragmentSnapshot fragment) {
      if (fragment.deletedRows() == 0) {
        return DeletedRows.NONE;
      }
      RoaringBitmap deleted = RowOffsets.complement(of(fragment, rows), fragment.physicalRows());
      deleted.runOptimize();
      return new DeletedRows(fragment.deletionFile(), deleted);
    }

    static RoaringBitmap of(FragmentSnapshot fragment, Map<Integer, RoaringBitmap> rows) {
      return fragment.deletedRows() == 0
          ? RowOffsets.first(fragment.physicalRows())
          : rows.getOrDefault(fragment.id(), new RoaringBitmap());
    }
  }

  private Alive alive(
      PlanRequest request, List<FragmentCoverage> coverage, Map<Integer, RoaringBitmap> asked) {
    Map<Integer, RoaringBitmap> rows =
        LiveRowsOfFragments.find(finder, request.current(), f -> asked.containsKey(f.id()));
    boolean pinned = request.inputs().version() != request.current().version();
    Map<Integer, RoaringBitmap> rowsRead =
        pinned
            ? LiveRowsOfFragments.find(finder, request.inputs(), f -> asked.containsKey(f.id()))
            : rows;
    Map<Integer, FragmentSnapshot> read = request.inputs().fragmentsById();
    Map<Integer, RoaringBitmap> need = new HashMap<>();
    Set<Integer> restored = new TreeSet<>();
    List<ColumnOrigin> observed = new ArrayList<>();
    for (FragmentCoverage covered : coverage) {
      FragmentSnapshot fragment = covered.fragment();
      RoaringBitmap some = asked.get(fragment.id());
      if (some == null) {
        continue;
      }
      RoaringBitmap alive = Alive.of(fragment, rows);
      RoaringBitmap aliveRead = Alive.of(Objects.requireNonNull(read.get(fragment.id())), rowsRead);
      if (!aliveRead.contains(alive)) {
        restored.add(fragment.id());
        continue;
      }
      RoaringBitmap both = RoaringBitmap.and(some, alive);
      both.runOptimize();
      if (!both.isEmpty()) {
        need.put(fragment.id(), both);
      } else if (!covered.absentAreDeleted()
          && !RoaringBitmap.intersects(covered.absent(), alive)) {
        covered.origin().map(o -> o.stillDeletedIn(fragment)).ifPresent(observed::add);
      }
    }
    return new Alive(need, rows, restored, List.copyOf(observed));
  }

  private Map<Integer, RoaringBitmap> selected(
      PlanRequest request, Column where, Map<Integer, RoaringBitmap> need) {
    try {
      return finder.matching(
          request.inputs(),
          need,
          where,
          "Find the rows that where selects for " + request.column().name());
    } catch (Exception e) { // SparkException is checked, and Scala does not declare it
      if (e instanceof SparkThrowable) {
        throw PythonWorkerFault.of(e)
            .orElseGet(
                () ->
                    new BackfillException(
                        BackfillErrorCode.INVALID_WHERE,
                        "where could not be evaluated on every row, and nothing was computed: %s"
                            .formatted(RootCause.ofFunction(e)),
                        e));
      }
      throw e;
    }
  }

  private static FragmentPlan withCheckpoints(
      FragmentCoverage fragment,
      RoaringBitmap need,
      DeletedRows deleted,
      List<Checkpoint> checkpoints,
      PlanRequest request) {
    RoaringBitmap compute = need.clone();
    List<Checkpoint> used = new ArrayList<>();
    for (Checkpoint checkpoint : checkpoints) {
      if (checkpoint.inputs().equals(fragment.inputs())
          && (!request.recompute() || checkpoint.generation().equals(request.generation()))) {
        RoaringBitmap rows = RoaringBitmap.and(checkpoint.rows(), compute);
        if (!rows.isEmpty()) {
          compute.andNot(rows);
          used.add(checkpoint.only(rows));
        }
      }
    }
    compute.runOptimize();
    return new FragmentPlan(fragment, need, compute, deleted, List.copyOf(used));
  }
}
