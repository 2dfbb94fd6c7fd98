package io.lancebackfill.state;

import io.lancebackfill.datasource.store.Lease;
import io.lancebackfill.datasource.store.LeaseHolder;

/**
 * Which run of which job does something; every record that it leaves says so.
 *
 * @param column names of the columns that it fills, with commas
 * @param columnIds {@link ComputedColumn#idKey}
 * @param driver id of the driver process
 * @param epoch the lease's: of two runs on a column, the one with the higher epoch is the later
 * @param generation job id that a recompute counts as its own; empty for other jobs
 */
public record RunId(
    String jobId, String column, String columnIds, String driver, long epoch, String generation) {
  public static RunId of(String jobId, ComputedColumn column, Lease lease, String generation) {
    return new RunId(
        jobId, column.name(), column.idKey(), lease.holder().driver(), lease.epoch(), generation);
  }

  /** A run that is over the moment it begins, and holds no lease. */
  public static RunId passing(String jobId, ComputedColumn column, long epoch) {
    String driver = LeaseHolder.of(jobId).driver();
    return new RunId(jobId, column.name(), column.idKey(), driver, epoch, "");
  }
}
