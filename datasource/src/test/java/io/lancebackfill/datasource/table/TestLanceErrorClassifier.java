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
import java.nio.channels.ClosedByInterruptException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
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
import org.junit.jupiter.params.provider.ValueSource;
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
    HttpServer store = store(status);
    try {
      assertThatThrownBy(() -> DatasetOpener.latest(remote(store)))
          .hasMessageStartingWith("Cannot open s3://bucket/magic_cards.lance: ")
          .hasMessageContaining(text)
          .hasMessageEndingWith("Check the credentials and the rights on that address.")
          .hasMessageNotContaining("SECRET")
          .extracting("kind")
          .isEqualTo(Kind.PERMISSION_DENIED);
    } finally {
      store.stop(0);
    }
  }

  @ParameterizedTest
  @CsvSource({"503, 503 Service", "500, 500 Internal", "429, 429 Too Many", "0, error sending"})
  void aStoreThatFailsIsUnavailable(int status, String text) throws IOException {
    HttpServer store = store(status);
    try {
      assertThatThrownBy(() -> DatasetOpener.latest(remote(store)))
          .hasMessageStartingWith("Cannot open s3://bucket/magic_cards.lance: ")
          .hasMessageContaining(text)
          .hasMessageEndingWith(
              "The store failed for the moment; try again when it answers and has room.")
          .hasMessageNotContaining("SECRET")
          .extracting("kind")
          .isEqualTo(Kind.UNAVAILABLE);
    } finally {
      store.stop(0);
    }
  }

  /** Answers everything with that status; 0 stands for no answer at all. */
  private static HttpServer store(int status) throws IOException {
    HttpServer store =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    store.createContext(
        "/",
        exchange -> {
          if (status > 0) {
            byte[] body =
                "<?xml version=\"1.0\"?><Error><Code>Refused</Code></Error>"
                    .getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, body.length);
            exchange.getResponseBody().write(body);
          }
          exchange.close();
        });
    store.start();
    return store;
  }

  private static DatasetRef remote(HttpServer store) {
    return new DatasetRef(
        "s3://bucket/magic_cards.lance",
        Map.of(
            "aws_endpoint",
            "http://127.0.0.1:" + store.getAddress().getPort(),
            "allow_http",
            "true",
            "client_max_retries",
            "0",
            "aws_access_key_id",
            "SECRET-ID",
            "aws_secret_access_key",
            "SECRET-KEY",
            "aws_region",
            "us-east-1"));
  }

  /** Texts as the operating system gives them, by Rust or by Java. */
  @ParameterizedTest
  @CsvSource({
    "No space left on device (os error 28), UNAVAILABLE",
    "Disk quota exceeded (os error 122), UNAVAILABLE",
    "Too many open files (os error 24), UNAVAILABLE",
    "Too many open files, UNAVAILABLE",
    "Input/output error (os error 5), UNAVAILABLE",
    "Stale file handle (os error 116), UNAVAILABLE",
    "operation timed out, UNAVAILABLE",
    "connection reset by peer, UNAVAILABLE",
    "Permission denied (os error 13), PERMISSION_DENIED",
    "Operation not permitted (os error 1), PERMISSION_DENIED",
    "Read-only file system (os error 30), PERMISSION_DENIED",
    "No such file or directory (os error 2), OTHER"
  })
  void theOperatingSystemsErrorsAreNoDamage(String text, Kind kind) {
    for (String at : List.of("", "/magic/Corrupt/(os error 28)/", "C:\\magic\\")) {
      IOException error =
          new IOException("LanceError(IO): Unable to open file " + at + "t.lance/x: " + text);
      assertThat(classified("read", error).kind()).as(error.getMessage()).isEqualTo(kind);
    }
  }

  @Test
  void fileErrorsOfJavaAreTold() {
    assertThat(classified("list", new AccessDeniedException("/data/t.lance")).kind())
        .isEqualTo(Kind.PERMISSION_DENIED);
    assertThat(
            classified("list", new FileSystemException("/data/x", null, "Too many open files"))
                .kind())
        .isEqualTo(Kind.UNAVAILABLE);
    assertThat(classified("list", new ClosedByInterruptException()).kind())
        .isEqualTo(Kind.INTERRUPTED);
    assertThat(
            classified("list", new IllegalStateException("lost", new InterruptedException()))
                .kind())
        .isEqualTo(Kind.INTERRUPTED);
  }

  /** Words that stand for damage, an outage or a refusal, in names of the user's. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "magic_cards",
        "my Corrupt magic number does not match",
        "403 Forbidden",
        "was timed out",
        "Incompatible transaction"
      })
  void namesOfTheUsersDecideNothing(String name) {
    DatasetRef odd = DatasetRef.of(folder.resolve(name).resolve("t.lance").toString());
    for (String text :
        List.of(
            "the moon is full at " + odd.uri() + "/data",
            "the moon is full at " + odd.uri().substring(1) + "/data, /workspace/rust/a.rs:1:2",
            "the moon is full at http://host/" + name.replace(" ", "%20"))) {
      assertThat(LanceErrorClassifier.classify("read", odd, new IOException(text)).kind())
          .as(text)
          .isEqualTo(Kind.OTHER);
    }
    assertThat(
            classified("read", new IllegalArgumentException("Invalid user input: no " + name))
                .kind())
        .isEqualTo(Kind.INVALID_INPUT);
  }

  @Test
  void anUnknownColumnIsNoDamage() {
    assertThatThrownBy(() -> LanceTables.countRows(ref, 2, 0, "magic = 1"))
        .hasMessageContaining("No field named magic")
        .extracting("kind")
        .isEqualTo(Kind.INVALID_INPUT);
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
