package io.lancebackfill.datasource.read;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.connector.expressions.filter.Predicate;
import org.apache.spark.sql.connector.read.Scan;
import org.apache.spark.sql.connector.read.SupportsPushDownRequiredColumns;
import org.apache.spark.sql.connector.read.SupportsPushDownV2Filters;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * Takes what Spark asks of a scan: columns and filters. Every filter is left for Spark to evaluate
 * again, so what goes to Lance only has to keep all rows that Spark would keep.
 */
final class FragmentScanBuilder
    implements SupportsPushDownRequiredColumns, SupportsPushDownV2Filters {
  private final FragmentTable table;
  private StructType readSchema;
  private List<Predicate> pushed = List.of();
  private List<String> filters = List.of();

  FragmentScanBuilder(FragmentTable table) {
    this.table = table;
    this.readSchema = table.sparkSchema();
  }

  @Override
  public void pruneColumns(StructType required) {
    List<StructField> fields = new ArrayList<>();
    for (StructField asked : required.fields()) {
      // Whole columns are read, also where Spark needs only a part of a struct.
      fields.add(
          RowMetadata.named(asked.name())
              .map(RowMetadata::field)
              .orElseGet(() -> table.sparkSchema().apply(asked.name())));
    }
    readSchema = new StructType(fields.toArray(new StructField[0]));
  }

  @Override
  public Predicate[] pushPredicates(Predicate[] predicates) {
    LanceFilterSql sql = new LanceFilterSql(table.snapshot());
    List<Predicate> taken = new ArrayList<>();
    List<String> texts = new ArrayList<>();
    for (Predicate predicate : predicates) {
      Optional<String> text = sql.atLeast(predicate);
      if (text.isPresent()) {
        taken.add(predicate);
        texts.add(text.get());
      }
    }
    pushed = List.copyOf(taken);
    filters = List.copyOf(texts);
    return Arrays.copyOf(predicates, predicates.length);
  }

  @Override
  public Predicate[] pushedPredicates() {
    return pushed.toArray(new Predicate[0]);
  }

  @Override
  public Scan build() {
    return new FragmentScan(table, readSchema, filters);
  }
}
