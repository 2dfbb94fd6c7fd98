package io.lancebackfill.benchmarks;

import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceTables;
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
 * What a call costs that finds little to do on a table of many fragments: {@code KeepUpMain
 * [fragments] [rounds]}. The calls take turns in every round; round 0 warms up. The floor is what
 * every reader of the table pays: opening its newest version and listing the fragments.
 */
public final class KeepUpMain {
  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);
  private static final int ROWS_PER_FRAGMENT = 10;

  private final SparkSession spark;
  private final TableCopy table;
  private final Map<String, double[]> seconds = new LinkedHashMap<>();
  private final int rounds;
  private int fragments;

  private KeepUpMain(SparkSession spark, TableCopy table, int fragments, int rounds) {
    this.spark = spark;
    this.table = table;
    this.fragments = fragments;
    this.rounds = rounds;
  }

  public static void main(String[] args) throws Exception {
    int fragments = args.length > 0 ? Integer.parseInt(args[0]) : 10_000;
    report(run(fragments, args.length > 1 ? Integer.parseInt(args[1]) : 9));
  }

  /**
   * Makes the table, fills a column, and runs the calls.
   *
   * @return seconds by call, those of the warm-up round first
   * @throws IllegalStateException if a call finds other rows than there are
   */
  static Map<String, double[]> run(int fragments, int rounds) throws Exception {
    Path work = Files.createTempDirectory("lance-keep-up");
    Path root = Files.createDirectory(work.resolve("tables"));
    Workload workload =
        Workload.load("text-400k").withSize((long) fragments * ROWS_PER_FRAGMENT, fragments);
    try (SparkSession spark =
        BenchmarkSession.start(root, Runtime.getRuntime().availableProcessors(), 1)) {
      TableCopy table = new TableFolders(spark, root).create(workload);
      KeepUpMain run = new KeepUpMain(spark, table, fragments, rounds);
      OUT.printf(Locale.ROOT, "fill: %.1f s%n", run.fill());
      for (int round = 0; round <= rounds; round++) {
        run.round(round);
      }
      return run.seconds;
    } finally {
      TableFolders.delete(work);
    }
  }

  private double fill() {
    spark.sql(
        "CALL lance.system.add_column('%s', '%s', 'length(text)')"
            .formatted(table.name(), TableCopy.COLUMN));
    long start = System.nanoTime();
    backfilled((long) fragments * ROWS_PER_FRAGMENT);
    return (System.nanoTime() - start) / 1e9;
  }

  private void round(int round) {
    time("open the table and list its fragments", round, this::opened);
    time("backfill, nothing to do", round, () -> backfilled(0));
    time("coverage", round, this::covered);
    spark.sql("INSERT INTO %s VALUES (-1, 'appended')".formatted(table.name()));
    fragments++;
    time("backfill after an append of one row", round, () -> backfilled(1));
  }

  private void time(String call, int round, Runnable run) {
    long start = System.nanoTime();
    run.run();
    seconds.computeIfAbsent(call, name -> new double[rounds + 1])[round] =
        (System.nanoTime() - start) / 1e9;
  }

  private void opened() {
    int found = LanceTables.latest(DatasetRef.of(table.folder().toString())).fragments().size();
    require("fragments", fragments, found);
  }

  private void covered() {
    long fresh = 0;
    for (Row row :
        spark
            .sql("CALL lance.system.coverage('%s', '%s')".formatted(table.name(), TableCopy.COLUMN))
            .collectAsList()) {
      fresh += row.<Long>getAs("fresh");
    }
    require("fresh rows", spark.table(table.name()).count(), fresh);
  }

  private void backfilled(long rows) {
    Row result =
        spark
            .sql("CALL lance.system.backfill('%s', '%s')".formatted(table.name(), TableCopy.COLUMN))
            .first();
    require("rows computed", rows, result.<Long>getAs("rows_computed"));
  }

  private static void require(String what, long expected, long found) {
    if (expected != found) {
      throw new IllegalStateException("%d %s, not %d".formatted(found, what, expected));
    }
  }

  private static void report(Map<String, double[]> seconds) {
    OUT.printf(Locale.ROOT, "%n| call | s, median (min to max) |%n|---|---|%n");
    seconds.forEach(
        (call, all) -> {
          double[] sorted = Arrays.stream(all).skip(1).sorted().toArray();
          OUT.printf(
              Locale.ROOT,
              "| %s | %.2f (%.2f to %.2f) |%n",
              call,
              sorted[sorted.length / 2],
              sorted[0],
              sorted[sorted.length - 1]);
        });
  }
}
