package io.lancebackfill;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * Class-data archives of the tests' Spark. With one a Spark starts in half the time; the first test
 * that starts one makes it. The JVM passes it over where the class path is another, and so there is
 * one of Spark alone and one of Spark with our jars on its class path.
 */
final class SparkClasses {
  private static final Path SPARK_HOME = Path.of(System.getProperty("test.spark.home"));
  private static final Path ARCHIVE = Path.of(System.getProperty("test.spark.classes"));
  private static final String CLASS_PATH = "CLASS PATH ";
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
      print("CLASS PATH " + spark._jvm.java.lang.System.getProperty("java.class.path"))
      """;

  private SparkClasses() {}

  /**
   * What a JVM of that Spark is to be started with.
   *
   * @param installed whether our jars are on its class path
   */
  static String jvmOptions(Path sparkHome, boolean installed) {
    if (!sparkHome.equals(SPARK_HOME)) {
      return JVM_OPTIONS;
    }
    return JVM_OPTIONS + " " + String.join(" ", archiveOptions(installed));
  }

  /** What a JVM is to be started with whose Spark gets our jars with each application. */
  static String jvmOptionsOfSparkAlone() {
    return jvmOptions(SPARK_HOME, false);
  }

  /** Of a JVM that is started with {@link #classPath}. */
  static List<String> archiveOptions() {
    return archiveOptions(true);
  }

  private static List<String> archiveOptions(boolean installed) {
    // Its warnings would go to standard output.
    return List.of(
        "-Xlog:cds*=off", "-Xlog:class+path=off", "-XX:SharedArchiveFile=" + archive(installed));
  }

  /** The class path of a Spark with our jars, as the JVM has it. */
  static String classPath() throws IOException {
    return Files.readString(pathOf(archive(true)));
  }

  private static Path pathOf(Path archive) {
    return archive.resolveSibling(archive.getFileName() + ".path");
  }

  private static synchronized Path archive(boolean installed) {
    String kind = installed ? "installed-" : "alone-";
    Path archive = ARCHIVE.resolveSibling(kind + ARCHIVE.getFileName());
    if (isOfTheseJars(archive)) {
      return archive;
    }
    try (FileChannel channel =
            FileChannel.open(
                archive.resolveSibling(archive.getFileName() + ".lock"),
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE);
        FileLock lock = channel.lock()) {
      // Another fork may have made it meanwhile.
      if (!isOfTheseJars(archive)) {
        make(archive, installed);
      }
      return archive;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The JVM passes an archive over without a word where a jar is newer. */
  private static boolean isOfTheseJars(Path archive) {
    long made = archive.toFile().lastModified();
    return new SparkDistribution(archive.getParent())
        .jars().stream().allMatch(jar -> jar.toFile().lastModified() < made);
  }

  private static void make(Path archive, boolean installed)
      throws IOException, InterruptedException {
    Path folder = Files.createTempDirectory(archive.getParent(), "spark-classes");
    Path made = folder.resolve("made.jsa");
    SparkDistribution spark =
        new SparkDistribution(folder)
            .conf("spark.sql.extensions", "io.lancebackfill.sql.LanceBackfillExtensions")
            .conf("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog")
            .variable("JAVA_TOOL_OPTIONS", JVM_OPTIONS + " -Xlog:cds*=off")
            .variable("SPARK_SUBMIT_OPTS", "-XX:ArchiveClassesAtExit=" + made);
    if (!installed) {
      spark.jarsOfTheApplication();
    }
    try (SparkRun run = spark.python(PROGRAM)) {
      String path =
          run.output()
              .lines()
              .filter(line -> line.startsWith(CLASS_PATH))
              .map(line -> line.substring(CLASS_PATH.length()))
              .findFirst()
              .orElseThrow();
      Files.writeString(pathOf(archive), path);
    }
    Files.move(made, archive, StandardCopyOption.ATOMIC_MOVE);
  }
}
