package io.lancebackfill.procedure;

import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.job.TableTarget;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.internal.SQLConf;

/** Finds tables for callers that have no CALL whose catalog would say where to look. */
public final class TableTargets {
  private TableTargets() {}

  /**
   * @param table {@code catalog.namespace.table}, or a URI
   * @throws BackfillException UNKNOWN_CATALOG if no Lance catalog of the session fits, and what
   *     resolving throws
   */
  public static TableTarget resolve(SparkSession spark, String table) {
    SQLConf conf = spark.sessionState().conf();
    List<CallCatalog> lance =
        CallCatalog.names(conf).stream()
            .map(name -> CallCatalog.find(conf, name))
            .flatMap(Optional::stream)
            .filter(CallCatalog::isLance)
            .toList();
    Optional<CallCatalog> named =
        lance.stream()
            .filter(catalog -> !table.contains("/"))
            .filter(
                catalog ->
                    table.regionMatches(
                        true, 0, catalog.name() + ".", 0, catalog.name().length() + 1))
            .findFirst();
    CallCatalog catalog =
        named.orElseGet(
            () -> {
              if (lance.size() == 1) {
                return lance.get(0);
              }
              throw new BackfillException(
                  BackfillErrorCode.UNKNOWN_CATALOG,
                  "Table '%s' names no Lance catalog, and the session has %d of them (%s). Begin the name with one, or configure spark.sql.catalog.lance."
                      .formatted(
                          table, lance.size(), lance.stream().map(CallCatalog::name).toList()));
            });
    return CallTargets.table(new ProcedureContext(spark, catalog), table);
  }
}
