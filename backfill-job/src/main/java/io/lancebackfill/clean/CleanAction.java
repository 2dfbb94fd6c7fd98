package io.lancebackfill.clean;

import io.lancebackfill.coverage.FragmentCoverage;
import io.lancebackfill.datasource.commit.ColumnIndexes;
import io.lancebackfill.datasource.store.LeaseHolder;
import io.lancebackfill.datasource.store.LeaseSurvey;
import io.lancebackfill.datasource.store.StateFolder;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.datasource.write.CleanedFiles;
import io.lancebackfill.datasource.write.NamedFiles;
import io.lancebackfill.datasource.write.StagedFileCleaner;
import io.lancebackfill.failure.ErrorRecord;
import io.lancebackfill.failure.ErrorRecords;
import io.lancebackfill.state.CheckpointStore;
import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.ColumnOrigins;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.JobRecords;
import io.lancebackfill.state.TableState;
import io.lancebackfill.table.StorageErrors;
import io.lancebackfill.table.TableTarget;
import io.lancebackfill.table.Tables;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import org.roaringbitmap.RoaringBitmap;

/** Deletes checkpoints and column files that no version of the table and no live job refers to. */
public final class CleanAction {
  private final TableTarget target;
  private final TableState state;
  private final Duration leaseDuration;

  /**
   * @param leaseDuration after which a driver that is not heard of is taken for dead
   */
  public CleanAction(TableTarget target, Duration leaseDuration) {
    this.target = target;
    this.leaseDuration = leaseDuration;
    this.state = new TableState(target.ref());
  }

  /**
   * What was deleted, or would be, or was left.
   *
   * @param kind checkpoint, column_file, or left for what a live job may need
   * @param path within the table's folder; on object stores a summary, since only Lance knows them;
   *     of what was left, whose it is
   */
  public record Cleaned(String kind, String path) {}

  /**
   * Waits until all drivers on other machines were heard of, for the duration of a lease at most.
   *
   * @param olderThan what is younger stays
   * @param dryRun whether to look only
   */
  public List<Cleaned> run(Duration olderThan, boolean dryRun) {
    return StorageErrors.translate(
        target,
        () -> {
          TableSnapshot table = Tables.latest(target);
          Instant before = Instant.now().minus(olderThan);
          List<Cleaned> deleted = new ArrayList<>();
          Set<String> busyColumns = busyColumns(table, dryRun, deleted);
          checkpoints(busyColumns, before, dryRun, deleted);
          columnFiles(busyColumns, before, dryRun, deleted);
          if (!dryRun) {
            for (ComputedColumn column : ComputedColumn.all(table)) {
              if (!busyColumns.contains(column.idKey())) {
                LanceTables.untag(target.ref(), "lance-backfill-" + column.idKey());
                ColumnIndexes.cure(target.ref(), column.columns(), Map.of());
              }
            }
            ColumnOrigins origins = new ColumnOrigins(state);
            origins.trim(before, busyColumns, () -> NamedFiles.of(target.ref()));
            origins.compact();
            new ErrorRecords(state).trim(before, stillFailed(table, origins, busyColumns));
            new JobRecords(state).compact();
          }
          return deleted;
        });
  }

  /**
   * Whether the table's records call a row failed that an error record names. Of one that was moved
   * since they may, while any row of its column is failed, or is in a file without a record yet.
   */
  private static Predicate<ErrorRecord> stillFailed(
      TableSnapshot table, ColumnOrigins origins, Set<String> busyColumns) {
    Map<String, Map<Integer, RoaringBitmap>> failed = new HashMap<>();
    Set<String> movedMayBe = new HashSet<>();
    Set<Integer> present = table.fragmentsById().keySet();
    for (ComputedColumn column : ComputedColumn.all(table)) {
      Map<String, ColumnOrigin> records = origins.deciding(column, table);
      Map<Integer, RoaringBitmap> rows = new HashMap<>();
      for (FragmentSnapshot fragment : table.fragments()) {
        FragmentCoverage.origin(fragment, column, records)
            .ifPresentOrElse(
                origin -> rows.put(fragment.id(), origin.failedRows()),
                () -> movedMayBe.add(column.idKey()));
      }
      if (rows.values().stream().anyMatch(some -> !some.isEmpty())) {
        movedMayBe.add(column.idKey());
      }
      failed.put(column.idKey(), rows);
    }
    return error ->
        busyColumns.contains(error.columnIds())
            || (!present.contains(error.fragmentId()) && movedMayBe.contains(error.columnIds()))
            || failed
                .getOrDefault(error.columnIds(), Map.of())
                .getOrDefault(error.fragmentId(), new RoaringBitmap())
                .contains(error.offset());
  }

  /** Id keys of the columns on which a job is at work. */
  private Set<String> busyColumns(TableSnapshot table, boolean dryRun, List<Cleaned> left) {
    Map<DatasetRef, ComputedColumn> leases = new LinkedHashMap<>();
    ComputedColumn.all(table).forEach(c -> leases.put(state.lease(c.idKey()), c));
    Set<String> busy = new HashSet<>();
    LeaseSurvey.watched(leases.keySet(), leaseDuration)
        .forEach(
            (lease, held) -> {
              // A driver that only slept must not go on with what is deleted here.
              if (held.alive() || !(dryRun || held.end())) {
                ComputedColumn column = Objects.requireNonNull(leases.get(lease));
                busy.add(column.idKey());
                left.add(new Cleaned("left", left(column, held.holder())));
              }
            });
    return busy;
  }

  private static String left(ComputedColumn column, LeaseHolder holder) {
    return "checkpoints of column %s and all column files of the table, until job %s ends, which fills it since %s (process %d on %s)"
        .formatted(column.name(), holder.jobId(), holder.since(), holder.pid(), holder.host());
  }

  private void checkpoints(
      Set<String> busyColumns, Instant before, boolean dryRun, List<Cleaned> deleted) {
    StateFolder folders = new StateFolder(state.checkpoints());
    for (String key : folders.children()) {
      String columnIds = key.substring(0, Math.max(0, key.indexOf('_')));
      if (busyColumns.contains(columnIds)) {
        continue;
      }
      CheckpointStore store = new CheckpointStore(state, key);
      boolean keep = false;
      for (String name : store.names()) {
        if (store.changedAt(name).isAfter(before)) {
          keep = true;
          continue;
        }
        deleted.add(new Cleaned("checkpoint", "_backfill/checkpoints/" + key + ".lance/" + name));
        if (!dryRun) {
          store.drop(name);
        }
      }
      if (!keep && !dryRun) {
        folders.drop(key);
      }
    }
  }

  private void columnFiles(
      Set<String> busyColumns, Instant before, boolean dryRun, List<Cleaned> deleted) {
    Set<String> keep = new ColumnOrigins(state).recordedSince(before, busyColumns);
    // A live job's files are not recorded while they grow: leave all that is young enough to be
    // one.
    if (!busyColumns.isEmpty()) {
      return;
    }
    CleanedFiles files =
        new StagedFileCleaner(target.ref())
            .clean(keep, before, /* noWriterActive= */ false, dryRun);
    files.paths().forEach(path -> deleted.add(new Cleaned("column_file", "data/" + path)));
    if (files.paths().isEmpty() && files.files() > 0) {
      deleted.add(
          new Cleaned(
              "column_file", "data/ (%d files, %d bytes)".formatted(files.files(), files.bytes())));
    }
  }
}
