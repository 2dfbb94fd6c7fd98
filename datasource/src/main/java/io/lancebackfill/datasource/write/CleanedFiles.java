package io.lancebackfill.datasource.write;

import java.util.List;

/**
 * What a cleaning deleted, or would delete.
 *
 * @param files how many
 * @param bytes their size together
 * @param paths relative to the table's data folder, sorted; empty where only Lance knows them
 * @param complete false if there may be more such files that could not be told apart: see {@link
 *     StagedFileCleaner}
 */
public record CleanedFiles(long files, long bytes, List<String> paths, boolean complete) {
  public CleanedFiles {
    paths = List.copyOf(paths);
  }
}
