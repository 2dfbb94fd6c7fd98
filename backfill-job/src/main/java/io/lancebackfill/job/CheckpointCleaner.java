package io.lancebackfill.job;

import io.lancebackfill.datasource.store.StateFolder;
import io.lancebackfill.state.CheckpointStore;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.TableState;
import java.util.Set;

/** Drops checkpoints that a job has made superfluous. */
final class CheckpointCleaner {
  private final TableState state;
  private final ComputedColumn column;

  CheckpointCleaner(TableState state, ComputedColumn column) {
    this.state = state;
    this.column = column;
  }

  /**
   * Drops the checkpoints of the fragments that were committed, or all if nothing is left to do.
   *
   * @param complete whether every row that needed a value has one
   */
  void afterJob(Set<Integer> committed, boolean complete) {
    if (complete) {
      StateFolder folder = new StateFolder(state.checkpoints());
      if (folder.children().contains(column.checkpointKey())) {
        folder.drop(column.checkpointKey());
      }
      return;
    }
    CheckpointStore store = new CheckpointStore(state, column.checkpointKey());
    for (String name : store.names()) {
      if (committed.contains(CheckpointStore.fragmentOf(name))) {
        store.drop(name);
      }
    }
  }
}
