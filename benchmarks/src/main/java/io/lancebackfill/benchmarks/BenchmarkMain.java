package io.lancebackfill.benchmarks;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.SparkSession;

/**
 * Runs a workload: {@code BenchmarkMain [--workload text-400k] [--rounds 5] [--slots 2] [--rows n]
 * [--fragments n] [--arms floor,function] [--out folder] [--work folder]}. Prints the table and
 * leaves it, with all single measurements, in {@code out}.
 */
public final class BenchmarkMain {
  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  private BenchmarkMain() {}

  public static void main(String[] args) throws Exception {
    Map<String, String> options = options(args);
    Workload workload = Workload.load(options.getOrDefault("workload", "text-400k"));
    workload =
        workload.withSize(
            Long.parseLong(options.getOrDefault("rows", String.valueOf(workload.rows()))),
            Integer.parseInt(
                options.getOrDefault("fragments", String.valueOf(workload.fragments()))));
    int processors = Runtime.getRuntime().availableProcessors();
    int slots = Integer.parseInt(options.getOrDefault("slots", String.valueOf(processors)));
    int rounds = Integer.parseInt(options.getOrDefault("rounds", "5"));
    Set<String> arms =
        options.containsKey("arms") ? Set.of(options.get("arms").split(",")) : Set.of();
    Path out = Files.createDirectories(Path.of(options.getOrDefault("out", ".")));
    Path work =
        options.containsKey("work")
            ? Files.createDirectories(Path.of(options.get("work")))
            : Files.createTempDirectory("lance-benchmark");
    Path root = Files.createDirectory(work.resolve("tables"));
    try (SparkSession spark = BenchmarkSession.start(root, slots, workload.fragments())) {
      List<Measurement> measurements =
          new BenchmarkRun(spark, workload, root, slots, BenchmarkMain::show).run(rounds, arms);
      Report report = new Report(workload, environment(slots, rounds), measurements);
      String table = report.markdown();
      Files.writeString(out.resolve(workload.name() + ".md"), table);
      report.writeJson(out.resolve(workload.name() + ".json"));
      OUT.println();
      OUT.print(table);
    } finally {
      TableFolders.delete(work);
    }
  }

  private static void show(Measurement m) {
    OUT.println(
        String.format(
            Locale.ROOT,
            "%s round %d, %s: %.2f s, %.2f CPU s",
            m.fill(),
            m.round(),
            m.arm(),
            m.seconds(),
            m.cpuSeconds()));
  }

  private static Map<String, String> environment(int slots, int rounds) {
    Map<String, String> environment = new LinkedHashMap<>();
    environment.put("processors", String.valueOf(Runtime.getRuntime().availableProcessors()));
    environment.put("slots", String.valueOf(slots));
    environment.put("rounds", String.valueOf(rounds));
    environment.put("heap_mb", String.valueOf(Runtime.getRuntime().maxMemory() >> 20));
    environment.put("java", System.getProperty("java.vm.version"));
    environment.put("os", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
    environment.put("spark", org.apache.spark.package$.MODULE$.SPARK_VERSION());
    return environment;
  }

  private static Map<String, String> options(String[] args) {
    Map<String, String> options = new LinkedHashMap<>();
    for (int i = 0; i < args.length; i += 2) {
      boolean known =
          List.of("workload", "rounds", "slots", "rows", "fragments", "arms", "out", "work")
              .contains(args[i].replaceFirst("^--", ""));
      if (!known || !args[i].startsWith("--") || i + 1 == args.length) {
        throw new IllegalArgumentException(
            "Cannot use "
                + args[i]
                + "; options are --workload, --rounds, --slots, --rows, --fragments, --arms, --out"
                + " and --work, each with a value");
      }
      options.put(args[i].substring(2), args[i + 1]);
    }
    return options;
  }
}
