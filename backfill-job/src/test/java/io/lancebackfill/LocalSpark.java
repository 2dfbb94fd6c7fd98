package io.lancebackfill;

import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.SparkSessionExtensions;
import scala.Function1;
import scala.runtime.BoxedUnit;

/** Real local sessions. Each start is a session of its own, on the context that runs already. */
public final class LocalSpark {
  private LocalSpark() {}

  /** A session with these extensions, applied in this order, and a catalog named lance. */
  public static SparkSession start(
      List<Function1<SparkSessionExtensions, BoxedUnit>> extensions, Map<String, String> settings) {
    SparkSession.clearActiveSession();
    SparkSession.clearDefaultSession();
    SparkSession.Builder builder =
        SparkSession.builder()
            .master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog")
            .config("spark.sql.catalog.lance.impl", "dir");
    extensions.forEach(builder::withExtensions);
    settings.forEach(builder::config);
    return builder.getOrCreate();
  }

  public static void stop(SparkSession session) {
    session.stop();
    SparkSession.clearActiveSession();
    SparkSession.clearDefaultSession();
  }

  /** lance-spark's own extension, by name, since only the data source may import its classes. */
  @SuppressWarnings("unchecked") // lance-spark's extension is such a function
  public static Function1<SparkSessionExtensions, BoxedUnit> lanceExtension() {
    try {
      return Class.forName("org.lance.spark.extensions.LanceSparkSessionExtensions")
          .asSubclass(Function1.class)
          .getConstructor()
          .newInstance();
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("lance-spark is not on the class path", e);
    }
  }
}
