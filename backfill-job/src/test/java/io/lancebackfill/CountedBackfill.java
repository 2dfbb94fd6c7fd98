package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lancebackfill.job.Pylance;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * A table {@code (id BIGINT)} with a column that a slow Python function fills. Every process
 * registers the function anew, and the function notes each call in a file, so that calls are
 * counted over all processes and whatever kills them.
 */
final class CountedBackfill {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int CALL_BYTES = Integer.BYTES + Long.BYTES;

  /** As CommitCoordinator: a finished column file is recorded within so long. */
  private static final Duration RECORD = Duration.ofMillis(500);

  /** As ExpressionRows: rows wait for others of their batch for so long. */
  private static final Duration BATCH = Duration.ofMillis(250);

  /** Spark's batches to and from a Python worker. */
  private static final int PYTHON_BATCH_ROWS = 100;

  /** A write of rows or of a record, on a machine that does much else. */
  private static final Duration WRITE = Duration.ofSeconds(1);

  private static final String PROGRAM =
      """
      import json, os, struct, sys, time
      from pyspark.sql import SparkSession

      log, seconds, declare, call, table, go, then = (
          sys.argv[1], float(sys.argv[2]), sys.argv[3], *sys.argv[4:])

      def slow(x):
          time.sleep(seconds)
          file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
          os.write(file, struct.pack("<iq", x, time.time_ns()))
          os.close(file)
          return x * 3 + 1

      spark = SparkSession.builder.getOrCreate()
      spark.udf.register("slow", slow, "bigint")
      if declare == "stored":
          from lance_backfill import connect, udf
          @udf(version="1")
          def counted(id: int) -> int:
              return slow(id)
          folder = connect(os.path.dirname(table), spark=spark)
          folder.open_table("t").add_columns({"value": counted})
      elif declare == "declare":
          spark.sql("CALL lance.system.add_column(table => :t, column => 'value', "
                    "expression => 'slow(id)')", {"t": table}).collect()
      print("READY", flush=True)
      while not os.path.exists(go):
          time.sleep(0.01)
      row = spark.sql("CALL lance.system." + call, {"t": table}).first()
      print("RESULT " + json.dumps(row.asDict()), flush=True)
      spark.sql("CALL lance.system." + then, {"t": table}).collect()
      """;

  private final SparkDistribution spark;
  private final String table;
  private final Map<String, String> environment;
  private final Path log;
  private final double secondsPerRow;
  private final List<Kill> kills = new ArrayList<>();
  private String declaration = "declare";

  /** One call of the function: for which row, and when it was done. */
  private record Call(int id, long nanos) {}

  /**
   * A kill of all processes.
   *
   * @param at when it began, in nanoseconds since 1970
   * @param over when none of them was left
   * @param kept ids of rows that were in the table, in recorded files or in checkpoints then
   */
  private record Kill(long at, long over, Set<Integer> kept) {}

  /** With the table; it has {@code fragments} fragments of the same size. */
  CountedBackfill(
      SparkDistribution spark, Path folder, int rows, int fragments, double secondsPerRow) {
    this(
        spark,
        folder,
        spark.tables().resolve("t.lance").toString(),
        Map.of(),
        rows,
        fragments,
        secondsPerRow);
    spark.conf("spark.sql.extensions", "io.lancebackfill.sql.LanceBackfillExtensions");
    spark.conf("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog");
  }

  /**
   * The same at an address of which the session's catalog {@code lance} knows the credentials.
   *
   * @param environment tells pylance the credentials
   */
  CountedBackfill(
      SparkDistribution spark,
      Path folder,
      String table,
      Map<String, String> environment,
      int rows,
      int fragments,
      double secondsPerRow) {
    this.spark = spark;
    this.table = table;
    this.environment = environment;
    this.log = folder.resolve("calls.bin");
    this.secondsPerRow = secondsPerRow;
    pylance(
        """
        lance.write_dataset(pa.table({"id": pa.array(range(%d), pa.int64())}), uri,
                            max_rows_per_file=%d, max_rows_per_group=1024, data_storage_version="2.1")
        """
            .formatted(rows, rows / fragments));
  }

  /** The table's folder, if it is one. */
  Path table() {
    return Path.of(table);
  }

  /** Starts a process that registers the function and backfills with these further options. */
  SparkRun start(String... options) {
    return startHeld(log.getParent(), options);
  }

  /** The same; it prints READY, and calls backfill when there is a file or folder {@code go}. */
  SparkRun startHeld(Path go, String... options) {
    return startHeldAndThen("jobs(table => :t)", go, options);
  }

  /** The same, with another procedure at the end, whose table is {@code :t}. */
  SparkRun startHeldAndThen(String then, Path go, String... options) {
    String call = "backfill(table => :t, column => 'value'";
    for (String option : options) {
      call += ", " + option;
    }
    return spark.python(
        PROGRAM,
        log.toString(),
        String.valueOf(secondsPerRow),
        declaration,
        call + ")",
        table,
        go.toString(),
        then);
  }

  /** From now on, processes find the column declared. */
  void declared() {
    declaration = "declared";
  }

  /** The column is to be declared with a stored function, which any process can run. */
  void storesItsFunction() {
    spark.conf("spark.submit.pyFiles", spark.bundle().toString());
    spark.conf("spark.lancebackfill.functions.trust", "true");
    declaration = "stored";
  }

  /** The row that a backfill, which is to end well, has returned. */
  static JsonNode result(SparkRun run) throws InterruptedException {
    String line =
        run.output()
            .lines()
            .filter(l -> l.startsWith("RESULT "))
            .findFirst()
            .orElseThrow(() -> new AssertionError("no result in " + run.stdout()));
    try {
      return JSON.readTree(line.substring("RESULT ".length()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Further rows, in fragments of the same size. */
  void append(int firstId, int rows, int fragments) {
    pylance(
        """
        lance.write_dataset(pa.table({"id": pa.array(range(%d, %d), pa.int64())}), uri, mode="append",
                            max_rows_per_file=%d, max_rows_per_group=1024)
        """
            .formatted(firstId, firstId + rows, rows / fragments));
  }

  /** How often the function was called, by whatever process. */
  long calls() {
    try {
      return Files.exists(log) ? Files.size(log) / CALL_BYTES : 0;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private List<Call> allCalls() {
    try {
      ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(log)).order(ByteOrder.LITTLE_ENDIAN);
      List<Call> calls = new ArrayList<>();
      while (bytes.remaining() >= CALL_BYTES) {
        calls.add(new Call(bytes.getInt(), bytes.getLong()));
      }
      return calls;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** How often it was called for each id. */
  Map<Integer, Integer> callsById() {
    Map<Integer, Integer> calls = new HashMap<>();
    allCalls().forEach(call -> calls.merge(call.id(), 1, Integer::sum));
    return calls;
  }

  /** Calls for rows that had been computed before. */
  long repeatedCalls() {
    return calls() - callsById().size();
  }

  /**
   * What a kill may cost: no row that was kept is computed again, and what was not kept had been
   * computed within the checkpoint interval and what it takes to keep a batch or a file.
   */
  void assertOnlyTheLastMomentsWereLost(Duration checkpointInterval) {
    Duration most =
        checkpointInterval
            .plus(RECORD)
            .plus(BATCH)
            .plus(Duration.ofNanos(Math.round(PYTHON_BATCH_ROWS * secondsPerRow * 1e9)))
            .plus(WRITE);
    List<Integer> againThoughKept = new ArrayList<>();
    Map<Integer, Long> earlier = new HashMap<>();
    long oldest = 0;
    for (Call call : allCalls()) {
      if (kills.stream().anyMatch(k -> call.nanos() > k.over() && k.kept().contains(call.id()))) {
        againThoughKept.add(call.id());
      }
      Long before = earlier.put(call.id(), call.nanos());
      if (before != null) {
        Kill kill =
            kills.stream()
                .filter(k -> before <= k.over() && k.over() < call.nanos())
                .findFirst()
                .orElseThrow(
                    () ->
                        new AssertionError(
                            "row %d came twice without a kill: at %d and %d, kills %s"
                                .formatted(
                                    call.id(),
                                    before,
                                    call.nanos(),
                                    kills.stream().map(k -> k.at() + " to " + k.over()).toList())));
        oldest = Math.max(oldest, kill.at() - before);
      }
    }
    System.out.printf(
        "KILLED: %d kills, %,d kept rows at the last; the oldest row that was lost was computed %d ms before, of %d%n",
        kills.size(),
        kills.get(kills.size() - 1).kept().size(),
        oldest / 1_000_000,
        most.toMillis());
    assertThat(againThoughKept).as("rows that were kept and computed again").isEmpty();
    assertThat(Duration.ofNanos(oldest)).isLessThanOrEqualTo(most);
  }

  private static long now() {
    Instant now = Instant.now();
    return TimeUnit.SECONDS.toNanos(now.getEpochSecond()) + now.getNano();
  }

  /** Kills by what {@link SparkRun#killer} gave, and looks what was kept. */
  void kill(Runnable killer) {
    long at = now();
    killer.run();
    kills.add(new Kill(at, now(), kept()));
  }

  private Set<Integer> kept() {
    Set<Integer> kept = new HashSet<>();
    pylance(
            """
            import glob
            t = lance.dataset(uri)
            first, rows, next_id = {}, {}, 0
            for f in t.get_fragments():
                first[f.fragment_id], rows[f.fragment_id] = next_id, f.physical_rows
                next_id += f.physical_rows
            kept = set(t.to_table(columns=["id"], filter="value IS NOT NULL")["id"].to_pylist())
            if os.path.exists(uri + "/_backfill/columns.lance"):
                for f in lance.dataset(uri + "/_backfill/columns.lance").to_table()["fragment_id"].to_pylist():
                    kept.update(range(first[f], first[f] + rows[f]))
            for checkpoint in glob.glob(uri + "/_backfill/checkpoints/*.lance/*.lance"):
                try:
                    gaps = lance.dataset(checkpoint).to_table(columns=["_gap"])["_gap"].to_pylist()
                except ValueError:
                    continue  # its creation was cut off
                at = first[int(os.path.basename(checkpoint).split("-")[0])] - 1
                for gap in gaps:
                    at += gap + 1
                    kept.add(at)
            print(json.dumps({"kept": sorted(kept)}))
            """)
        .get("kept")
        .forEach(id -> kept.add(id.asInt()));
    return kept;
  }

  void awaitCalls(SparkRun run, long calls) {
    await(calls + " calls")
        .atMost(Duration.ofMinutes(5))
        .pollDelay(Duration.ZERO)
        .pollInterval(Duration.ofMillis(5))
        .failFast(
            () -> {
              if (!run.alive()) {
                throw new AssertionError("it ended first\n" + run.stdout() + run.stderr());
              }
            })
        .until(() -> calls() >= calls);
  }

  /** Starts a backfill and kills it after so many calls in all. */
  void killAfter(long calls, String... options) {
    try (SparkRun run = start(options)) {
      run.awaitText("READY");
      declared();
      awaitCalls(run, calls);
      kill(run.killer());
    }
  }

  /** Live rows; all of them hold the function's value. */
  long rowsThatAreRight() {
    JsonNode found =
        pylance(
            """
            t = lance.dataset(uri).to_table()
            right = sum(v == i * 3 + 1 for i, v in zip(t["id"].to_pylist(), t["value"].to_pylist()))
            print(json.dumps({"rows": t.num_rows, "right": right}))
            """);
    assertThat(found.get("right").asLong()).isEqualTo(found.get("rows").asLong());
    return found.get("rows").asLong();
  }

  /** Names of the checkpoint datasets. */
  long checkpoints() {
    try (var files = Files.walk(table().resolve("_backfill/checkpoints"))) {
      return files.filter(Files::isRegularFile).count();
    } catch (java.nio.file.NoSuchFileException e) {
      return 0;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Runs Python with pylance, which knows the table as {@code uri}; its last line is JSON. */
  JsonNode pylance(String program) {
    String script = "import json, os\n" + program;
    String printed =
        environment.isEmpty()
            ? Pylance.run(table(), script)
            : Pylance.run(table, environment, script);
    String last = printed.lines().reduce("", (a, b) -> b);
    try {
      return JSON.readTree(last.startsWith("{") ? last : "{}");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
