package io.lancebackfill.report;

import io.lancebackfill.coverage.ComputedInputs;
import io.lancebackfill.coverage.FragmentCoverage;
import io.lancebackfill.coverage.HistoryWalk;
import io.lancebackfill.coverage.LiveRowsOfFragments;
import io.lancebackfill.coverage.RowFinder;
import io.lancebackfill.coverage.RowSelection;
import io.lancebackfill.coverage.UnknownRows;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.plan.HeldBack;
import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.JobRecords;
import io.lancebackfill.state.JobRecords.Followed;
import io.lancebackfill.state.RowOffsets;
import io.lancebackfill.state.TableState;
import io.lancebackfill.table.StorageErrors;
import io.lancebackfill.table.TableTarget;
import io.lancebackfill.table.Tables;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;
import org.roaringbitmap.RoaringBitmap;

/** Says for each fragment what the values of a computed column are. Reads only. */
public final class CoverageReport {
  private final SparkSession spark;
  private final TableTarget target;

  public CoverageReport(SparkSession spark, TableTarget target) {
    this.spark = spark;
    this.target = target;
  }

  /**
   * One fragment; live rows only.
   *
   * @param functionVersion the version given to the function that made the fragment's values, or
   *     its fingerprint; null if no record says
   * @param reason why the rows are what they are, a sentence for each state
   */
  public record Line(
      int fragmentId,
      long rows,
      long fresh,
      long stale,
      long failed,
      long neverComputed,
      long unknown,
      @Nullable String functionVersion,
      String reason) {}

  public List<Line> run(String name) {
    return StorageErrors.translate(target, () -> lines(name));
  }

  private List<Line> lines(String name) {
    TableSnapshot table = Tables.latest(target);
    ComputedColumn column = ComputedColumn.of(table, name);
    List<TableColumn> inputs = new ArrayList<>();
    for (String input : column.inputs()) {
      // An input that was dropped leaves every value stale: no place of it can be the recorded one.
      table.column(input).ifPresent(inputs::add);
    }
    TableState state = new TableState(target.ref());
    Followed followed = new JobRecords(state).followed(column.idKey());
    ComputedInputs computedInputs = ComputedInputs.of(spark, table, table, inputs, state);
    HistoryWalk.Result history =
        HistoryWalk.follow(spark, table, column, inputs, computedInputs, followed);
    Map<String, ColumnOrigin> origins = history.origins();
    List<FragmentCoverage> coverage =
        table.fragments().stream()
            .map(f -> FragmentCoverage.of(f, f, column, inputs, origins, computedInputs))
            .toList();
    RowFinder finder = new RowSelection(spark);
    Map<Integer, RoaringBitmap> unknown = UnknownRows.find(finder, table, column, coverage);
    Map<Integer, RoaringBitmap> live = LiveRowsOfFragments.find(finder, table);
    Map<Integer, RoaringBitmap> never = new HashMap<>();
    for (FragmentCoverage fragment : coverage) {
      int id = fragment.fragment().id();
      RoaringBitmap rows = RoaringBitmap.or(fragment.unexplained(), fragment.absent());
      rows.andNot(unknown.getOrDefault(id, new RoaringBitmap()));
      never.put(id, rows);
    }
    CoverageReasons reasons =
        new CoverageReasons(
            column, inputs, history.gaps(), HeldBack.find(finder, table, coverage, never));
    List<Line> lines = new ArrayList<>();
    for (FragmentCoverage fragment : coverage) {
      int id = fragment.fragment().id();
      RoaringBitmap rows = live.get(id);
      RoaringBitmap alive =
          rows == null ? RowOffsets.first(fragment.fragment().physicalRows()) : rows;
      RoaringBitmap strange = unknown.getOrDefault(id, new RoaringBitmap());
      RoaringBitmap missing = never.getOrDefault(id, new RoaringBitmap());
      lines.add(
          new Line(
              id,
              fragment.fragment().liveRows(),
              RoaringBitmap.andCardinality(fragment.fresh(), alive),
              RoaringBitmap.andCardinality(fragment.stale(), alive),
              RoaringBitmap.andCardinality(fragment.failed(), alive),
              RoaringBitmap.andCardinality(missing, alive),
              RoaringBitmap.andCardinality(strange, alive),
              version(column, fragment.origin()),
              reasons.of(fragment, alive, missing, strange)));
    }
    return lines;
  }

  private static @Nullable String version(ComputedColumn column, Optional<ColumnOrigin> origin) {
    if (origin.isEmpty() || origin.get().parts().isEmpty()) {
      return null;
    }
    List<ColumnOrigin.Part> parts = origin.get().parts();
    String fingerprint = parts.get(parts.size() - 1).fingerprint();
    return fingerprint.equals(column.fingerprint())
        ? column.functionVersion().orElse(fingerprint)
        : fingerprint;
  }
}
