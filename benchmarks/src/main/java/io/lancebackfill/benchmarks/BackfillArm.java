package io.lancebackfill.benchmarks;

import io.lancebackfill.benchmarks.Workload.Fill;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** This project: add_column and backfill, with default options. */
final class BackfillArm implements Arm {
  private final SparkSession spark;
  private final boolean byFunction;

  /**
   * @param byFunction whether a function on Arrow batches computes the values, not the expression
   */
  BackfillArm(SparkSession spark, boolean byFunction) {
    this.spark = spark;
    this.byFunction = byFunction;
  }

  @Override
  public String id() {
    return byFunction ? "function" : "expression";
  }

  @Override
  public String name() {
    return byFunction ? "backfill, Arrow function" : "backfill, SQL expression";
  }

  /** Functions belong to the catalog: declared once for all tables, whenever that was. */
  void register(Fill fill) {
    spark.sql(
        "CALL lance.system.register_function(name => '%s', kind => 'java', class => '%s')"
            .formatted(functionName(fill), fill.function()));
  }

  @Override
  public void fill(TableCopy table, Fill fill) {
    String expression =
        byFunction ? "%s(%s)".formatted(functionName(fill), fill.input()) : fill.expression();
    spark.sql(
        "CALL lance.system.add_column(table => '%s', column => '%s', expression => '%s', data_type => '%s')"
            .formatted(table.name(), TableCopy.COLUMN, expression, fill.dataType()));
    Row result =
        spark
            .sql(
                "CALL lance.system.backfill(table => '%s', column => '%s')"
                    .formatted(table.name(), TableCopy.COLUMN))
            .first();
    String status = result.getAs("status");
    if (!status.equals("DONE")) {
      throw new IllegalStateException("The backfill ended as " + status + ": " + result);
    }
  }

  private static String functionName(Fill fill) {
    return fill.function().substring(fill.function().lastIndexOf('.') + 1);
  }
}
