package io.lancebackfill.datasource.catalog;

import io.lancebackfill.datasource.table.CatalogTables;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * Which columns an ingestion writes, at one version of the table. Taken from the table itself:
 * lance-spark's Spark schema loses the field metadata of vectors and large strings.
 *
 * @param version the version that this describes
 * @param columns all columns, in the table's order
 * @param computed those that an ingestion leaves out
 */
record IngestionSchema(long version, List<TableColumn> columns, List<TableColumn> computed) {
  static IngestionSchema read(WholeTable table, Predicate<TableColumn> isComputed) {
    CatalogTables.Address address =
        CatalogTables.address(table).orElseThrow(() -> new IllegalStateException(table.name()));
    TableSnapshot latest =
        LanceTables.latest(new DatasetRef(address.uri(), address.storageOptions()));
    return new IngestionSchema(
        latest.version(), latest.columns(), latest.columns().stream().filter(isComputed).toList());
  }

  List<String> computedNames() {
    return computed.stream().map(TableColumn::name).toList();
  }

  /** The columns that an ingestion writes, in the table's order. */
  List<TableColumn> ordinary() {
    Set<TableColumn> left = new HashSet<>(computed);
    return columns.stream().filter(column -> !left.contains(column)).toList();
  }

  /** Of lance-spark's Spark schema, the columns that an ingestion writes. */
  StructType ordinary(StructType whole) {
    Set<String> left = new HashSet<>(computedNames());
    return new StructType(
        Arrays.stream(whole.fields())
            .filter(field -> !left.contains(field.name()))
            .toArray(StructField[]::new));
  }

  /** All columns exactly as the table declares them, with their metadata. */
  Schema arrowSchema() {
    return new Schema(columns.stream().map(TableColumn::field).toList());
  }
}
