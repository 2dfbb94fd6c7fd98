package io.lancebackfill.benchmarks;

import io.lancebackfill.benchmarks.Workload.Fill;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * What a job costs besides its rows: {@code FixedCostMain [fragments] [rows of each] [rounds]}. A
 * small column filled by hand and by a backfill, each on a fresh copy of the table, a backfill that
 * finds nothing to do, and a command of Spark's own. The calls take turns in every round; the first
 * third warms up.
 */
public final class FixedCostMain {
  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  private final SparkSession spark;
  private final Map<String, double[]> seconds = new LinkedHashMap<>();
  private final int rounds;

  private FixedCostMain(SparkSession spark, int rounds) {
    this.spark = spark;
    this.rounds = rounds;
  }

  public static void main(String[] args) throws Exception {
    int fragments = args.length > 0 ? Integer.parseInt(args[0]) : 20;
    int rows = args.length > 1 ? Integer.parseInt(args[1]) : 1000;
    report(run(fragments, rows, args.length > 2 ? Integer.parseInt(args[2]) : 90));
  }

  /**
   * @return seconds by call, those of the rounds that warm up first
   * @throws IllegalStateException if a call computes other rows than there are
   */
  static Map<String, double[]> run(int fragments, int rowsOfEach, int rounds) throws Exception {
    Path work = Files.createTempDirectory("lance-fixed-cost");
    Path root = Files.createDirectory(work.resolve("tables"));
    long rows = (long) fragments * rowsOfEach;
    Workload workload = Workload.load("text-400k").withSize(rows, fragments);
    int slots = Runtime.getRuntime().availableProcessors();
    try (SparkSession spark = BenchmarkSession.start(root, slots, 1)) {
      TableFolders folders = new TableFolders(spark, root);
      TableCopy source = folders.create(workload);
      Fill fill = workload.fills().get(0);
      FloorArm floor = new FloorArm(slots, workload.fileFormatVersion());
      FixedCostMain run = new FixedCostMain(spark, rounds);
      for (int round = 0; round < rounds; round++) {
        TableCopy byHand = folders.copy(source);
        run.time(FloorArm.NAME, round, () -> floor.fill(byHand, fill));
        TableFolders.delete(byHand.folder());
        TableCopy table = folders.copy(source);
        spark.sql(
            "CALL lance.system.add_column('%s', '%s', '%s')"
                .formatted(table.name(), TableCopy.COLUMN, fill.expression()));
        run.time("backfill", round, () -> run.backfilled(table, rows));
        run.time("backfill, nothing to do", round, () -> run.backfilled(table, 0));
        run.time("a command of Spark's own, SET", round, run::ofSpark);
        TableFolders.delete(table.folder());
      }
      return run.seconds;
    } finally {
      TableFolders.delete(work);
    }
  }

  private interface Call {
    void run() throws Exception;
  }

  private void time(String name, int round, Call call) throws Exception {
    System.gc();
    long start = System.nanoTime();
    call.run();
    double took = (System.nanoTime() - start) / 1e9;
    seconds.computeIfAbsent(name, n -> new double[rounds])[round] = took;
    if (took > 1) {
      OUT.printf(Locale.ROOT, "round %d, %s: %.1f s%n", round, name, took);
    }
  }

  private void backfilled(TableCopy table, long rows) {
    Row result =
        spark
            .sql("CALL lance.system.backfill('%s', '%s')".formatted(table.name(), TableCopy.COLUMN))
            .collectAsList()
            .get(0); // first() would have Spark plan a LIMIT on the one row
    if (result.<Long>getAs("rows_computed") != rows) {
      throw new IllegalStateException("Not %d rows: %s".formatted(rows, result));
    }
  }

  private void ofSpark() {
    spark.sql("SET spark.sql.shuffle.partitions").collectAsList();
  }

  private static void report(Map<String, double[]> seconds) {
    OUT.printf(Locale.ROOT, "%n| call | s, median (min to max) |%n|---|---|%n");
    seconds.forEach(
        (call, all) -> {
          double[] sorted = Arrays.stream(all).skip(all.length / 3).sorted().toArray();
          OUT.printf(
              Locale.ROOT,
              "| %s | %.3f (%.3f to %.3f) |%n",
              call,
              sorted[sorted.length / 2],
              sorted[0],
              sorted[sorted.length - 1]);
        });
  }
}
