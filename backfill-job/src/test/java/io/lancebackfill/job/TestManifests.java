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
import io.lancebackfill.manifest.pack.SourceTrees;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.spark.network.util.JavaUtils;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Manifests that a catalog keeps, and Python functions that need what is in them. */
class TestManifests {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Prints a function, which imports what its author has not, as the package registers it. */
  private static final String AUTHOR =
      """
import base64, json
from lance_backfill import udf
from lance_backfill.client.functions import Prepared
from lance_backfill.declare import travel
from lance_backfill.declare.udf import declaration_of

@udf(version="1")
def shifted(id: int) -> int:
    import shifting
    return shifting.shift(id)

class Calls:
    def call(self, procedure, arguments):
        print(json.dumps({**arguments, "body": base64.b64encode(arguments["body"]).decode()}))

body, environment = travel.pickled(shifted, "shifted")
Prepared(declaration_of(shifted), ("id",), body, environment, None).register(Calls())
""";

  private static final String MODULE =
      "import os\n\n\ndef shift(x):\n    return x + %d + int(os.environ['SHIFT_BY'])\n";

  @RegisterExtension private static final BackfillSession session = new BackfillSession();
  @TempDir private static Path folder;
  private static String function;

  @BeforeAll
  static void register() throws Exception {
    session.spark().conf().set(WorkerEnvironment.CACHE_SETTING, folder.resolve("cache").toString());
    ProcessBuilder author =
        new ProcessBuilder(
                System.getProperty("test.python"),
                Files.writeString(folder.resolve("author.py"), AUTHOR).toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT);
    author
        .environment()
        .put("PYTHONPATH", Path.of("../udf-runtime/src/main/python").toAbsolutePath().toString());
    Process process = author.start();
    JsonNode told =
        JSON.readTree(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    function = told.path("name").asText();
    new FunctionRegistration(session.spark(), DatasetRef.of(session.root().toString()))
        .register(
            function,
            "python",
            null,
            told.path("body").binaryValue(),
            JSON.convertValue(told.path("options"), new TypeReference<Map<String, String>>() {}),
            Existing.REPLACE);
  }

  private static Row define(String spec) {
    return session
        .spark()
        .sql(
            "CALL lance.system.define_manifest(spec => :spec)",
            Map.<String, Object>of("spec", spec))
        .collectAsList()
        .get(0);
  }

  /** With a module of the content in its own folder. */
  private static Row defineShifting(String name, int constant) throws IOException {
    Path modules = Files.createDirectories(folder.resolve(name));
    Path module = modules.resolve("shifting.py");
    Files.writeString(module, MODULE.formatted(constant));
    return define(
        "name: %s\npy_modules: ['%s']\nenv_vars: {SHIFT_BY: '100'}\n".formatted(name, module));
  }

  private static String tableWithFunction(String name) {
    String table = session.table(name, 40, 4, "2.1");
    session.call("add_column('%s', 'n', '%s(id)')", table, function);
    return table;
  }

  @Test
  void aFunctionImportsWhatTheManifestBrings() throws IOException {
    String table = tableWithFunction("brought");
    assertThatThrownBy(() -> session.call("backfill('%s', 'n')", table))
        .hasMessageContaining("No module named 'shifting'");
    Row defined = defineShifting("brought", 1);
    assertThat(defined.<Integer>getAs("parts")).isEqualTo(1);
    assertThat(defined.<Long>getAs("files")).isEqualTo(1);
    Row job = session.call("backfill(table => '%s', column => 'n', manifest => 'brought')", table);
    assertThat(job.<Long>getAs("rows_computed")).isEqualTo(40);
    assertThat(session.number("SELECT count(*) FROM %s WHERE n = id + 101", table)).isEqualTo(40);
    List<Row> record =
        session
            .sql("CALL lance.system.job('%s', '%s')", table, job.<String>getAs("job_id"))
            .collectAsList();
    assertThat(record)
        .isNotEmpty()
        .allSatisfy(
            row ->
                assertThat(row.<String>getAs("options"))
                    .contains("\"manifest\":\"brought\"")
                    .contains("\"manifest_hash\":\"" + defined.<String>getAs("hash") + "\""));

    Row changed = defineShifting("brought", 2);
    assertThat(changed.<String>getAs("hash")).isNotEqualTo(defined.<String>getAs("hash"));
    session.call(
        "backfill(table => '%s', column => 'n', manifest => 'brought', recompute => true)", table);
    assertThat(session.number("SELECT count(*) FROM %s WHERE n = id + 102", table)).isEqualTo(40);
  }

  @Test
  void whatAWorkerLacksIsToldByNameBeforeTheFirstRow() {
    String table = tableWithFunction("lacking");
    define(
        "name: lacking\npython: '3.99'\npip: [numpy==0.0.1, nowhere-to-be-found]\n"
            + "skip_site_packages: true\nsecret_env_vars: {NOT_SET_ANYWHERE: vault/token}\n");
    assertThatThrownBy(
            () ->
                session.call(
                    "backfill(table => '%s', column => 'n', manifest => 'lacking')", table))
        .hasMessageStartingWith("[ENVIRONMENT_MISMATCH] python: manifest 'lacking' wants 3.99, ")
        .hasMessageContaining("\n[ENVIRONMENT_MISMATCH] numpy: manifest 'lacking' wants 0.0.1, ")
        .hasMessageContaining(
            "\n[ENVIRONMENT_MISMATCH] nowhere-to-be-found: manifest 'lacking' wants any version, ")
        .hasMessageContaining(
            "\n[ENVIRONMENT_MISMATCH] NOT_SET_ANYWHERE: manifest 'lacking' has it from key token of"
                + " the Kubernetes secret vault")
        .hasMessageContaining(
            "spark.kubernetes.executor.secretKeyRef.NOT_SET_ANYWHERE=vault:token");
    assertThat(session.coverage(table, "n")).containsExactly(0L, 0L, 0L, 40L, 0L);
  }

  @Test
  void definitionsAreListedReplacedAndForgotten() throws IOException {
    Row defined = defineShifting("kept", 1);
    Row again = defineShifting("kept", 1);
    assertThat(again).isEqualTo(defined);
    List<Row> all =
        session.sql("CALL lance.system.manifests()").where("name = 'kept'").collectAsList();
    assertThat(all)
        .singleElement()
        .satisfies(
            row -> {
              assertThat(row.<String>getAs("hash")).isEqualTo(defined.<String>getAs("hash"));
              assertThat(row.<String>getAs("spec")).contains("\"SHIFT_BY\":\"100\"");
            });
    assertThat(session.call("drop_manifest('kept')").getString(0)).isEqualTo("kept");
    assertThat(session.sql("CALL lance.system.drop_manifest('kept', true)").collectAsList())
        .isEmpty();
    assertThatThrownBy(() -> session.call("drop_manifest('kept')"))
        .hasMessageStartingWith("[MANIFEST_NOT_FOUND] No manifest 'kept' is defined");
  }

  private static List<String> cleaned(String arguments) {
    return session
        .sql("CALL lance.system.clean_manifests(" + arguments + ")")
        .collectAsList()
        .stream()
        .map(row -> row.<String>getAs("part"))
        .toList();
  }

  private static List<String> stored() throws IOException {
    try (Stream<Path> parts = Files.list(session.root().resolve("_backfill/environments"))) {
      return parts.map(part -> part.getFileName().toString().replace(".lance", "")).toList();
    }
  }

  @Test
  void partsThatNoManifestHasAreDeletedWhenTheyHaveBeenSoForLong() throws IOException {
    String table = tableWithFunction("cleaned");
    cleaned("older_than => '0s'");
    List<String> before = stored();
    defineShifting("cleaned", 30);
    List<String> first = new ArrayList<>(stored());
    first.removeAll(before);
    defineShifting("cleaned", 31);
    defineShifting("alike", 31);
    List<String> second = new ArrayList<>(stored());
    second.removeAll(before);
    second.removeAll(first);
    assertThat(first).hasSize(1);
    assertThat(second).hasSize(1);
    assertThat(cleaned("")).isEmpty();
    assertThat(cleaned("older_than => '1h'")).isEmpty();
    assertThat(cleaned("older_than => '0s', dry_run => true")).isEqualTo(first);
    assertThat(stored()).containsAll(first);
    assertThat(cleaned("older_than => '0s'")).isEqualTo(first);
    assertThat(stored()).doesNotContainAnyElementsOf(first).containsAll(second);

    session.call("drop_manifest('alike')");
    assertThat(cleaned("older_than => '0s'")).isEmpty();
    session.call("backfill(table => '%s', column => 'n', manifest => 'cleaned')", table);
    assertThat(session.number("SELECT count(*) FROM %s WHERE n = id + 131", table)).isEqualTo(40);
    session.call("drop_manifest('cleaned')");
    assertThat(cleaned("older_than => '0s'")).isEqualTo(second);
    defineShifting("cleaned", 30);
    assertThat(stored()).containsAll(first);
  }

  @Test
  void aPartThatWasDeletedByHandIsStoredAgain() throws IOException {
    String table = tableWithFunction("mended");
    List<String> before = stored();
    defineShifting("mended", 7);
    String part =
        stored().stream().filter(name -> !before.contains(name)).findFirst().orElseThrow();
    SourceTrees.delete(session.root().resolve("_backfill/environments").resolve(part));
    defineShifting("mended", 7);
    assertThat(stored()).contains(part);
    session.call("backfill(table => '%s', column => 'n', manifest => 'mended')", table);
    assertThat(session.number("SELECT count(*) FROM %s WHERE n = id + 107", table)).isEqualTo(40);
  }

  @Test
  void zipsAreLeftWhereTheyAreAskedFor() throws IOException {
    Path module = Files.writeString(folder.resolve("zipped.py"), "ZIPPED = 1\n");
    Path zips = folder.resolve("zips");
    String call =
        "define_manifest(spec => '{\"name\": \"%s\", \"py_modules\": [\"%s\"], \"pip\":"
            + " [\"nowhere\"]}', skip_site_packages => true, local_zip_output_dir => '%s',"
            + " delete_local_zips => %s)";
    session.call(call, "zips", module, zips, "false");
    assertThat(zips).isDirectoryContaining("glob:**/other-*.zip");
    Files.writeString(module, "ZIPPED = 2\n");
    session.call(call, "zips", module, zips, "false");
    assertThat(zips.toFile().list()).hasSize(2);
    Files.writeString(module, "ZIPPED = 3\n");
    session.call(call, "zips", module, zips, "true");
    assertThat(zips.toFile().list()).hasSize(2);
  }

  @Test
  void aColumnCanNameItsManifest() throws IOException {
    defineShifting("declared", 5);
    String table = session.table("declared", 10, 1, "2.1");
    session.call(
        "add_column(table => '%s', column => 'n', expression => '%s(id)',"
            + " options => map('manifest', 'declared'))",
        table, function);
    session.call("backfill('%s', 'n')", table);
    assertThat(session.number("SELECT count(*) FROM %s WHERE n = id + 105", table)).isEqualTo(10);
    // As those do who tidy temporary folders.
    JavaUtils.deleteRecursively(folder.resolve("cache").toFile());
    session.sql("INSERT INTO %s (id, text) SELECT id, 'later' FROM range(10, 15)", table);
    session.call("backfill('%s', 'n')", table);
    assertThat(session.number("SELECT count(*) FROM %s WHERE n = id + 105", table)).isEqualTo(15);
  }

  @Test
  void faultsComeTogetherAndNothingIsKept() {
    assertThatThrownBy(() -> define("name: faulty\npip: [numpy=1]\nphyton: '3.11'\n"))
        .hasMessageContaining("[MANIFEST_INVALID] phyton: ")
        .hasMessageContaining("[MANIFEST_INVALID] pip[0]: ");
    assertThatThrownBy(() -> define("name: faulty\npaths: [/not/there, /nor/there]\n"))
        .hasMessageContaining("[MANIFEST_INVALID] paths[0]: ")
        .hasMessageContaining("[MANIFEST_INVALID] paths[1]: ");
    assertThat(
            session.sql("CALL lance.system.manifests()").where("name = 'faulty'").collectAsList())
        .isEmpty();
  }

  @Test
  void otherFunctionsRunWithWhatTheSessionHasAndTheJobSaysSo() throws IOException {
    defineShifting("unused", 1);
    String table = session.table("unused", 20, 2, "2.1");
    session.call("add_column('%s', 'n', 'length(text)')", table);
    JobNotices job = new JobNotices();
    job.run(session.spark(), table, "n", Map.of("manifest", "unused"));
    assertThat(job.notices)
        .containsOnlyOnce(
            "manifest unused: it holds for stored Python functions only; what computes column n"
                + " runs with what the session has");
    assertThat(session.number("SELECT count(*) FROM %s WHERE n = length(text)", table))
        .isEqualTo(20);
    assertThatThrownBy(
            () ->
                session.call(
                    "backfill(table => '%s', column => 'n', manifest => 'unusd', cluster =>"
                        + " 'gone')",
                    table))
        .hasMessageContaining("[CLUSTER_NOT_FOUND] ")
        .hasMessageContaining(
            "[MANIFEST_NOT_FOUND] No manifest 'unusd' is defined in this catalog.")
        .hasMessageContaining("Did you mean 'unused'?");
  }
}
