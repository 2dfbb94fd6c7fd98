package io.lancebackfill.table;

import io.lancebackfill.datasource.table.Credentials;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.internal.SQLConf;

/** Finds tables for callers that have no CALL whose catalog would say where to look. */
public final class TableTargets {
  private TableTargets() {}

  /**
   * @param table a name, absolute or relative to the session's current catalog if that is a Lance
   *     catalog, else to its only one; or a URI, for which the same catalog gives the credentials
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
    CallCatalog catalog =
        named(spark, lance, table)
            .or(() -> of(lance, spark.sessionState().catalogManager().currentCatalog().name()))
            .or(() -> lance.size() == 1 ? Optional.of(lance.get(0)) : Optional.empty())
            .orElseThrow(() -> noCatalog(lance, table));
    return new TableResolver(spark, catalog).target(table);
  }

  private static Optional<CallCatalog> named(
      SparkSession spark, List<CallCatalog> lance, String table) {
    if (table.contains("/")) {
      return Optional.empty();
    }
    List<String> parts = TableResolver.parts(spark, table);
    return parts.size() == 1
        ? Optional.empty()
        : CallCatalog.find(spark.sessionState().conf(), parts.get(0)).filter(lance::contains);
  }

  private static Optional<CallCatalog> of(List<CallCatalog> lance, String name) {
    return lance.stream().filter(catalog -> catalog.name().equals(name)).findFirst();
  }

  private static BackfillException noCatalog(List<CallCatalog> lance, String table) {
    String names = String.join(", ", lance.stream().map(CallCatalog::name).toList());
    return new BackfillException(
        BackfillErrorCode.UNKNOWN_CATALOG,
        "Table '%s' names no Lance catalog, and the session has %s. %s"
            .formatted(
                Credentials.without(table),
                lance.isEmpty() ? "none" : lance.size() + " of them: " + names,
                lance.isEmpty()
                    ? "Set spark.sql.catalog.lance=" + CallCatalog.OURS + " and its options."
                    : table.contains("/")
                        ? "USE the one whose credentials open it first."
                        : "Begin the name with one, or USE one first."));
  }
}
