package io.lancebackfill;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * A class-data archive of the tests' Spark. With it a Spark starts in half the time; the first test
 * that starts one makes it. The JVM passes it over where the class path is another.
 */
final class SparkClasses {
  private static final Path SPARK_HOME = Path.of(System.getProperty("test.spark.home"));
  private static final Path ARCHIVE = Path.of(System.getProperty("test.spark.classes"));
  private static final String JVM_OPTIONS = System.getProperty("test.jvm.options");

  /** A little of all that the tests do. */
  private static final String PROGRAM =
      """
      from pyspark.sql import SparkSession
      spark = SparkSession.builder.getOrCreate()
      spark._jvm.java.lang.Class.forName("org.apache.spark.sql.hive.thriftserver.SparkSQLCLIDriver")
      spark.udf.register("twice", lambda x: x * 2, "bigint")
      spark.sql("CREATE TABLE lance.t AS SELECT id FROM range(0, 100, 1, 2)")
      spark.sql("CALL lance.system.add_column('t', 'a', 'twice(id)')")
      spark.sql("CALL lance.system.add_column('t', 'b', 'id + 1')")
      for call in "backfill('t', 'a')", "backfill('t', 'b')", "coverage('t', 'a')", "jobs('t')":
          print(spark.sql("CALL lance.system." + call).collect())
      spark.sql("SELECT count(*) FROM lance.t WHERE a <> 2 * id").show()
      """;

  private SparkClasses() {}

  /** What a JVM of that Spark is to be started with. */
  static synchronized String jvmOptions(Path sparkHome) {
    if (!sparkHome.equals(SPARK_HOME)) {
      return JVM_OPTIONS;
    }
    // Its warnings would go to standard output.
    return JVM_OPTIONS + " -Xlog:cds=off -Xlog:class+path=off -XX:SharedArchiveFile=" + archive();
  }

  private static Path archive() {
    if (Files.exists(ARCHIVE)) {
      return ARCHIVE;
    }
    try (FileChannel channel =
            FileChannel.open(
                ARCHIVE.resolveSibling(ARCHIVE.getFileName() + ".lock"),
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE);
        FileLock lock = channel.lock()) {
      // Another fork may have made it meanwhile.
      if (!Files.exists(ARCHIVE)) {
        make();
      }
      return ARCHIVE;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void make() throws IOException, InterruptedException {
    Path folder = Files.createTempDirectory(ARCHIVE.getParent(), "spark-classes");
    Path made = folder.resolve("made.jsa");
    SparkDistribution spark =
        new SparkDistribution(folder)
            .conf("spark.sql.extensions", "io.lancebackfill.sql.LanceBackfillExtensions")
            .conf("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog")
            .variable("JAVA_TOOL_OPTIONS", JVM_OPTIONS + " -Xlog:cds=off")
            .variable("SPARK_SUBMIT_OPTS", "-XX:ArchiveClassesAtExit=" + made);
    try (SparkRun run = spark.python(PROGRAM)) {
      run.output();
    }
    Files.move(made, ARCHIVE, StandardCopyOption.ATOMIC_MOVE);
  }
}
