package io.lancebackfill.spark;

import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * Gives a test a session of its own (functions, views, settings) in the one Spark application of
 * this JVM, which ends with the last test.
 */
public final class SparkExtension implements ParameterResolver {
  private static final Namespace NAMESPACE = Namespace.create(SparkExtension.class);

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == SparkSession.class;
  }

  @Override
  public SparkSession resolveParameter(ParameterContext parameter, ExtensionContext context) {
    return context
        .getRoot()
        .getStore(NAMESPACE)
        .getOrComputeIfAbsent(Application.class, key -> new Application(), Application.class)
        .session
        .newSession();
  }

  private static final class Application implements ExtensionContext.Store.CloseableResource {
    private final SparkSession session =
        SparkSession.builder()
            .master("local[2]")
            .appName("udf-runtime tests")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.host", "localhost")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.python.use.daemon", "true")
            .getOrCreate();

    @Override
    public void close() {
      session.stop();
    }
  }
}
