package io.lancebackfill.clean;

import io.lancebackfill.coverage.ComputedInputs;
import io.lancebackfill.coverage.FragmentCoverage;
import io.lancebackfill.datasource.store.StateFolder;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.state.CheckpointStore;
import io.lancebackfill.state.CheckpointStore.Checkpoint;
import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.TableState;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.roaringbitmap.RoaringBitmap;

/** Drops checkpoints that a job has made superfluous. */
public final class CheckpointCleaner {
  private final TableState state;
  private final ComputedColumn column;

  public CheckpointCleaner(TableState state, ComputedColumn column) {
    this.state = state;
    this.column = column;
  }

  /** Drops all: every row that needed a value has one. */
  public void dropAll() {
    StateFolder folder = new StateFolder(state.checkpoints());
    if (folder.children().contains(column.checkpointKey())) {
      folder.drop(column.checkpointKey());
    }
  }

  /**
   * Drops the checkpoints whose rows are all in the table. Finished rows that this call did not
   * select stay, for the call that does.
   *
   * @param table the newest version
   * @param inputs the version at which the inputs were read
   */
  public void dropThoseInTable(
      TableSnapshot table,
      TableSnapshot inputs,
      List<TableColumn> inputColumns,
      Map<String, ColumnOrigin> origins) {
    CheckpointStore store = new CheckpointStore(state, column.checkpointKey());
    Map<Integer, FragmentCoverage> coverage = new HashMap<>();
    Map<Integer, FragmentSnapshot> read = inputs.fragmentsById();
    for (FragmentSnapshot fragment : table.fragments()) {
      FragmentSnapshot inputFragment = read.get(fragment.id());
      if (inputFragment != null) {
        coverage.put(
            fragment.id(),
            FragmentCoverage.of(
                fragment, inputFragment, column, inputColumns, origins, ComputedInputs.NONE));
      }
    }
    // What cannot be read was named when the job was planned; clean removes it.
    for (Checkpoint checkpoint : store.load(unreadable -> {})) {
      FragmentCoverage fragment = coverage.get(checkpoint.fragmentId());
      if (fragment != null && inTable(checkpoint, fragment)) {
        store.drop(checkpoint.name());
      }
    }
  }

  private boolean inTable(Checkpoint checkpoint, FragmentCoverage fragment) {
    RoaringBitmap there =
        checkpoint.generation().isEmpty()
            ? fragment.fresh()
            : fragment.freshOf(checkpoint.generation(), column);
    return checkpoint.inputs().equals(fragment.inputs()) && there.contains(checkpoint.rows());
  }
}
