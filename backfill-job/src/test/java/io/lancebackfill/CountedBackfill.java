package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A table {@code (id BIGINT)} with a column that a slow Python function fills. Every process
 * registers the function anew, and the function notes each call in a file, so that calls are
 * counted over all processes and whatever kills them.
 */
final class CountedBackfill {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int ID_BYTES = 4;

  private static final String PROGRAM =
      """
      import json, os, struct, sys, time
      from pyspark.sql import SparkSession

      log, seconds, declare, call, table, go, then = (
          sys.argv[1], float(sys.argv[2]), sys.argv[3] == "declare", *sys.argv[4:])

      def slow(x):
          time.sleep(seconds)
          file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
          os.write(file, struct.pack("<I", x))
          os.close(file)
          return x * 3 + 1

      spark = SparkSession.builder.getOrCreate()
      spark.udf.register("slow", slow, "bigint")
      if declare:
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
  private boolean declared;

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
        declared ? "declared" : "declare",
        call + ")",
        table,
        go.toString(),
        then);
  }

  /** From now on, processes find the column declared. */
  void declared() {
    declared = true;
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

  /** How often the function was called, by whatever process. */
  long calls() {
    try {
      return Files.exists(log) ? Files.size(log) / ID_BYTES : 0;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** How often it was called for each id. */
  Map<Integer, Integer> callsById() {
    try {
      ByteBuffer ids = ByteBuffer.wrap(Files.readAllBytes(log)).order(ByteOrder.LITTLE_ENDIAN);
      Map<Integer, Integer> calls = new HashMap<>();
      while (ids.remaining() >= ID_BYTES) {
        calls.merge(ids.getInt(), 1, Integer::sum);
      }
      return calls;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Calls for rows that had been computed before. */
  long repeatedCalls() {
    return calls() - callsById().size();
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
      run.kill();
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
    try {
      Path out = Files.createTempFile(log.getParent(), "pylance", ".txt");
      ProcessBuilder builder =
          new ProcessBuilder(
                  System.getProperty("test.python"),
                  "-c",
                  "import json, os, lance\nimport pyarrow as pa\nuri = '%s'\n".formatted(table)
                      + program)
              .redirectErrorStream(true)
              .redirectOutput(out.toFile());
      builder.environment().putAll(environment);
      Process process = builder.start();
      if (!process.waitFor(2, TimeUnit.MINUTES) || process.exitValue() != 0) {
        process.destroyForcibly();
        throw new AssertionError("pylance failed: " + Files.readString(out));
      }
      String last = Files.readString(out).lines().reduce("", (a, b) -> b);
      return JSON.readTree(last.startsWith("{") ? last : "{}");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
