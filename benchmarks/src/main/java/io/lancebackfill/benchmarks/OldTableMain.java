package io.lancebackfill.benchmarks;

import com.sun.management.ThreadMXBean;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.write.StagedColumnFile;
import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.ColumnOrigins;
import io.lancebackfill.state.JobEvent;
import io.lancebackfill.state.JobRecords;
import io.lancebackfill.state.TableState;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * What a table's past costs a call that finds nothing to do: {@code OldTableMain [past] [rounds]}.
 * Two tables of 20 fragments alike, but for {@code past} job events and as many records of files
 * that the table no longer has. The calls take turns in every round; round 0 warms up.
 */
public final class OldTableMain {
  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);
  private static final int FRAGMENTS = 20;
  private static final int AT_ONCE = 10_000;

  /** So many calls leave the newest jobs apart from the past. */
  private static final int CALLS_BEFORE = 20;

  private OldTableMain() {}

  public static void main(String[] args) throws Exception {
    int past = args.length > 0 ? Integer.parseInt(args[0]) : 100_000;
    report(run(past, args.length > 1 ? Integer.parseInt(args[1]) : 15));
  }

  /**
   * @param seconds of each round, the warm-up first
   * @param bytes allocated by all threads, likewise
   */
  record Cost(double[] seconds, long[] bytes) {}

  /** Makes the tables and runs the calls. */
  static Map<String, Cost> run(int past, int rounds) throws Exception {
    Path work = Files.createTempDirectory("lance-old-table");
    Path root = Files.createDirectory(work.resolve("tables"));
    Workload workload = Workload.load("text-400k").withSize(FRAGMENTS * 1000L, FRAGMENTS);
    try (SparkSession spark =
        BenchmarkSession.start(root, Runtime.getRuntime().availableProcessors(), 1)) {
      TableFolders folders = new TableFolders(spark, root);
      TableCopy source = folders.create(workload);
      spark.sql(
          "CALL lance.system.add_column('%s', '%s', 'length(text)')"
              .formatted(source.name(), TableCopy.COLUMN));
      for (int i = 0; i <= CALLS_BEFORE; i++) {
        backfill(spark, source);
      }
      Map<String, TableCopy> tables = new LinkedHashMap<>();
      tables.put("a new table", folders.copy(source));
      TableCopy old = folders.copy(source);
      tables.put("%,d events and records".formatted(past), old);
      age(old, past);
      Map<String, Cost> costs = new LinkedHashMap<>();
      tables
          .keySet()
          .forEach(n -> costs.put(n, new Cost(new double[rounds + 1], new long[rounds + 1])));
      for (int round = 0; round <= rounds; round++) {
        for (Map.Entry<String, TableCopy> table : tables.entrySet()) {
          Cost cost = Objects.requireNonNull(costs.get(table.getKey()));
          Map<Long, Long> before = allocated();
          long start = System.nanoTime();
          backfill(spark, table.getValue());
          cost.seconds()[round] = (System.nanoTime() - start) / 1e9;
          cost.bytes()[round] = since(before);
        }
      }
      return costs;
    } finally {
      TableFolders.delete(work);
    }
  }

  private static void backfill(SparkSession spark, TableCopy table) {
    Row result =
        spark
            .sql("CALL lance.system.backfill('%s', '%s')".formatted(table.name(), TableCopy.COLUMN))
            .first();
    if (!result.<String>getAs("status").equals("DONE")) {
      throw new IllegalStateException("A backfill ended as " + result);
    }
  }

  /** Gives a table records of jobs before its first and of files that it never had. */
  private static void age(TableCopy table, int past) {
    TableState state = new TableState(DatasetRef.of(table.folder().toString()));
    JobRecords jobs = new JobRecords(state);
    ColumnOrigins origins = new ColumnOrigins(state);
    JobEvent event = jobs.events(null).get(0);
    ColumnOrigin origin = origins.byPath(event.columnIds()).values().iterator().next();
    for (int from = 0; from < past; from += AT_ONCE) {
      List<JobEvent> events = new ArrayList<>();
      List<ColumnOrigin> records = new ArrayList<>();
      for (int i = from; i < Math.min(past, from + AT_ONCE); i++) {
        events.add(
            new JobEvent(
                "past-" + i / 3,
                event.at().minusSeconds(past - i),
                List.of("STARTED", JobEvent.PLANNED, JobEvent.ENDED).get(i % 3),
                event.status(),
                event.columns(),
                event.columnIds(),
                event.driver(),
                (i - past) / 3,
                event.generation(),
                event.tableVersion(),
                event.counts(),
                event.rowsPlanned(),
                event.elapsedMs(),
                event.options(),
                event.startup(),
                event.message()));
        StagedColumnFile file = origin.file();
        records.add(
            new ColumnOrigin(
                origin.columnIds(),
                origin.fragmentId(),
                origin.physicalRows(),
                new StagedColumnFile(
                    "past-" + i + ".lance",
                    file.fieldIds(),
                    file.columnIndices(),
                    file.majorVersion(),
                    file.minorVersion(),
                    file.bytes(),
                    file.rows()),
                "past-%d.lance:[0]".formatted(i - 1),
                origin.parts(),
                origin.deleted(),
                "past-" + i / 3,
                origin.epoch(),
                origin.at().minusSeconds(past - i)));
      }
      jobs.append(events);
      origins.append(records);
    }
  }

  private static Map<Long, Long> allocated() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long[] ids = threads.getAllThreadIds();
    long[] bytes = threads.getThreadAllocatedBytes(ids);
    Map<Long, Long> byThread = new HashMap<>();
    for (int i = 0; i < ids.length; i++) {
      byThread.put(ids[i], Math.max(0, bytes[i]));
    }
    return byThread;
  }

  private static long since(Map<Long, Long> before) {
    return allocated().entrySet().stream()
        .mapToLong(e -> e.getValue() - before.getOrDefault(e.getKey(), 0L))
        .sum();
  }

  private static void report(Map<String, Cost> costs) {
    OUT.printf(
        Locale.ROOT,
        "%n| a call with nothing to do on | s, median (min to max) | MB allocated, median"
            + " |%n|---|---|---|%n");
    costs.forEach(
        (table, cost) -> {
          double[] seconds = Arrays.stream(cost.seconds()).skip(1).sorted().toArray();
          long[] bytes = Arrays.stream(cost.bytes()).skip(1).sorted().toArray();
          OUT.printf(
              Locale.ROOT,
              "| %s | %.3f (%.3f to %.3f) | %.1f |%n",
              table,
              seconds[seconds.length / 2],
              seconds[0],
              seconds[seconds.length - 1],
              bytes[bytes.length / 2] / 1e6);
        });
  }
}
