package io.lancebackfill.state;

import io.lancebackfill.datasource.table.DatasetRef;

/**
 * The folder {@code _backfill} of a table and the Lance datasets in it.
 *
 * @param table the table's address, whose storage options open the state too
 */
public record TableState(DatasetRef table) {
  private DatasetRef folder() {
    return table.stateFolder();
  }

  public DatasetRef jobs() {
    return folder().child("jobs.lance");
  }

  public DatasetRef columns() {
    return folder().child("columns.lance");
  }

  public DatasetRef errors() {
    return folder().child("errors.lance");
  }

  public DatasetRef functions() {
    return folder().child("functions.lance");
  }

  /** Holds one folder for each column and fingerprint that has checkpoints. */
  public DatasetRef checkpoints() {
    return folder().child("checkpoints");
  }

  public DatasetRef checkpoints(String checkpointKey) {
    return checkpoints().child(checkpointKey + ".lance");
  }

  /** The lease that keeps two drivers from doing one column's job twice. */
  public DatasetRef lease(String columnIdKey) {
    return folder().child("lease-" + columnIdKey + ".lance");
  }
}
