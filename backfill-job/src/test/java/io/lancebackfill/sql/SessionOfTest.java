package io.lancebackfill.sql;

import java.util.List;
import java.util.function.Consumer;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.SparkSessionExtensions;
import scala.Function1;
import scala.runtime.BoxedUnit;

/** Local sessions with our extension and others. */
final class SessionOfTest {
  private SessionOfTest() {}

  static SparkSession start(
      List<Function1<SparkSessionExtensions, BoxedUnit>> extensions,
      Consumer<SparkSession.Builder> more) {
    SparkSession.Builder builder =
        SparkSession.builder()
            .master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog")
            .config("spark.sql.catalog.lance.impl", "dir");
    extensions.forEach(builder::withExtensions);
    more.accept(builder);
    return builder.getOrCreate();
  }

  static void stop(SparkSession session) {
    session.stop();
    SparkSession.clearActiveSession();
    SparkSession.clearDefaultSession();
  }
}
