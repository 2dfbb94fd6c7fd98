package io.lancebackfill;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The jars of target/dist beside a stock Spark, from a folder that is not the project's. */
class DistributionIT {
  @TempDir private Path folder;
  private SparkDistribution spark;

  @BeforeEach
  void install() {
    spark = new SparkDistribution(folder).jarsOfTheApplication();
  }

  @Test
  void sqlReadsAndWritesLanceTables() throws Exception {
    try (SparkRun run =
        spark.sql(
            "CREATE TABLE lance.texts (id BIGINT, text STRING);",
            "INSERT INTO lance.texts VALUES (1, 'one'), (2, 'two');",
            "SHOW TABLES IN lance;",
            "SELECT 'sum', sum(id), max(text) FROM lance.texts;")) {
      assertThat(run.output()).contains("texts").contains("sum\t3\ttwo");
    }
  }

  @Test
  void pythonReadsAndWritesLanceTables() throws Exception {
    try (SparkRun run =
        spark.python(
            """
            from pyspark.sql import SparkSession
            from pyspark.sql.functions import udf
            spark = SparkSession.builder.getOrCreate()
            spark.sql("CREATE TABLE lance.numbers AS SELECT id FROM range(10)")
            plus = udf(lambda x: x + 1, "bigint")
            print("rows", sorted(r[0] for r in spark.table("lance.numbers").select(plus("id")).collect()))
            """)) {
      assertThat(run.output()).contains("rows [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]");
    }
  }

  @Test
  void killTakesAllProcessesAway() throws Exception {
    try (SparkRun run =
        spark.python(
            """
            import time
            from pyspark.sql import SparkSession
            spark = SparkSession.builder.getOrCreate()
            print("started", flush=True)
            spark.sparkContext.parallelize([0], 1).map(lambda x: time.sleep(1000)).count()
            """)) {
      run.awaitText("started");
      run.kill();
      assertThat(run.alive()).isFalse();
      assertThat(run.exitStatus()).isEqualTo(128 + 9);
    }
  }

  @Test
  void noClassIsThereTwice() {
    Map<String, Set<String>> jarsOfClass = new TreeMap<>();
    Stream.concat(spark.jars().stream(), spark.sparkJars().stream())
        .forEach(
            jar ->
                entries(jar)
                    .filter(name -> name.endsWith(".class") && !name.startsWith("META-INF/"))
                    .filter(name -> !name.equals("module-info.class"))
                    .forEach(
                        name ->
                            jarsOfClass
                                .computeIfAbsent(name, key -> new TreeSet<>())
                                .add(jar.getFileName().toString())));
    Set<String> ours =
        spark.jars().stream().map(j -> j.getFileName().toString()).collect(Collectors.toSet());
    // What Spark itself ships twice is Spark's.
    jarsOfClass
        .values()
        .removeIf(jars -> jars.size() == 1 || jars.stream().noneMatch(ours::contains));
    assertThat(jarsOfClass).isEmpty();
  }

  @Test
  void theBundleHoldsOursOnly() {
    List<String> foreign =
        entries(spark.bundle())
            .filter(name -> !name.endsWith("/"))
            .filter(
                name ->
                    !name.startsWith("io/lancebackfill/") && !name.startsWith("lance_backfill/"))
            .filter(name -> !name.startsWith("META-INF/"))
            .toList();
    assertThat(foreign).containsExactly("org/apache/arrow/dataset/scanner/Scanner.class");
  }

  @Test
  void theWheelInstallsWithoutANetwork() throws Exception {
    String python = System.getProperty("test.python");
    Path wheel;
    try (Stream<Path> files = Files.list(Path.of(System.getProperty("test.dist")))) {
      wheel = files.filter(file -> file.toString().endsWith(".whl")).findFirst().orElseThrow();
    }
    assertThat(wheel.getFileName().toString()).matches("lance_backfill-[0-9.]+-py3-none-any\\.whl");
    Path site = folder.resolve("site");
    String target = site.toString();
    run(python, "-m", "pip", "install", "--no-deps", "--no-index", "--target", target, "" + wheel);
    String program =
        """
        import sys
        sys.path.insert(0, sys.argv[1])
        import importlib.metadata, importlib.resources, lance_backfill
        print([getattr(lance_backfill, name).__name__ for name in lance_backfill.__all__])
        told = importlib.metadata.metadata("lance_backfill")
        print(told["Version"], told["Requires-Python"], told.get_all("Requires-Dist"))
        files = importlib.resources.files("lance_backfill")
        print((files / "py.typed").is_file(), str(files).startswith(sys.argv[1]))
        """;

    assertThat(run(python, "-c", program, target).lines())
        .containsExactly(
            "['BackfillError', 'BackfillJob', 'BackfillResult', 'Database', 'Table', 'connect',"
                + " 'replay', 'udf']",
            "0.1.0 >=3.10 ['pyspark>=3.5,<3.6', 'pyarrow>=14']",
            "True True");
  }

  private String run(String... command) throws Exception {
    Process process =
        new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    return output;
  }

  @Test
  void theJarsAreThese() {
    assertThat(spark.jars())
        .extracting(
            jar -> jar.getFileName().toString().replaceFirst("-[0-9.]+(-bundle)?\\.jar$", ""))
        .containsExactly(
            "arrow-c-data",
            "httpclient5",
            "httpcore5",
            "httpcore5-h2",
            "jackson-databind-nullable",
            "jar-jni",
            "jna",
            "lance-backfill-job",
            "lance-core",
            "lance-namespace-apache-client",
            "lance-namespace-core",
            "lance-spark-3.5_2.12");
  }

  private static Stream<String> entries(Path jar) {
    try (JarFile file = new JarFile(jar.toFile())) {
      return file.stream().map(ZipEntry::getName).toList().stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
