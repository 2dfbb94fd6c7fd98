package io.lancebackfill.datasource.commit;

import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What became of a group of column files.
 *
 * @param version the newest version that was seen; it names every committed file
 * @param commits how many times this call made files visible: 0 to 2, if nobody interfered
 * @param committed ids of the fragments whose files the version names, ascending; also those that
 *     an earlier call attached
 * @param refused the other fragments of the group
 * @param attached how this call attached files, by fragment id
 * @param indexesDropped names of indexes of the columns that could not be kept
 */
public record CommitOutcome(
    long version,
    int commits,
    List<Integer> committed,
    Map<Integer, Refusal> refused,
    Map<Integer, Attached> attached,
    Set<String> indexesDropped) {

  /**
   * @param version the one that made the file visible
   * @param resetRowVersions whether the fragment's row versions were reset to 1
   */
  public record Attached(AttachMethod method, long version, boolean resetRowVersions) {}

  public CommitOutcome {
    committed = List.copyOf(committed);
    refused = Map.copyOf(refused);
    attached = Map.copyOf(attached);
    indexesDropped = Set.copyOf(indexesDropped);
  }
}
