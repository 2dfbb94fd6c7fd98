package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.declare.FunctionRegistration;
import io.lancebackfill.declare.FunctionRegistration.Existing;
import io.lancebackfill.environment.WorkerEnvironment;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Python workers that are warm before a job, in local mode. */
class TestWarmUp {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Prints functions, a line each, as the package registers them. */
  private static final String AUTHOR =
      """
import base64, json, sys
import pyarrow as pa
from lance_backfill import udf
from lance_backfill.client.functions import Prepared
from lance_backfill.declare import travel
from lance_backfill.declare.udf import declaration_of

class Plus:
    def __init__(self, folder):
        self.folder = folder

    def setup(self):
        import os, tempfile, threading
        if self.folder == "stuck":
            threading.Event().wait()
        handle, _ = tempfile.mkstemp(prefix="%d-" % os.getpid(), dir=self.folder)
        os.close(handle)

    def __call__(self, id):
        return id + 1

class Calls:
    def call(self, procedure, arguments):
        print(json.dumps({**arguments, "body": base64.b64encode(arguments["body"]).decode()}))

for name, folder in zip(("plus", "broken", "stuck"), sys.argv[1:]):
    declare = udf(version="1", input_columns=["id"], data_type=pa.int64(), name=name)
    function = declare(type(name, (Plus,), {}))(folder)
    body, environment = travel.pickled(function, name)
    Prepared(declaration_of(function), ("id",), body, environment, None).register(Calls())
""";

  @RegisterExtension private static final BackfillSession session = new BackfillSession();
  @TempDir private static Path folder;
  private static Path setups;
  private static List<String> functions;

  @BeforeAll
  static void register() throws Exception {
    session.spark().conf().set(WorkerEnvironment.CACHE_SETTING, folder.resolve("cache").toString());
    setups = Files.createDirectory(folder.resolve("setups"));
    ProcessBuilder author =
        new ProcessBuilder(
                System.getProperty("test.python"),
                Files.writeString(folder.resolve("author.py"), AUTHOR).toString(),
                setups.toString(),
                folder.resolve("missing").toString(),
                "stuck")
            .redirectError(ProcessBuilder.Redirect.INHERIT);
    author
        .environment()
        .put("PYTHONPATH", Path.of("../udf-runtime/src/main/python").toAbsolutePath().toString());
    Process process = author.start();
    String told = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    functions = told.lines().map(TestWarmUp::registered).toList();
    assertThat(functions).hasSize(3).doesNotHaveDuplicates();
  }

  private static String registered(String line) {
    try {
      JsonNode told = JSON.readTree(line);
      String name = told.path("name").asText();
      new FunctionRegistration(session.spark(), DatasetRef.of(session.root().toString()))
          .register(
              name,
              "python",
              null,
              told.path("body").binaryValue(),
              JSON.convertValue(told.path("options"), new TypeReference<Map<String, String>>() {}),
              Existing.REPLACE);
      return name;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static List<Row> warmUp(String arguments, Object... values) {
    return session.sql("CALL lance.system.warm_up(" + arguments + ")", values).collectAsList();
  }

  private static List<String> setups() throws IOException {
    try (Stream<Path> files = Files.list(setups)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void aBackfillFindsTheFunctionLoadedOnEverySlot() throws IOException {
    String table = session.table("warmed", 400, 4, "2.1");
    session.call("add_column('%s', 'n', '%s(id)')", table, functions.get(0));
    Path module =
        Files.writeString(
            Files.createDirectories(folder.resolve("modules")).resolve("m.py"), "A = 1\n");
    session
        .spark()
        .sql(
            "CALL lance.system.define_manifest(spec => :spec)",
            Map.<String, Object>of("spec", "name: warm\npy_modules: ['%s']\n".formatted(module)))
        .collectAsList();
    List<Row> steps = warmUp("manifest => 'warm', table => '%s', column => 'n'", table);
    int slots = session.spark().sparkContext().defaultParallelism();
    String everywhere = "1 executor, %d slot%s".formatted(slots, slots == 1 ? "" : "s");
    assertThat(steps)
        .extracting(step -> step.<String>getAs("step"))
        .containsExactly("executors", "manifest", "python", "function");
    assertThat(steps)
        .allSatisfy(step -> assertThat(step.<String>getAs("detail")).isEqualTo(everywhere));
    assertThat(steps.get(0).<Double>getAs("seconds")).isZero();
    assertThat(steps.subList(1, 4))
        .allSatisfy(step -> assertThat(step.<Double>getAs("seconds")).isPositive());
    List<String> loaded = setups();
    assertThat(loaded).hasSize(slots);

    Row job = session.call("backfill(table => '%s', column => 'n', manifest => 'warm')", table);
    assertThat(job.<Long>getAs("rows_computed")).isEqualTo(400);
    assertThat(session.number("SELECT count(*) FROM %s WHERE n = id + 1", table)).isEqualTo(400);
    assertThat(setups()).isEqualTo(loaded);
    Map<String, Double> startup =
        session
            .sql(
                "CALL lance.system.job(table => '%s', job_id => '%s')",
                table, job.<String>getAs("job_id"))
            .collectAsList()
            .stream()
            .reduce((first, last) -> last)
            .orElseThrow()
            .getJavaMap(17);
    assertThat(startup)
        .containsOnlyKeys("driver", "first_task", "first_row", "manifest", "python", "function");
    assertThat(startup.get("first_row"))
        .isGreaterThanOrEqualTo(startup.get("first_task") + startup.get("function"))
        .isLessThanOrEqualTo(job.<Long>getAs("elapsed_ms") / 1e3 + 1);
    // Where the worker has the function, it is looked up.
    assertThat(startup.get("function")).isLessThan(0.1);
    warmUp("manifest => 'warm', table => '%s', column => 'n'", table);
    assertThat(setups()).isEqualTo(loaded);
  }

  @Test
  void withoutAColumnWorkersLoadNoFunction() {
    assertThat(warmUp("num_cpus => 1"))
        .extracting(step -> step.<String>getAs("step"))
        .containsExactly("executors", "python");
  }

  @Test
  void ofAnExpressionNothingIsLoaded() {
    String table = session.table("unwarmed", 20, 2, "2.1");
    session.call("add_column('%s', 'n', 'length(text)')", table);
    assertThat(warmUp("table => '%s', column => 'n'", table))
        .extracting(step -> step.<String>getAs("step"))
        .containsExactly("executors", "python");
  }

  @Test
  void aFunctionThatCannotBeLoadedIsTold() {
    String table = session.table("broken", 20, 2, "2.1");
    session.call("add_column('%s', 'n', '%s(id)')", table, functions.get(1));
    assertThatThrownBy(() -> warmUp("table => '%s', column => 'n'", table))
        .hasMessageStartingWith("[FUNCTION_NOT_LOADED] Function '" + functions.get(1) + "'")
        .hasMessageContaining("failed in setup(): FileNotFoundError");
  }

  @Test
  void stepsEndAtTheTimeout() {
    String table = session.table("stuck", 20, 2, "2.1");
    session.call("add_column('%s', 'n', '%s(id)')", table, functions.get(2));
    assertThatThrownBy(() -> warmUp("table => '%s', column => 'n', timeout => '5s'", table))
        .hasMessageStartingWith("[ADMISSION_TIMEOUT] Step function of warm_up, on 1 executor, ")
        .hasMessageContaining(" is not done in 5s. ");
    assertThatThrownBy(() -> warmUp("timeout => '0s'"))
        .hasMessageStartingWith("[INVALID_OPTION] Option 'admission_timeout' is 'PT0S'");
  }

  @Test
  void whatIsNotDefinedIsToldTogether() {
    assertThatThrownBy(() -> warmUp("cluster => 'gone', manifest => 'lost'"))
        .hasMessageContaining("[CLUSTER_NOT_FOUND] No cluster 'gone' is defined")
        .hasMessageContaining("[MANIFEST_NOT_FOUND] No manifest 'lost' is defined");
    assertThatThrownBy(() -> warmUp("column => 'n'"))
        .hasMessageStartingWith("[INVALID_ARGUMENT] warm_up has 'column' without 'table'.");
    assertThatThrownBy(() -> warmUp("executors => 0"))
        .hasMessageStartingWith("[INVALID_ARGUMENT] executors is 0.");
  }
}
