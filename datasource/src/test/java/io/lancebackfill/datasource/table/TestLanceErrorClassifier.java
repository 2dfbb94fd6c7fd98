package io.lancebackfill.datasource.table;

import static io.lancebackfill.datasource.LanceFixture.INT32;
import static io.lancebackfill.datasource.LanceFixture.append;
import static io.lancebackfill.datasource.LanceFixture.create;
import static io.lancebackfill.datasource.LanceFixture.field;
import static io.lancebackfill.datasource.LanceFixture.open;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.sun.net.httpserver.HttpServer;
import io.lancebackfill.datasource.read.FragmentBatchReader;
import io.lancebackfill.datasource.read.FragmentRange;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.apache.arrow.vector.IntVector;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.lance.CommitBuilder;
import org.lance.Dataset;
import org.lance.Transaction;
import org.lance.operation.UpdateConfig;
import org.lance.operation.UpdateMap;

/** Each kind of error, provoked for real: a Lance version with other texts fails here. */
class TestLanceErrorClassifier {
  @TempDir private Path folder;
  private DatasetRef ref;

  @BeforeEach
  void aTable() {
    ref = create(folder.resolve("t.lance"), "2.1", field("id", INT32));
    append(ref, 5, (root, fragment, i) -> ((IntVector) root.getVector("id")).setSafe(i, i));
  }

  private static void setConfig(Dataset table, String key, int retries) {
    UpdateConfig operation =
        UpdateConfig.builder()
            .configUpdates(UpdateMap.builder().updates(Map.of(key, "v")).replace(false).build())
            .build();
    try (Transaction transaction =
            new Transaction.Builder().readVersion(table.version()).operation(operation).build();
        Dataset done =
            new CommitBuilder(table)
                .maxRetries(retries)
                .skipAutoCleanup(true)
                .execute(transaction)) {
      assertThat(done.version()).isGreaterThan(table.version());
    }
  }

  private DatasetException classified(String doing, Throwable error) {
    assertThat(error).isNotNull();
    DatasetException exception = LanceErrorClassifier.classify(doing, ref, error);
    assertThat(exception.getMessage())
        .startsWith("Cannot " + doing + " " + ref.uri() + ": ")
        .doesNotContain(".rs:");
    assertThat(exception).hasCause(error);
    return exception;
  }

  @Test
  void aSecondAddColumnOfTheSameVersionIsAConflict() {
    try (Dataset one = open(ref);
        Dataset two = open(ref)) {
      one.addColumns(List.of(field("a", INT32)));
      DatasetException error =
          classified(
              "add columns to", catchThrowable(() -> two.addColumns(List.of(field("b", INT32)))));
      assertThat(error.kind()).isEqualTo(Kind.COMMIT_CONFLICT);
      assertThat(error)
          .hasMessageContaining("Retryable commit conflict for version 3")
          .hasMessageEndingWith("Another writer was first; read the table again and repeat.");
    }
  }

  @Test
  void aSecondWriterOfAKeyIsAConflict() {
    try (Dataset one = open(ref);
        Dataset two = open(ref)) {
      setConfig(one, "owner", 20);
      DatasetException error =
          classified("commit to", catchThrowable(() -> setConfig(two, "owner", 20)));
      assertThat(error.kind()).isEqualTo(Kind.COMMIT_CONFLICT);
      assertThat(error)
          .hasMessageContaining("Incompatible transaction: This UpdateConfig transaction is");
    }
  }

  @Test
  void runningOutOfTriesIsContention() throws Exception {
    Queue<Throwable> errors = new ConcurrentLinkedQueue<>();
    ExecutorService writers = Executors.newFixedThreadPool(12);
    try {
      List<Callable<Void>> calls = new ArrayList<>();
      for (int i = 0; i < 12; i++) {
        String name = "k" + i;
        calls.add(
            () -> {
              for (int round = 0; round < 10; round++) {
                String key = name + "_" + round;
                try (Dataset table = open(ref)) {
                  Throwable error = catchThrowable(() -> setConfig(table, key, 1));
                  if (error != null) {
                    errors.add(error);
                  }
                }
              }
              return null;
            });
      }
      for (Future<Void> done : writers.invokeAll(calls)) {
        done.get();
      }
    } finally {
      writers.shutdownNow();
    }
    assertThat(errors).isNotEmpty();
    for (Throwable error : errors) {
      DatasetException exception = classified("commit to", error);
      assertThat(exception.kind()).isEqualTo(Kind.COMMIT_CONTENTION);
      assertThat(exception)
          .hasMessageContaining("Failed to commit the transaction after")
          .hasMessageEndingWith("Many writers commit at the same time; try again.");
    }
  }

  @ParameterizedTest
  @CsvSource({"403, 403 Forbidden", "401, 401 Unauthorized"})
  void aStoreThatRefusesIsDenied(int status, String text) throws IOException {
    HttpServer store =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    store.createContext(
        "/",
        exchange -> {
          byte[] body =
              "<?xml version=\"1.0\"?><Error><Code>Refused</Code></Error>"
                  .getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(status, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    store.start();
    try {
      DatasetRef remote =
          new DatasetRef(
              "s3://bucket/t.lance",
              Map.of(
                  "aws_endpoint",
                  "http://127.0.0.1:" + store.getAddress().getPort(),
                  "allow_http",
                  "true",
                  "aws_access_key_id",
                  "SECRET-ID",
                  "aws_secret_access_key",
                  "SECRET-KEY",
                  "aws_region",
                  "us-east-1"));
      assertThatThrownBy(() -> LanceTables.exists(remote))
          .hasMessageStartingWith("Cannot open s3://bucket/t.lance: ")
          .hasMessageContaining(text)
          .hasMessageEndingWith("Check the credentials and the rights on that address.")
          .hasMessageNotContaining("SECRET")
          .extracting("kind")
          .isEqualTo(Kind.PERMISSION_DENIED);
    } finally {
      store.stop(0);
    }
  }

  private enum Damage {
    CUT_OFF,
    MISSING
  }

  @ParameterizedTest
  @CsvSource({"CUT_OFF, Invalid range", "MISSING, not found"})
  void aDamagedDataFileIsCorrupt(Damage damage, String text) throws IOException {
    TableSnapshot table = LanceTables.latest(ref);
    Path file =
        folder.resolve("t.lance/data").resolve(table.fragments().get(0).files().get(0).path());
    byte[] bytes = Files.readAllBytes(file);
    Files.delete(file);
    if (damage == Damage.CUT_OFF) {
      Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
    }
    FragmentRange all = FragmentRange.all(table.fragments().get(0));
    assertThatThrownBy(
            () -> {
              try (FragmentBatchReader reader =
                  FragmentBatchReader.open(table, all, List.of("id"), 10)) {
                reader.next();
              }
            })
        .hasMessageStartingWith("Cannot read fragment 0 [0, 5) of version 2 of " + ref.uri())
        .hasMessageContaining(text)
        .hasMessageContaining("restore it, or use another version of the table")
        .extracting("kind")
        .isEqualTo(Kind.CORRUPT);
  }

  @ParameterizedTest
  @CsvSource({"'', Invalid range", "garbage garbage garbage, file size is too small"})
  void aDamagedManifestIsCorrupt(String content, String text) throws IOException {
    try (Stream<Path> manifests = Files.list(folder.resolve("t.lance/_versions"))) {
      for (Path manifest : manifests.filter(Files::isRegularFile).toList()) {
        Files.writeString(manifest, content);
      }
    }
    assertThatThrownBy(() -> LanceTables.latest(ref))
        .hasMessageStartingWith("Cannot open " + ref.uri() + ": ")
        .hasMessageContaining(text)
        .extracting("kind")
        .isEqualTo(Kind.CORRUPT);
    assertThatThrownBy(() -> LanceTables.exists(ref)).hasMessageContaining(text);
  }

  @Test
  void aManifestOfNoiseIsCorrupt() throws IOException {
    try (Stream<Path> manifests = Files.list(folder.resolve("t.lance/_versions"))) {
      for (Path manifest : manifests.filter(Files::isRegularFile).toList()) {
        Files.writeString(manifest, "noise ".repeat(100));
      }
    }
    assertThatThrownBy(() -> LanceTables.latest(ref))
        .hasMessageStartingWith("Cannot open " + ref.uri() + ": ")
        .extracting("kind")
        .isEqualTo(Kind.CORRUPT);
  }

  @Test
  void aStoreOfAnUnknownSchemeIsAnInvalidInput() {
    assertThatThrownBy(() -> LanceTables.latest(DatasetRef.of("foo://x/t.lance")))
        .hasMessageContaining("No object store provider found for scheme: 'foo'")
        .extracting("kind")
        .isEqualTo(Kind.INVALID_INPUT);
  }

  @Test
  void anErrorOfAnotherKindKeepsItsText() {
    IllegalStateException other = new IllegalStateException("the moon is full");
    DatasetException error = classified("read", other);
    assertThat(error.kind()).isEqualTo(Kind.OTHER);
    assertThat(error).hasMessage("Cannot read " + ref.uri() + ": the moon is full.");
    assertThat(LanceErrorClassifier.classify("write", ref, error)).isSameAs(error);
  }
}
