package io.lancebackfill.benchmarks;

import java.nio.file.Path;

/**
 * A fresh copy of the workload's table.
 *
 * @param name as Spark knows it
 * @param folder where it lies
 */
record TableCopy(String name, Path folder) {
  /** The column that every arm fills. */
  static final String COLUMN = "filled";

  String uri() {
    return folder.toUri().toString();
  }
}
