package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The main path on an object store: a real S3 emulator, with credentials of the catalog's. */
class S3IT {
  private static final String SECRET = "sEcReT-of-the-test";

  @TempDir private Path folder;
  private Process server;
  private String endpoint;

  @BeforeEach
  void startServer() throws IOException, InterruptedException {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    endpoint = "http://127.0.0.1:" + port;
    server =
        new ProcessBuilder(
                python(), "-m", "moto.server", "-H", "127.0.0.1", "-p", Integer.toString(port))
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("moto.log").toFile())
            .start();
    Awaitility.await()
        .atMost(Duration.ofSeconds(60))
        .pollInterval(Duration.ofMillis(500))
        .until(() -> createBucket() == 0);
  }

  @AfterEach
  void stopServer() {
    server.descendants().forEach(ProcessHandle::destroyForcibly);
    server.destroyForcibly();
  }

  @Test
  void fillsAColumnOfATableInABucket() throws Exception {
    SparkDistribution spark = new SparkDistribution(folder);
    spark
        .conf("spark.sql.extensions", "io.lancebackfill.sql.LanceBackfillExtensions")
        .conf("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog")
        .conf("spark.sql.catalog.lance.root", "s3://bucket/tables")
        .conf("spark.sql.catalog.lance.storage.aws_endpoint", endpoint)
        .conf("spark.sql.catalog.lance.storage.allow_http", "true")
        .conf("spark.sql.catalog.lance.storage.aws_region", "us-east-1")
        .conf("spark.sql.catalog.lance.storage.aws_access_key_id", "key")
        .conf("spark.sql.catalog.lance.storage.aws_secret_access_key", SECRET);
    try (SparkRun run =
        spark.sql(
            "CREATE TABLE lance.t AS SELECT id, concat('t', id) AS text FROM range(0, 1000, 1, 4);",
            "CALL lance.system.add_column('t', 'length', 'length(text)');",
            "CALL lance.system.backfill('t', 'length', commit_granularity => 2, job_id => 'one');",
            "CALL lance.system.backfill('s3://bucket/tables/t.lance', 'length', job_id => 'two');",
            "SELECT 'sum', sum(length), count_if(length <> length(text)) FROM lance.t;",
            "CALL lance.system.coverage('t', 'length');",
            "CALL lance.system.job('t', 'one');",
            "CALL lance.system.clean('t', '0s');")) {
      assertThat(run.output())
          .contains("one\tDONE\t4\t4\t4\t0\t1000\t0\t0\t2")
          .contains("two\tDONE\t4\t0\t0\t4\t0")
          .contains("sum\t3890\t0")
          .contains("3\t250\t250\t0\t0\t0\t0")
          .doesNotContain(SECRET);
      assertThat(run.stderr()).doesNotContain(SECRET);
    }
  }

  private int createBucket() throws IOException, InterruptedException {
    ProcessBuilder client =
        new ProcessBuilder(
                python(),
                "-c",
                """
                import boto3
                from botocore.config import Config
                boto3.client("s3", endpoint_url="%s", region_name="us-east-1",
                             config=Config(retries={"max_attempts": 0})).create_bucket(Bucket="bucket")
                """
                    .formatted(endpoint))
            .redirectErrorStream(true)
            .redirectOutput(Files.createTempFile(folder, "client", ".log").toFile());
    client.environment().put("AWS_ACCESS_KEY_ID", "key");
    client.environment().put("AWS_SECRET_ACCESS_KEY", SECRET);
    Process process = client.start();
    return process.waitFor(30, TimeUnit.SECONDS) ? process.exitValue() : 1;
  }

  private static String python() {
    return System.getProperty("test.python");
  }
}
