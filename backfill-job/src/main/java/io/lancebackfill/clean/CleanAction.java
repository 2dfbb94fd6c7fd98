package io.lancebackfill.clean;

import io.lancebackfill.datasource.commit.ColumnIndexes;
import io.lancebackfill.datasource.store.Lease;
import io.lancebackfill.datasource.store.LeaseHolder;
import io.lancebackfill.datasource.store.StateFolder;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.datasource.write.CleanedFiles;
import io.lancebackfill.datasource.write.NamedFiles;
import io.lancebackfill.datasource.write.StagedFileCleaner;
import io.lancebackfill.state.CheckpointStore;
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
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Deletes checkpoints and column files that no version of the table and no live job refers to. */
public final class CleanAction {
  private final TableTarget target;
  private final TableState state;

  public CleanAction(TableTarget target) {
    this.target = target;
    this.state = new TableState(target.ref());
  }

  /**
   * What was deleted, or would be.
   *
   * @param kind checkpoint or column_file
   * @param path within the table's folder; on object stores a summary, since only Lance knows them
   */
  public record Deleted(String kind, String path) {}

  /**
   * @param olderThan what is younger stays
   * @param dryRun whether to look only
   */
  public List<Deleted> run(Duration olderThan, boolean dryRun) {
    return StorageErrors.translate(
        target,
        () -> {
          TableSnapshot table = Tables.latest(target);
          Instant before = Instant.now().minus(olderThan);
          List<Deleted> deleted = new ArrayList<>();
          Set<String> busyColumns = busyColumns(table);
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
            origins.trim(before, busyColumns, NamedFiles.of(target.ref()));
            origins.compact();
            new JobRecords(state).compact();
          }
          return deleted;
        });
  }

  /** Id keys of the columns on which a job is at work. */
  private Set<String> busyColumns(TableSnapshot table) {
    Set<String> busy = new HashSet<>();
    for (ComputedColumn column : ComputedColumn.all(table)) {
      Optional<LeaseHolder> holder = Lease.current(state.lease(column.idKey()));
      if (holder.isPresent() && !Lease.processGone(holder.get())) {
        busy.add(column.idKey());
      }
    }
    return busy;
  }

  private void checkpoints(
      Set<String> busyColumns, Instant before, boolean dryRun, List<Deleted> deleted) {
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
        deleted.add(new Deleted("checkpoint", "_backfill/checkpoints/" + key + ".lance/" + name));
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
      Set<String> busyColumns, Instant before, boolean dryRun, List<Deleted> deleted) {
    Set<String> keep = new ColumnOrigins(state).recordedSince(before, busyColumns);
    // A live job's files are not recorded while they grow: leave all that is young enough to be
    // one.
    if (!busyColumns.isEmpty()) {
      return;
    }
    CleanedFiles files =
        new StagedFileCleaner(target.ref())
            .clean(keep, before, /* noWriterActive= */ false, dryRun);
    files.paths().forEach(path -> deleted.add(new Deleted("column_file", "data/" + path)));
    if (files.paths().isEmpty() && files.files() > 0) {
      deleted.add(
          new Deleted(
              "column_file", "data/ (%d files, %d bytes)".formatted(files.files(), files.bytes())));
    }
  }
}
