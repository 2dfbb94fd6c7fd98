package io.lancebackfill;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A stock Spark with the jars of {@code target/dist} on its class path, as an image or an
 * administrator's installation has them, or given with each application. Each run is a process of
 * its own that works in a folder of its own below the given one, which is not the project's.
 */
public final class SparkDistribution {
  private final Path sparkHome;
  private final Path dist = Path.of(System.getProperty("test.dist"));
  private final String python = System.getProperty("test.python");
  private final Path workFolder;
  private final Map<String, String> conf = new TreeMap<>();
  private final Map<String, String> variables = new TreeMap<>();
  private List<String> launcher = List.of();
  private final List<Path> more = new ArrayList<>();
  private boolean installed = true;
  private boolean bundleOnly;

  /** With a catalog {@code lance} of the tables below the work folder's {@code tables}. */
  public SparkDistribution(Path workFolder) {
    this(workFolder, Path.of(System.getProperty("test.spark.home")));
  }

  /** As the other, with the Spark of another folder. */
  public SparkDistribution(Path workFolder, Path sparkHome) {
    this.workFolder = workFolder;
    this.sparkHome = sparkHome;
    conf("spark.master", "local[2]");
    conf("spark.ui.enabled", "false");
    conf("spark.sql.catalogImplementation", "in-memory");
    conf("spark.sql.catalog.lance", "org.lance.spark.LanceNamespaceSparkCatalog");
    conf("spark.sql.catalog.lance.impl", "dir");
    conf("spark.sql.catalog.lance.root", tables().toString());
  }

  /** A setting of the runs that are started from now on. */
  public SparkDistribution conf(String key, String value) {
    conf.put(key, value);
    return this;
  }

  /** An environment variable of the runs that are started from now on. */
  public SparkDistribution variable(String name, String value) {
    variables.put(name, value);
    return this;
  }

  /** From now on, our jars are given with each application, which takes them to its executors. */
  public SparkDistribution jarsOfTheApplication() {
    installed = false;
    return this;
  }

  /** From now on, a jar of a user's own goes with each application. */
  public SparkDistribution jar(Path jar) {
    more.add(jar);
    return this;
  }

  /** From now on, applications are given the bundle without the jars that belong to it. */
  public SparkDistribution bundleOnly() {
    bundleOnly = true;
    return jarsOfTheApplication();
  }

  /**
   * From now on, permissions hold for the runs even if the tests run as root: they stay the owner
   * of all files, and lack the capabilities that let root pass permissions over.
   */
  public SparkDistribution withoutRightsOfRoot() {
    if (System.getProperty("user.name").equals("root")) {
      launcher = List.of("setpriv", "--bounding-set", "-dac_override,-dac_read_search");
    }
    return this;
  }

  /** The folder of the catalog's tables. */
  public Path tables() {
    return workFolder.resolve("tables");
  }

  public List<Path> jars() {
    return jarsOf(dist);
  }

  public List<Path> sparkJars() {
    return jarsOf(sparkHome.resolve("jars"));
  }

  /** Starts {@code spark-sql} with the statements, each of which ends with a semicolon. */
  public SparkRun sql(String... statements) {
    Path folder = newFolder();
    Path script = write(folder.resolve("script.sql"), String.join("\n", statements));
    return start(folder, "spark-sql", List.of("-f", script.toString()));
  }

  /** Starts {@code spark-sql} with one statement on its command line. */
  public SparkRun sqlText(String statement) {
    return start(newFolder(), "spark-sql", List.of("-e", statement));
  }

  /** Starts a class of Spark, such as a standalone master, for the caller to end. */
  public Process daemon(Path log, String... command) {
    List<String> all = new ArrayList<>();
    all.add(sparkHome.resolve("bin").resolve("spark-class").toString());
    all.addAll(List.of(command));
    ProcessBuilder builder = new ProcessBuilder(all).directory(newFolder().toFile());
    asUsersHaveIt(builder.environment());
    try {
      return builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Starts a Python program with {@code spark-submit}. */
  public SparkRun python(String program, String... arguments) {
    Path folder = newFolder();
    List<String> rest = new ArrayList<>();
    rest.add(write(folder.resolve("program.py"), program).toString());
    rest.addAll(List.of(arguments));
    return start(folder, "spark-submit", rest);
  }

  /** Starts {@code spark-submit} with these arguments after the settings and the jars. */
  public SparkRun submit(String... arguments) {
    return start(newFolder(), "spark-submit", List.of(arguments));
  }

  /** The bundle jar, for {@code spark-submit --class}. */
  public Path bundle() {
    return jars().stream()
        .filter(jar -> jar.getFileName().toString().endsWith("-bundle.jar"))
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("no bundle jar in " + dist));
  }

  private SparkRun start(Path folder, String program, List<String> arguments) {
    List<String> command = new ArrayList<>(launcher);
    command.add(sparkHome.resolve("bin").resolve(program).toString());
    Map<String, String> settings = new TreeMap<>(conf);
    List<Path> given = new ArrayList<>(more);
    if (installed) {
      String ours = joined(jars(), ":");
      settings.merge("spark.driver.extraClassPath", ours, (theirs, o) -> o + ":" + theirs);
      if (!settings.get("spark.master").startsWith("k8s")) { // The image has them.
        settings.merge("spark.executor.extraClassPath", ours, (theirs, o) -> o + ":" + theirs);
      }
    } else {
      given.addAll(0, bundleOnly ? List.of(bundle()) : jars());
    }
    if (!given.isEmpty()) {
      command.add("--jars");
      command.add(joined(given, ","));
    }
    settings.forEach(
        (key, value) -> {
          command.add("--conf");
          command.add(key + "=" + value);
        });
    command.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
    asUsersHaveIt(builder.environment());
    return SparkRun.start(builder, folder);
  }

  private void asUsersHaveIt(Map<String, String> environment) {
    environment
        .keySet()
        .removeIf(name -> name.matches("(SPARK_|PYTHON|LANCE_).*|JAVA_TOOL_OPTIONS"));
    environment.put("SPARK_HOME", sparkHome.toString());
    environment.put("PYSPARK_PYTHON", python);
    environment.putAll(variables);
    environment.computeIfAbsent(
        "JAVA_TOOL_OPTIONS", any -> SparkClasses.jvmOptions(sparkHome, installed));
  }

  private static String joined(List<Path> jars, String separator) {
    return jars.stream().map(Path::toString).collect(Collectors.joining(separator));
  }

  private Path newFolder() {
    try {
      Files.createDirectories(tables());
      return Files.createTempDirectory(workFolder, "run");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path write(Path file, String text) {
    try {
      return Files.writeString(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<Path> jarsOf(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.toString().endsWith(".jar")).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
