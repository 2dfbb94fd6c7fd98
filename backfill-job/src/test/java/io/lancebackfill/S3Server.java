package io.lancebackfill;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;

/** A real S3 emulator, a process of its own, with a bucket {@code bucket}. */
final class S3Server implements AutoCloseable {
  static final String SECRET = "sEcReT-of-the-test";
  private static final String REGION = "us-east-1";
  private static final String KEY = "key";

  private final Path folder;
  private final int port;
  private final Process server;

  S3Server(Path folder) throws IOException {
    this.folder = folder;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
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

  int port() {
    return port;
  }

  /** The catalog {@code lance} of our class, with its tables in the bucket, through that port. */
  static void catalog(SparkDistribution spark, int port) {
    spark
        .conf("spark.sql.extensions", "io.lancebackfill.sql.LanceBackfillExtensions")
        .conf("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog");
    catalog(port).forEach(spark::conf);
  }

  /** Settings of that catalog: where its tables are, and how to get at them. */
  static Map<String, String> catalog(int port) {
    return Map.of(
        "spark.sql.catalog.lance.root",
        "s3://bucket/tables",
        "spark.sql.catalog.lance.storage.aws_endpoint",
        endpoint(port),
        "spark.sql.catalog.lance.storage.allow_http",
        "true",
        "spark.sql.catalog.lance.storage.aws_region",
        REGION,
        "spark.sql.catalog.lance.storage.aws_access_key_id",
        KEY,
        "spark.sql.catalog.lance.storage.aws_secret_access_key",
        SECRET);
  }

  /** What pylance and boto3 find the bucket by. */
  Map<String, String> environment() {
    return Map.of(
        "AWS_ENDPOINT", endpoint(port),
        "AWS_ENDPOINT_URL", endpoint(port),
        "AWS_ALLOW_HTTP", "true",
        "AWS_REGION", REGION,
        "AWS_DEFAULT_REGION", REGION,
        "AWS_ACCESS_KEY_ID", KEY,
        "AWS_SECRET_ACCESS_KEY", SECRET);
  }

  private static String endpoint(int port) {
    return "http://127.0.0.1:" + port;
  }

  private int createBucket() throws IOException, InterruptedException {
    ProcessBuilder client =
        new ProcessBuilder(
                python(),
                "-c",
                """
                import boto3
                from botocore.config import Config
                boto3.client("s3", config=Config(retries={"max_attempts": 0})).create_bucket(Bucket="bucket")
                """)
            .redirectErrorStream(true)
            .redirectOutput(Files.createTempFile(folder, "client", ".log").toFile());
    client.environment().putAll(environment());
    Process process = client.start();
    return process.waitFor(30, TimeUnit.SECONDS) ? process.exitValue() : 1;
  }

  private static String python() {
    return System.getProperty("test.python");
  }

  @Override
  public void close() {
    server.descendants().forEach(ProcessHandle::destroyForcibly);
    server.destroyForcibly();
  }
}
