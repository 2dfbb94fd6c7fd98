package io.lancebackfill.benchmarks;

import io.lancebackfill.benchmarks.Workload.Fill;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;

/** Spark evaluates the expression over the table and throws the values away. */
final class SelectArm implements Arm {
  private final SparkSession spark;

  SelectArm(SparkSession spark) {
    this.spark = spark;
  }

  @Override
  public String id() {
    return "select";
  }

  @Override
  public String name() {
    return "SELECT of the expression, nothing written";
  }

  @Override
  public boolean writes() {
    return false;
  }

  @Override
  public void fill(TableCopy table, Fill fill) {
    spark
        .table(table.name())
        .select(functions.expr(fill.expression()).as(TableCopy.COLUMN))
        .write()
        .format("noop")
        .mode("overwrite")
        .save();
  }
}
