package io.lancebackfill.datasource.commit;

import java.util.List;
import java.util.Map;

/**
 * What became of a group of column files.
 *
 * @param version the newest version that was seen; it names every committed file
 * @param commits how many transactions of this call attached files: 0 to 2
 * @param committed ids of the fragments whose files the version names, ascending; also those that
 *     an earlier call attached
 * @param refused the other fragments of the group
 */
public record CommitOutcome(
    long version, int commits, List<Integer> committed, Map<Integer, Refusal> refused) {

  public CommitOutcome {
    committed = List.copyOf(committed);
    refused = Map.copyOf(refused);
  }
}
