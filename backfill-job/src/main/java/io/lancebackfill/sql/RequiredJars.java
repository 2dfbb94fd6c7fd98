package io.lancebackfill.sql;

import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The jars that nothing works without, beside our own and Spark's. Names none of their classes, so
 * that it can tell of their absence.
 */
final class RequiredJars {
  /** By jar, one of its classes. */
  static final Map<String, String> CLASSES =
      new TreeMap<>(
          Map.of(
              "arrow-c-data", "org.apache.arrow.c.ArrowArrayStream",
              "jar-jni", "io.questdb.jar.jni.JarJniLoader",
              "lance-core", "org.lance.Dataset",
              "lance-namespace-apache-client", "org.lance.namespace.model.ListTablesRequest",
              "lance-namespace-core", "org.lance.namespace.LanceNamespace",
              "lance-spark-3.5_2.12", "org.lance.spark.LanceNamespaceSparkCatalog"));

  private RequiredJars() {}

  /**
   * @throws BackfillException MISSING_JARS with the names of all that the loader does not see
   */
  static void check(ClassLoader loader) {
    List<String> missing =
        CLASSES.entrySet().stream()
            .filter(jar -> loader.getResource(jar.getValue().replace('.', '/') + ".class") == null)
            .map(jar -> jar.getKey() + " (" + jar.getValue() + ")")
            .toList();
    if (!missing.isEmpty()) {
      throw new BackfillException(
          BackfillErrorCode.MISSING_JARS,
          ("The class path lacks %s. Lance Backfill needs every jar of its dist folder, not only"
                  + " its own: --jars $(echo backfill-job/target/dist/*.jar | tr ' ' ','),"
                  + " or spark.jars with the same.")
              .formatted(String.join(", ", missing)));
    }
  }
}
