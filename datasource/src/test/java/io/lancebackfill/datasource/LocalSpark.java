package io.lancebackfill.datasource;

import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/** Gives the tests of a class one real Spark session of two threads. */
public final class LocalSpark implements ParameterResolver, AfterAllCallback {
  private static final ExtensionContext.Namespace NAMESPACE =
      ExtensionContext.Namespace.create(LocalSpark.class);

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == SparkSession.class;
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    return context
        .getRoot()
        .getStore(NAMESPACE)
        .getOrComputeIfAbsent(context.getRequiredTestClass(), key -> start(), SparkSession.class);
  }

  private static SparkSession start() {
    return SparkSession.builder()
        .master("local[2]")
        .appName("datasource tests")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.driver.host", "localhost")
        .getOrCreate();
  }

  @Override
  public void afterAll(ExtensionContext context) {
    SparkSession spark =
        context
            .getRoot()
            .getStore(NAMESPACE)
            .remove(context.getRequiredTestClass(), SparkSession.class);
    if (spark != null) {
      spark.stop();
    }
  }
}
