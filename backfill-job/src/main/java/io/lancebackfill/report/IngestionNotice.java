package io.lancebackfill.report;

import io.lancebackfill.table.CallCatalog;
import io.lancebackfill.table.TableAddress;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.SparkSession;

/** What a declared column means for those who write the table through lance-spark's own catalog. */
public final class IngestionNotice {
  private IngestionNotice() {}

  /** Empty if the table's catalog is ours, which leaves computed columns out of what is written. */
  public static Optional<String> of(
      SparkSession session, TableAddress table, List<String> columns) {
    return CallCatalog.find(session.sessionState().conf(), table.catalog())
        .filter(catalog -> catalog.isLance() && !catalog.leavesComputedColumnsOut())
        .map(
            catalog ->
                ("add_column %s: from now on every INSERT, append and MERGE ... * into %s through"
                        + " catalog '%s' must name %s and give NULL: that catalog is lance-spark's"
                        + " own. Set spark.sql.catalog.%s=%s, and they need not.")
                    .formatted(
                        String.join(",", columns),
                        table.displayName(),
                        catalog.name(),
                        columns.size() == 1 ? "it" : "them",
                        catalog.name(),
                        CallCatalog.OURS));
  }
}
