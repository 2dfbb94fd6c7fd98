package io.lancebackfill.plan;

import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.RootCause;
import io.lancebackfill.state.CheckpointStore.Checkpoint;
import io.lancebackfill.state.RowOffsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.spark.SparkThrowable;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.SparkSession;
import org.roaringbitmap.RoaringBitmap;

/** Decides from the table and the records which rows of which fragments take a new value. */
public final class BackfillPlanner {
  private final SparkSession spark;

  /**
   * @param spark the session whose functions {@code where} uses
   */
  public BackfillPlanner(SparkSession spark) {
    this.spark = spark;
  }

  public BackfillPlan plan(PlanRequest request) {
    List<FragmentCoverage> coverage = new ArrayList<>();
    int appended = 0;
    Map<Integer, FragmentSnapshot> inputFragments = request.inputs().fragmentsById();
    for (FragmentSnapshot fragment : request.current().fragments()) {
      FragmentSnapshot read = inputFragments.get(fragment.id());
      if (read == null) {
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
            : UnknownRows.find(spark, request.current(), request.column(), coverage);

    Map<Integer, RoaringBitmap> need = new HashMap<>();
    for (FragmentCoverage fragment : coverage) {
      RoaringBitmap done =
          request.recompute()
              ? fragment.freshOf(request.generation(), request.column())
              : fragment.fresh().clone();
      done.or(unknown.getOrDefault(fragment.fragment().id(), new RoaringBitmap()));
      RoaringBitmap rows = RowOffsets.complement(done, fragment.fragment().physicalRows());
      if (!rows.isEmpty()) {
        need.put(fragment.fragment().id(), rows);
      }
    }
    if (request.where() != null) {
      need = selected(request, request.where(), need);
    }
    List<HeldBack> held = HeldBack.find(spark, request.inputs(), coverage, need);
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
              checkpoints.getOrDefault(fragment.fragment().id(), List.of()),
              request));
    }
    return new BackfillPlan(
        fragments,
        request.current().fragments().size() - appended - fragments.size() - left,
        left,
        appended,
        unknown.values().stream().mapToLong(RoaringBitmap::getLongCardinality).sum(),
        held.stream()
            .map(rows -> rows.alive(spark, request.current()))
            .filter(rows -> rows.count() > 0)
            .toList());
  }

  private Map<Integer, RoaringBitmap> selected(
      PlanRequest request, Column where, Map<Integer, RoaringBitmap> need) {
    try {
      return RowSelection.matching(
          spark,
          request.inputs(),
          need,
          where,
          "Find the rows that where selects for " + request.column().name());
    } catch (Exception e) { // SparkException is checked, and Scala does not declare it
      if (e instanceof SparkThrowable) {
        throw new BackfillException(
            BackfillErrorCode.INVALID_WHERE,
            "where could not be evaluated on every row, and nothing was computed: %s"
                .formatted(RootCause.ofFunction(e)),
            e);
      }
      throw e;
    }
  }

  private static FragmentPlan withCheckpoints(
      FragmentCoverage fragment,
      RoaringBitmap need,
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
          used.add(
              new Checkpoint(
                  checkpoint.name(),
                  checkpoint.fragmentId(),
                  checkpoint.inputs(),
                  checkpoint.generation(),
                  rows));
        }
      }
    }
    return new FragmentPlan(fragment, need, compute, List.copyOf(used));
  }
}
