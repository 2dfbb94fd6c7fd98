package io.lancebackfill.benchmarks;

import io.lancebackfill.benchmarks.Workload.Fill;

/** One way to fill a column. */
interface Arm {
  /** What {@code --arms} calls it. */
  String id();

  /** The name that the report shows. */
  String name();

  /** False for an arm that computes only, as a yardstick. */
  default boolean writes() {
    return true;
  }

  /** Adds the column {@link TableCopy#COLUMN} with all its values. This is what is timed. */
  void fill(TableCopy table, Fill fill) throws Exception;
}
