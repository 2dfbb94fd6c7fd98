package io.lancebackfill.benchmarks;

import io.lancebackfill.sql.LanceBackfillExtensions;
import java.nio.file.Path;
import org.apache.spark.sql.SparkSession;

/** A local Spark with both extensions and one catalog. */
final class BenchmarkSession {
  private BenchmarkSession() {}

  /**
   * @param partitions of a shuffle; lance-spark's arm has one, by fragment
   */
  static SparkSession start(Path root, int slots, int partitions) {
    return SparkSession.builder()
        .master("local[" + slots + "]")
        .appName("lance-backfill benchmarks")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.local.dir", root.resolveSibling("spark").toString())
        .config("spark.sql.warehouse.dir", root.resolveSibling("warehouse").toString())
        .config("spark.sql.shuffle.partitions", String.valueOf(partitions))
        .config(
            "spark.sql.extensions",
            LanceBackfillExtensions.class.getName()
                + ",org.lance.spark.extensions.LanceSparkSessionExtensions")
        .config("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog")
        .config("spark.sql.catalog.lance.impl", "dir")
        .config("spark.sql.catalog.lance.root", root.toString())
        .getOrCreate();
  }
}
