package io.lancebackfill.benchmarks;

import io.lancebackfill.benchmarks.Workload.Fill;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.Metadata;
import org.apache.spark.sql.types.MetadataBuilder;

/** lance-spark's own {@code ALTER TABLE ... ADD COLUMNS ... FROM}, over a view of the table. */
final class LanceSparkArm implements Arm {
  private static final String VIEW = "filled_rows";

  private final SparkSession spark;

  LanceSparkArm(SparkSession spark) {
    this.spark = spark;
  }

  @Override
  public String id() {
    return "lance-spark";
  }

  @Override
  public String name() {
    return "lance-spark ADD COLUMNS FROM";
  }

  @Override
  public void fill(TableCopy table, Fill fill) {
    Column value = functions.expr(fill.expression()).as(TableCopy.COLUMN, typeOf(fill.vector()));
    spark
        .table(table.name())
        .select(functions.col("_rowaddr"), functions.col("_fragid"), value)
        .createOrReplaceTempView(VIEW);
    spark.sql(
        "ALTER TABLE %s ADD COLUMNS %s FROM %s".formatted(table.name(), TableCopy.COLUMN, VIEW));
  }

  /** How lance-spark is told that a column is a vector of so many elements; 0 if it is none. */
  static Metadata typeOf(int vector) {
    return vector == 0
        ? Metadata.empty()
        : new MetadataBuilder().putLong("arrow.fixed-size-list.size", vector).build();
  }
}
