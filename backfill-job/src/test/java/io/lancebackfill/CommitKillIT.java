package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.lancebackfill.S3Proxy.Fate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A driver that ends inside a commit, for certain: the request that makes the table's next version
 * goes through a proxy, which does not answer it. The function's calls are counted over all
 * processes.
 */
class CommitKillIT {
  private static final int FRAGMENTS = 6;
  private static final int ROWS = 600;

  @TempDir private Path folder;
  private S3Server server;
  private S3Proxy proxy;
  private CountedBackfill job;

  @BeforeEach
  void start() throws IOException {
    server = new S3Server(folder);
    proxy = new S3Proxy(server.port());
    SparkDistribution spark = new SparkDistribution(folder);
    S3Server.catalog(spark, proxy.port());
    job =
        new CountedBackfill(
            spark,
            folder,
            "s3://bucket/tables/t.lance",
            server.environment(),
            ROWS,
            FRAGMENTS,
            0.001);
  }

  @AfterEach
  void stop() throws IOException {
    proxy.close();
    server.close();
  }

  @Test
  void losesAndDoublesNothing() throws Exception {
    // The second of two commits never reaches the store, and its driver is killed meanwhile.
    killedInCommit("first", 2, Fate.LOST);
    assertThat(state().get("filled").asInt()).isEqualTo(FRAGMENTS / 2);
    assertThat(state().get("transactions_without_version").asInt()).isEqualTo(1);
    assertThat(job.calls()).isEqualTo(ROWS);

    // The next driver sends it again; it happens, and the driver is killed before it is told.
    killedInCommit("second", 1, Fate.DONE_UNANSWERED);
    assertThat(state().get("filled").asInt()).isEqualTo(FRAGMENTS);
    assertThat(job.calls()).as("what is staged is not computed again").isEqualTo(ROWS);

    // New rows: their commit happens, and its answer is lost on a broken connection.
    job.pylance(
        """
        lance.write_dataset(pa.table({"id": pa.array(range(%d, %d), pa.int64())}), uri, mode="append",
                            max_rows_per_file=%d)
        """
            .formatted(ROWS, 2 * ROWS, ROWS / FRAGMENTS));
    JsonNode result;
    try (SparkRun run =
        job.startHeldAndThen(
            "clean(table => :t, older_than => '0s')",
            go("third"),
            "commit_granularity => 64",
            "job_id => 'third'")) {
      run.awaitText("READY");
      proxy.arm("tables/t.lance", 1, Fate.DONE_CUT_OFF);
      Files.createFile(go("third"));
      proxy.awaitSprung();
      result = CountedBackfill.result(run);
    }
    assertThat(result.get("status").asText()).isEqualTo("DONE");
    assertThat(result.get("fragments_skipped").asInt()).isEqualTo(FRAGMENTS);
    assertThat(result.get("fragments_committed").asInt()).isEqualTo(FRAGMENTS);
    assertThat(result.get("commits").asInt()).isEqualTo(1);
    assertThat(result.get("rows_computed").asInt()).isEqualTo(ROWS);
    assertThat(job.calls()).isEqualTo(2L * ROWS);

    assertThat(job.rowsThatAreRight()).isEqualTo(2L * ROWS);
    JsonNode state = state();
    assertThat(state.get("filled").asInt()).isEqualTo(2 * FRAGMENTS);
    assertThat(state.get("files").asInt()).isEqualTo(2 * FRAGMENTS);
    assertThat(state.get("distinct").asInt()).isEqualTo(2 * FRAGMENTS);
    assertThat(state.get("changed")).as("versions that took or changed a file").isEmpty();
    assertThat(state.get("commits").asInt()).as("versions that attached files").isEqualTo(3);
    assertThat(state.get("left")).as("files that no version names, and checkpoints").isEmpty();
  }

  /** A driver that is killed while its nth commit, of three fragments at most, is under way. */
  private void killedInCommit(String jobId, int nth, Fate fate) throws Exception {
    try (SparkRun run =
        job.startHeld(
            go(jobId),
            "commit_granularity => " + FRAGMENTS / 2,
            "checkpoint_interval => '100ms'",
            "job_id => '" + jobId + "'")) {
      run.awaitText("READY");
      job.declared();
      proxy.arm("tables/t.lance", nth, fate);
      Files.createFile(go(jobId));
      proxy.awaitSprung();
      assertThat(run.alive()).isTrue();
      run.kill();
      assertThat(run.stdout()).doesNotContain("RESULT");
    }
  }

  private Path go(String jobId) {
    return folder.resolve("go-" + jobId);
  }

  private JsonNode state() {
    return job.pylance(
        """
        import boto3
        bucket = boto3.resource("s3").Bucket("bucket")
        def names(folder):
            return [o.key.removeprefix("tables/t.lance/")
                    for o in bucket.objects.filter(Prefix="tables/t.lance/" + folder)]
        t = lance.dataset(uri)
        field = t.lance_schema.field("value").id()
        before, changed, commits, named = {}, [], 0, set()
        for v in sorted(v["version"] for v in t.versions()):
            files = {}
            for g in lance.dataset(uri, version=v).get_fragments():
                for f in g.metadata.files:
                    named.add("data/" + f.path)
                    if field in f.fields:
                        files.setdefault(g.fragment_id, []).append(f.path)
            changed += [(v, g) for g in before if before[g] != files.get(g)]
            commits += files != before
            before = files
        paths = [p for of in before.values() for p in of]
        left = [n for n in names("data/") if n not in named] + names("_backfill/checkpoints/")
        print(json.dumps({
            "filled": len(before), "files": len(paths), "distinct": len(set(paths)),
            "changed": changed, "commits": commits, "left": left,
            "transactions_without_version": len(names("_transactions/")) - len(t.versions())}))
        """);
  }
}
