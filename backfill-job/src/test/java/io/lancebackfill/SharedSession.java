package io.lancebackfill;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.network.util.JavaUtils;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.SparkSessionExtensions;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import scala.Function1;
import scala.runtime.BoxedUnit;

/**
 * The session of a test class, in a static field with {@code @RegisterExtension}. The classes of a
 * JVM share one SparkContext; settings, functions, views, and the folder of the catalog {@code
 * lance} are the class's own.
 */
public class SharedSession implements BeforeAllCallback, AfterAllCallback {
  private final List<Function1<SparkSessionExtensions, BoxedUnit>> extensions;
  private final Map<String, String> settings = new HashMap<>();
  private SparkSession spark;
  private Path root;

  /** With these extensions, applied in this order. */
  public SharedSession(List<Function1<SparkSessionExtensions, BoxedUnit>> extensions) {
    this.extensions = extensions;
  }

  /** A catalog {@code name} of that class whose tables are those of {@code lance}. */
  public SharedSession catalog(String name, String className) {
    settings.put("spark.sql.catalog." + name, className);
    settings.put("spark.sql.catalog." + name + ".impl", "dir");
    return this;
  }

  public final SparkSession spark() {
    return spark;
  }

  /** The folder of the tables, which is there from the first {@code @BeforeAll} on. */
  public final Path root() {
    return root;
  }

  @Override
  public final void beforeAll(ExtensionContext context) throws IOException {
    root = Files.createTempDirectory("session");
    Map<String, String> all = new HashMap<>(settings);
    settings.keySet().stream()
        .filter(key -> key.endsWith(".impl"))
        .forEach(key -> all.put(key.replaceFirst("impl$", "root"), root.toString()));
    all.put("spark.sql.catalog.lance.root", root.toString());
    spark = LocalSpark.start(extensions, all);
  }

  @Override
  public final void afterAll(ExtensionContext context) throws IOException {
    LocalSpark.stop(spark);
    JavaUtils.deleteRecursively(root.toFile());
  }
}
