package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Rounds of kills at random moments: of computing, right after a column file was begun, after
 * finished files were recorded, while a commit is under way, and right after one. {@code
 * -Dkill.rounds=20} runs more of them; {@code -Dkill.seed} repeats a sequence.
 */
class RandomKillIT {
  private static final int ROUNDS = Integer.getInteger("kill.rounds", 3);
  private static final long SEED = Long.getLong("kill.seed", System.nanoTime());
  private static final int ROWS_OF_FRAGMENT = 50;
  private static final Duration INTERVAL = Duration.ofMillis(100);

  /** After what a round kills. */
  private enum Moment {
    ANY_TIME(""),
    COLUMN_FILE("data"),
    RECORD("_backfill/columns.lance/data"),
    RECORDED("_backfill/columns.lance/_versions"),
    COMMIT_BEGUN("_transactions"),
    COMMIT_DONE("_versions");

    private final String folder;

    Moment(String folder) {
      this.folder = folder;
    }
  }

  @TempDir private Path folder;

  @Test
  void losesAndDoublesNothing() throws Exception {
    System.out.printf("KILLED: %d rounds, -Dkill.seed=%d%n", ROUNDS, SEED);
    Random random = new Random(SEED);
    SparkDistribution spark = new SparkDistribution(folder);
    int fragments = 64 + 16 * ROUNDS;
    int rows = fragments * ROWS_OF_FRAGMENT;
    CountedBackfill job = new CountedBackfill(spark, folder, rows, fragments, 0.002);
    String[] options = {
      "commit_granularity => 2",
      "checkpoint_interval => '%dms'".formatted(INTERVAL.toMillis()),
      "ready_tag => true"
    };
    int first = random.nextInt(Moment.values().length);
    for (int round = 0; round < ROUNDS; round++) {
      Moment moment = Moment.values()[(first + round) % Moment.values().length];
      long before = job.calls();
      try (SparkRun run = job.start(options)) {
        run.awaitText("READY");
        job.declared();
        job.awaitCalls(run, before + 1);
        Runnable killer = run.killer();
        String seen = await(job, moment, random);
        pauseMicros(random.nextInt(4_000));
        boolean underWay = run.alive();
        job.kill(killer);
        assertThat(underWay).as("the job was to be under way:\n%s", run.stderr()).isTrue();
        System.out.printf(
            "KILLED: round %d, %s%s, %,d calls so far: %s%n",
            round + 1, moment, seen, job.calls(), state(job));
        assertThat(nullsInReadyVersions(job)).isSubsetOf(0L);
      }
    }
    try (SparkRun run = job.start(options)) {
      assertThat(CountedBackfill.result(run).get("status").asText()).isEqualTo("DONE");
    }
    assertThat(job.rowsThatAreRight()).isEqualTo(rows);
    assertThat(nullsInReadyVersions(job)).containsExactly(0L);
    System.out.printf(
        "KILLED: %d rounds, %,d rows: %,d calls, %,d repeated%n",
        ROUNDS, rows, job.calls(), job.repeatedCalls());
    job.assertOnlyTheLastMomentsWereLost(INTERVAL);
    assertEveryFileCommittedOnce(job, fragments);
    assertCleanLeavesNothing(spark, job);
  }

  /** For the tag of the column, if it is there: how many rows have no value in its version. */
  private static List<Long> nullsInReadyVersions(CountedBackfill job) {
    List<Long> nulls = new ArrayList<>();
    job.pylance(
            """
            tags = lance.dataset(uri).tags.list()
            versions = [t["version"] for name, t in tags.items() if name == "value.ready"]
            print(json.dumps({"nulls": [
                lance.dataset(uri, version=v).count_rows("value IS NULL") for v in versions]}))
            """)
        .get("nulls")
        .forEach(count -> nulls.add(count.asLong()));
    return nulls;
  }

  /** A random moment, not a condition: what this test is about. */
  private static void pauseMicros(long micros) {
    long end = System.nanoTime() + TimeUnit.MICROSECONDS.toNanos(micros);
    for (long left = end - System.nanoTime(); left > 0; left = end - System.nanoTime()) {
      LockSupport.parkNanos(left);
    }
  }

  /** Waits for the first or a later change in the moment's folder, or for a random time. */
  private static String await(CountedBackfill job, Moment moment, Random random) throws Exception {
    if (moment == Moment.ANY_TIME) {
      pauseMicros(1000L * random.nextInt(3000));
      return "";
    }
    Path watched = job.table().resolve(moment.folder);
    int nth = 1 + random.nextInt(8);
    try (WatchService changes = FileSystems.getDefault().newWatchService()) {
      // The records' folder comes with the first record.
      Awaitility.await()
          .atMost(Duration.ofSeconds(20))
          .pollInterval(Duration.ofMillis(1))
          .until(() -> Files.isDirectory(watched));
      watched.register(changes, StandardWatchEventKinds.ENTRY_CREATE);
      for (int seen = 0; seen < nth; ) {
        WatchKey key = changes.poll(20, TimeUnit.SECONDS);
        assertThat(key).as("a change in %s", watched).isNotNull();
        seen += key.pollEvents().size();
        key.reset();
      }
    }
    return " number " + nth;
  }

  private static JsonNode state(CountedBackfill job) {
    return job.pylance(
        """
        t = lance.dataset(uri)
        field = t.lance_schema.field("value").id()
        named = {os.path.basename(f.path) for g in t.get_fragments() for f in g.metadata.files}
        begun = len(os.listdir(uri + "/_transactions")); done = len(t.versions())
        print(json.dumps({
            "version": t.version,
            "fragments_filled": sum(any(field in f.fields for f in g.metadata.files)
                                    for g in t.get_fragments()),
            "files_no_fragment_names": len(set(os.listdir(uri + "/data")) - named),
            "transactions_without_version": begun - done}))
        """);
  }

  /** Each version adds fragments to those of the one before, and takes or changes none. */
  private static void assertEveryFileCommittedOnce(CountedBackfill job, int fragments) {
    JsonNode history =
        job.pylance(
            """
            t = lance.dataset(uri)
            field = t.lance_schema.field("value").id()
            before, changed, empty = {}, [], []
            for v in sorted(v["version"] for v in t.versions()):
                files = {}
                for g in lance.dataset(uri, version=v).get_fragments():
                    for f in g.metadata.files:
                        if field in f.fields:
                            files.setdefault(g.fragment_id, []).append(f.path)
                changed += [(v, g) for g in before if before[g] != files.get(g)]
                if before and files == before:
                    empty.append(v)
                before = files
            paths = [p for of in before.values() for p in of]
            print(json.dumps({"changed": changed, "empty": empty, "fragments": len(before),
                              "files": len(paths), "distinct": len(set(paths))}))
            """);
    assertThat(history.get("changed")).isEmpty();
    assertThat(history.get("empty")).as("versions that attached nothing new").isEmpty();
    assertThat(history.get("fragments").asInt()).isEqualTo(fragments);
    assertThat(history.get("files").asInt()).isEqualTo(fragments);
    assertThat(history.get("distinct").asInt()).isEqualTo(fragments);
  }

  private static void assertCleanLeavesNothing(SparkDistribution spark, CountedBackfill job)
      throws Exception {
    try (SparkRun run =
        spark.sql("CALL lance.system.clean('" + job.table() + "', older_than => '0s');")) {
      run.output();
    }
    JsonNode left =
        job.pylance(
            """
            t = lance.dataset(uri)
            named = {os.path.basename(f.path) for v in t.versions()
                     for g in lance.dataset(uri, version=v["version"]).get_fragments()
                     for f in g.metadata.files}
            files = {f for f in os.listdir(uri + "/data") if not f.startswith(".tmp")}
            print(json.dumps({"files": sorted(files - named)}))
            """);
    assertThat(left.get("files")).as("whole files that no version names").isEmpty();
    assertThat(checkpointFiles(job)).isEmpty();
    assertThat(job.rowsThatAreRight()).isPositive();
  }

  private static Iterable<Path> checkpointFiles(CountedBackfill job) throws IOException {
    Path checkpoints = job.table().resolve("_backfill/checkpoints");
    if (!Files.exists(checkpoints)) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(checkpoints)) {
      return files.filter(Files::isRegularFile).toList();
    }
  }
}
