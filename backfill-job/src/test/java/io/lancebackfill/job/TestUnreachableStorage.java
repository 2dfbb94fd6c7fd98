package io.lancebackfill.job;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A catalog whose storage cannot be read says so, and not that it has no such table. */
class TestUnreachableStorage {
  private static final String SECRET = "sEcReT-of-the-test";

  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  @Test
  void aStoreThatIsNotThere() {
    s3("gone", "http://127.0.0.1:1");
    refused("gone", "t", "[STORAGE_FAILED]", "'s3://bucket/tables'", "spark.sql.catalog.gone.root");
  }

  /** Only where nobody gives the machine credentials: not its environment, nor its cloud. */
  @Test
  void noCredentialsAtAll() {
    assumeThat(System.getenv().keySet())
        .noneMatch(name -> name.matches("AWS_.*(KEY|PROFILE|ROLE|TOKEN|CREDENTIALS).*"));
    catalog(
        "anonymous",
        "s3://bucket/tables",
        Map.of(
            "aws_endpoint", "http://127.0.0.1:1",
            "allow_http", "true",
            "aws_region", "us-east-1",
            "client_max_retries", "0",
            "client_retry_timeout", "1"));
    refused("anonymous", "t", "[STORAGE_FAILED]", "'s3://bucket/tables'", "credential");
    String uri = "s3://bucket/tables/t.lance";
    refused("anonymous", uri, "[STORAGE_FAILED]", uri, "credential");
  }

  @ParameterizedTest
  @CsvSource({"403,AccessDenied", "404,NoSuchBucket", "301,incorrectly configured region"})
  void aStoreThatRefuses(int status, String code) throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          byte[] answer = "<Error><Code>%s</Code></Error>".formatted(code).getBytes(UTF_8);
          exchange.sendResponseHeaders(status, answer.length);
          exchange.getResponseBody().write(answer);
          exchange.close();
        });
    server.start();
    try {
      String catalog = "refuses" + status;
      s3(catalog, "http://127.0.0.1:" + server.getAddress().getPort());
      refused(catalog, "db.t", "[STORAGE_FAILED]", "'s3://bucket/tables'", code);
    } finally {
      server.stop(0);
    }
  }

  @ParameterizedTest
  @CsvSource({"s3a", "s3n", "S3A"})
  void schemesOfHadoop(String scheme) {
    String catalog = "hadoop_" + scheme;
    catalog(catalog, scheme + "://bucket/tables", Map.of());
    refused(
        catalog,
        "t",
        "[INVALID_ARGUMENT] spark.sql.catalog." + catalog + ".root is '",
        "Write 's3://bucket/tables'");
    refused(
        "lance",
        scheme + "://bucket/t.lance",
        "[INVALID_ARGUMENT] Argument 'table' is '",
        "Write 's3://bucket/t.lance'");
  }

  @ParameterizedTest
  @CsvSource({"hdfs", "foo"})
  void schemesThatLanceLacks(String scheme) {
    catalog(scheme, scheme + "://host/tables", Map.of());
    refused(
        scheme,
        "t",
        "[STORAGE_FAILED] Catalog '" + scheme + "' cannot be opened at its root '",
        "Valid schemes:");
    refused("lance", scheme + "://host/t.lance", "No object store provider found", scheme);
  }

  @Test
  void aTableThatIsNotThereInAStoreThatIs() {
    catalog("file", "file://" + session.root(), Map.of());
    refused("file", "missing", "[TABLE_NOT_FOUND] There is no table file");
  }

  private static void s3(String catalog, String endpoint) {
    catalog(
        catalog,
        "s3://bucket/tables",
        Map.of(
            "aws_endpoint", endpoint,
            "allow_http", "true",
            "aws_region", "us-east-1",
            "aws_access_key_id", "key",
            "aws_secret_access_key", SECRET,
            "client_max_retries", "0"));
  }

  private static void catalog(String name, String address, Map<String, String> storage) {
    String prefix = "spark.sql.catalog." + name;
    session.spark().conf().set(prefix, "io.lancebackfill.catalog.LanceBackfillCatalog");
    session.spark().conf().set(prefix + ".impl", "dir");
    session.spark().conf().set(prefix + ".root", address);
    storage.forEach((key, value) -> session.spark().conf().set(prefix + ".storage." + key, value));
  }

  private static void refused(String catalog, String table, String... parts) {
    long started = System.nanoTime();
    var refusal =
        assertThatThrownBy(() -> session.sql("CALL %s.system.coverage('%s', 'n')", catalog, table));
    for (String part : parts) {
      refusal.hasMessageContaining(part);
    }
    refusal.hasMessageNotContaining(SECRET);
    assertThat(Duration.ofNanos(System.nanoTime() - started)).isLessThan(Duration.ofMinutes(1));
  }
}
