package io.lancebackfill.catalog;

import io.lancebackfill.declare.ColumnDeclarations;
import io.lancebackfill.table.TableTargets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.TableChange;
import org.apache.spark.sql.connector.catalog.TableChange.DeleteColumn;

/**
 * {@code ALTER TABLE t DROP COLUMN c} where c may be computed.
 *
 * @param table with its catalog, or a URI
 */
record ComputedColumnDrop(String table, List<String> columns) {
  /** Empty if the changes are not all drops of columns. */
  static Optional<ComputedColumnDrop> of(
      String catalog, Identifier identifier, TableChange... changes) {
    List<String> columns = new ArrayList<>();
    for (TableChange change : changes) {
      if (!(change instanceof DeleteColumn drop) || drop.fieldNames().length != 1) {
        return Optional.empty();
      }
      columns.add(drop.fieldNames()[0]);
    }
    return Optional.of(new ComputedColumnDrop(name(catalog, identifier), List.copyOf(columns)));
  }

  private static String name(String catalog, Identifier identifier) {
    if (identifier.name().contains("/")) {
      return identifier.name();
    }
    List<String> parts = new ArrayList<>(List.of(catalog));
    parts.addAll(Arrays.asList(identifier.namespace()));
    parts.add(identifier.name());
    return parts.stream()
        .map(part -> part.matches("\\w+") ? part : "`" + part.replace("`", "``") + "`")
        .collect(Collectors.joining("."));
  }

  /** Whether the columns are dropped; they are not if one of them is not computed. */
  boolean run() {
    SparkSession spark = SparkSession.active();
    return new ColumnDeclarations(spark, TableTargets.resolve(spark, table)).dropNamed(columns);
  }
}
