package io.lancebackfill;

import java.util.List;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.SparkSessionExtensions;
import scala.Function1;
import scala.runtime.BoxedUnit;

/** Real local sessions: each start is a session of its own, on the one context of this JVM. */
public final class LocalSpark {
  private static final String OWN_CONTEXT = "spark.test.ownContext";
  private static final SparkConf CONTEXT =
      new SparkConf()
          .setMaster("local[2]")
          .setAppName("tests")
          .set("spark.ui.enabled", "false")
          .set("spark.sql.shuffle.partitions", "1")
          .set("spark.driver.host", "127.0.0.1");

  private LocalSpark() {}

  /** A session with these extensions, applied in this order, and a catalog named lance. */
  public static SparkSession start(
      List<Function1<SparkSessionExtensions, BoxedUnit>> extensions, Map<String, String> settings) {
    SparkSession.Builder builder = builder(settings);
    extensions.forEach(builder::withExtensions);
    // First, and without what this session alone is to have.
    SparkContext.getOrCreate(CONTEXT);
    return builder.getOrCreate();
  }

  /** A session on a context that is made with these settings, and that goes with it. */
  public static SparkSession startWithContext(Map<String, String> settings) {
    SparkContext.getOrCreate(CONTEXT).stop();
    SparkConf conf = CONTEXT.clone().set(OWN_CONTEXT, "true");
    settings.forEach(conf::set);
    SparkSession.Builder builder = builder(settings);
    SparkContext.getOrCreate(conf);
    return builder.getOrCreate();
  }

  private static SparkSession.Builder builder(Map<String, String> settings) {
    SparkSession.clearActiveSession();
    SparkSession.clearDefaultSession();
    SparkSession.Builder builder =
        SparkSession.builder()
            .config("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog")
            .config("spark.sql.catalog.lance.impl", "dir");
    settings.forEach(builder::config);
    return builder;
  }

  /** Leaves the context to the sessions to come. */
  public static void stop(SparkSession session) {
    if (session.sparkContext().conf().contains(OWN_CONTEXT)) {
      session.stop();
    }
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
