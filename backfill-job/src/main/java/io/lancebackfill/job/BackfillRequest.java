package io.lancebackfill.job;

import io.lancebackfill.coverage.PastRows;
import io.lancebackfill.progress.FollowedJob;
import io.lancebackfill.table.TableTarget;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One call of backfill.
 *
 * @param table where the table is
 * @param column name of a computed column, or of one of a group
 * @param options values by option name, typed or as a CALL gives them
 * @param failedRows null for every row that needs computing; else only these, wherever they are
 *     now, and of them those on which the function failed
 * @param followed jobs of the same table that fill inputs of the column meanwhile: the job goes on
 *     with what they commit until they are over
 */
public record BackfillRequest(
    TableTarget table,
    String column,
    Map<String, Object> options,
    @Nullable PastRows failedRows,
    List<FollowedJob> followed) {

  public BackfillRequest(TableTarget table, String column, Map<String, Object> options) {
    this(table, column, options, null);
  }

  public BackfillRequest(
      TableTarget table,
      String column,
      Map<String, Object> options,
      @Nullable PastRows failedRows) {
    this(table, column, options, failedRows, List.of());
  }
}
