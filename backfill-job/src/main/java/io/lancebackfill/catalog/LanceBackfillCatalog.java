package io.lancebackfill.catalog;

import io.lancebackfill.datasource.catalog.LanceCatalog;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.state.ComputedColumn;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableChange;
import scala.collection.JavaConverters;

/**
 * The catalog that users configure: {@code
 * spark.sql.catalog.lance=io.lancebackfill.catalog.LanceBackfillCatalog}, with lance-spark's
 * options ({@code impl}, {@code root}, {@code storage.*}). Procedures are called on it: {@code CALL
 * lance.system.backfill(...)}, and what writes its tables need not name their computed columns, see
 * {@link IngestionRule}.
 */
public final class LanceBackfillCatalog extends LanceCatalog {
  /** Drops computed columns; what else may be changed lance-spark says. */
  @Override
  public Table alterTable(Identifier identifier, TableChange... changes)
      throws NoSuchTableException {
    return ComputedColumnDrop.of(name(), identifier, changes)
            .filter(ComputedColumnDrop::run)
            .isPresent()
        ? loadTable(identifier)
        : super.alterTable(identifier, changes);
  }

  @Override
  protected boolean isComputed(TableColumn column) {
    return ComputedColumn.isDeclared(column);
  }

  @Override
  protected boolean resolvesWrites() {
    return JavaConverters.seqAsJavaList(
            SparkSession.active().sessionState().analyzer().extendedResolutionRules())
        .stream()
        .anyMatch(IngestionRule.class::isInstance);
  }
}
