package io.lancebackfill.fingerprint;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.expression.ExpressionBinder;
import io.lancebackfill.expression.ExpressionException;
import io.lancebackfill.expression.UsedFunction;
import io.lancebackfill.fingerprint.FingerprintException.Reason;
import io.lancebackfill.fingerprint.PythonFingerprint.Outcome;
import io.lancebackfill.spark.PythonFunctions;
import io.lancebackfill.spark.PythonFunctions.Mode;
import io.lancebackfill.spark.SparkExtension;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.python.PythonBroadcast;
import org.apache.spark.api.python.SimplePythonFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.expressions.PythonUDF;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@ExtendWith(SparkExtension.class)
class TestPythonFingerprint {
  private static Map<String, byte[]> commands;
  private static Map<String, Outcome> outcomes;

  @TempDir Path folder;

  @BeforeAll
  static void pickle() throws Exception {
    commands = PythonFunctions.pickled("functions.py", Mode.SCRIPT, Map.of("PYTHONHASHSEED", "1"));
    outcomes = outcomes(commands);
  }

  @ParameterizedTest
  @CsvSource({
    "base, same",
    "base, formatted",
    "base, renamed",
    "one_lambda, one_def",
    "helped, helped_unused",
    "closure, closure_same",
    "spark_wrapper, plain",
    "object, object_doc",
    "kinds, kinds_same",
    "library, library_same",
    "generator, generator_same"
  })
  void theSameCodeIsEqual(String one, String other) {
    assertThat(hash(one)).matches("[0-9a-f]{32}").isEqualTo(hash(other));
  }

  @ParameterizedTest
  @CsvSource({
    "base, constant",
    "base, member",
    "base, default",
    "base, keyword_default",
    "base, operator",
    "base, called",
    "base, return_type",
    "helped, helped_code",
    "helped, helped_value",
    "closure, closure_number",
    "closure, closure_nested",
    "recursive, recursive_changed",
    "wrapped, wrapped_other",
    "partial, partial_value",
    "partial, partial_function",
    "object, object_state",
    "object, object_method",
    "object, object_attribute",
    "kinds, kinds_enum",
    "kinds, kinds_dataclass",
    "kinds, kinds_property",
    "library, library_pattern",
    "library, library_array",
    "generator, generator_changed"
  })
  void otherCodeDiffers(String one, String other) {
    assertThat(hash(one)).isNotEqualTo(hash(other));
  }

  @ParameterizedTest
  @CsvSource({"SCRIPT, 2", "SHELL, 3"})
  void isTheSameInEveryProcess(Mode mode, String seed) throws Exception {
    Map<String, byte[]> elsewhere =
        PythonFunctions.pickled("functions.py", mode, Map.of("PYTHONHASHSEED", seed));

    assertThat(elsewhere).isNotEmpty().hasSameSizeAs(commands);
    assertThat(hashes(outcomes(elsewhere))).isEqualTo(hashes(outcomes));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          needs_version_random | it holds values that differ each time they are unpickled
          needs_version_lock   | LOCKED' is a value of type _thread.lock, which cannot be pickled
          """)
  void valuesWithoutAStableFormNeedAVersion(String name, String why) {
    assertThat(outcomes.get(name).problem())
        .isNotNull()
        .hasMessageContaining("Function '%s' needs a version: ".formatted(name))
        .hasMessageContaining(why)
        .extracting(FingerprintException::reason)
        .isEqualTo(Reason.NEEDS_VERSION);
  }

  @Test
  void theMinorVersionOfPythonCounts() throws Exception {
    Map<String, byte[]> hashes =
        PythonFunctions.pickled("versions.py", Mode.SCRIPT, Map.of("PYTHONPATH", "target/classes"));

    assertThat(hashes.get("running")).isEqualTo(hashes.get("same"));
    assertThat(hashes.get("running")).isNotEqualTo(hashes.get("other"));
  }

  @ParameterizedTest
  @CsvSource({"module_attribute", "module_function", "module_inside"})
  void codeOfTheUsersOwnModulesCountsAsFarAsItIsUsed(String function) throws Exception {
    String module =
        "import json\nLIMIT = %d\ndef clean(x):\n  return x * %d\ndef unused():\n  %s\n";
    String hash = ofModule(function, module.formatted(1, 2, "return 1"));

    assertThat(ofModule(function, module.formatted(7, 2, "return 2"))).isEqualTo(hash);
    assertThat(ofModule(function, module.formatted(1, 3, "return 1"))).isNotEqualTo(hash);
  }

  @ParameterizedTest
  @CsvSource({"module_attribute, false", "module_function, false", "module_function, true"})
  void anEditedModuleIsAnotherFunctionThoughItsBytesAreTheSame(String function, boolean zipped)
      throws Exception {
    Path path = Files.createTempDirectory(folder, "edited");
    Path module = path.resolve(zipped ? "modules.zip" : "own_module.py");
    Map<String, String> environment =
        Map.of("PYTHONPATH", (zipped ? module : path).toString(), "PYTHONDONTWRITEBYTECODE", "1");
    List<String> hashes = new ArrayList<>();
    List<byte[]> pickled = new ArrayList<>();
    for (String code : List.of("x * 2", "x * 3", "x * 2")) {
      write(module, "def clean(x):\n  return %s\n".formatted(code));
      byte[] command =
          PythonFunctions.pickled("modules.py", Mode.SCRIPT, environment).get(function);
      pickled.add(command);
      PythonUDF udf =
          PythonFunctions.udf(function, command, PythonFunctions.PYTHON, environment, List.of());
      hashes.add(PythonFingerprint.of(List.of(udf)).get(0).orThrow());
    }

    assertThat(pickled.get(0)).isEqualTo(pickled.get(1));
    assertThat(hashes.get(1)).isNotEqualTo(hashes.get(0));
    assertThat(hashes.get(2)).isEqualTo(hashes.get(0));
  }

  private static void write(Path module, String code) throws Exception {
    if (!module.toString().endsWith(".zip")) {
      Files.writeString(module, code);
      return;
    }
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(module))) {
      zip.putNextEntry(new ZipEntry("own_module.py"));
      zip.write(code.getBytes(US_ASCII));
    }
  }

  @Test
  void largeFunctionsAreReadFromTheirBroadcast(SparkSession spark) throws Exception {
    Path file = Files.createTempFile(folder, "broadcast", "");
    Files.write(
        file,
        PythonFunctions.pickled("versions.py", Mode.SCRIPT, Map.of("PYTHONPATH", "target/classes"))
            .get("broadcast"));
    Broadcast<PythonBroadcast> broadcast =
        JavaSparkContext.fromSparkContext(spark.sparkContext())
            .broadcast(new PythonBroadcast(file.toString()));
    // What pickle makes of a broadcast variable: a call that looks its number up.
    byte[] command =
        "cpyspark.broadcast\n_from_id\n(I%d\ntR.".formatted(broadcast.id()).getBytes(US_ASCII);

    Outcome outcome =
        PythonFingerprint.of(
                List.of(
                    PythonFunctions.udf(
                        "large", command, PythonFunctions.PYTHON, Map.of(), List.of(broadcast))))
            .get(0);

    assertThat(outcome.problem()).isNull();
    assertThat(outcome.hash()).isEqualTo(hash("one_lambda"));
  }

  @Test
  void aFunctionThatCannotBeLoadedFailsAlone() {
    byte[] missing = "cno_such_module\nf\n.".getBytes(US_ASCII);

    List<Outcome> found =
        PythonFingerprint.of(
            List.of(
                PythonFunctions.udf("missing", missing),
                PythonFunctions.udf("base", commands.get("base"))));

    assertThat(found.get(0).problem())
        .hasMessageContaining("Function 'missing' cannot be looked at")
        .hasMessageContaining("No module named 'no_such_module'")
        .extracting(FingerprintException::reason)
        .isEqualTo(Reason.FAILED);
    assertThat(found.get(1).hash()).isEqualTo(hash("base"));
  }

  @Test
  void aPythonThatOnlyExecutorsHaveIsReplacedByTheDrivers() {
    PythonUDF udf =
        PythonFunctions.udf(
            "f", "cno_such_module\nf\n.".getBytes(US_ASCII), "./on/executors", Map.of(), List.of());

    // python3 of this machine answered, whatever it has installed.
    assertThat(PythonFingerprint.of(List.of(udf)).get(0).problem())
        .hasMessageContaining("Function 'f' cannot be looked at")
        .hasMessageContaining("No module named");
  }

  @Test
  void aFunctionOfAnotherPythonIsNotUnpickled() {
    PythonUDF udf = PythonFunctions.udf("f", commands.get("base"));
    PythonUDF other =
        udf.copy(
            "f",
            new SimplePythonFunction(
                commands.get("base"),
                Map.of(),
                List.of(),
                PythonFunctions.PYTHON,
                "2.7",
                List.of(),
                null),
            udf.dataType(),
            udf.children(),
            udf.evalType(),
            true,
            udf.resultId());

    assertThat(
            new PythonProcess(PythonFunctions.PYTHON)
                .fingerprints(List.of(other))
                .outcomes()
                .get(0)
                .problem())
        .hasMessageContaining(
            "it was made by Python 2.7, this is Python " + PythonFunctions.version());
  }

  @Test
  void aPythonThatDiesShowsItsLastWords() throws Exception {
    Path python = script("#!/bin/sh\necho 'ModuleNotFoundError: pyspark' >&2\nexit 3\n");

    assertThatThrownBy(() -> ask(python, Duration.ofSeconds(20)))
        .isInstanceOf(FingerprintException.class)
        .hasMessageContaining("ended with exit code 3")
        .hasMessageContaining("Its last words:\nModuleNotFoundError: pyspark");
  }

  @Test
  void aPythonThatHangsIsEnded() throws Exception {
    Path python = script("#!/bin/sh\nexec sleep 60\n");

    assertThatThrownBy(() -> ask(python, Duration.ofSeconds(1)))
        .isInstanceOf(FingerprintException.class)
        .hasMessageContaining("did not answer within 1 s");
  }

  @Test
  void sessionFunctionsAreFingerprintedWhenAnExpressionIsBound(SparkSession spark) {
    for (String name : List.of("base", "same", "needs_version_lock")) {
      PythonFunctions.register(spark, name, commands.get(name), PythonFunctions.PLAIN, Map.of());
    }
    ExpressionBinder binder =
        new ExpressionBinder(spark, StructType.fromDDL("text STRING"), List.of());

    assertThat(binder.bind("base(text) + same(text) + base('x')").functions())
        .extracting(UsedFunction::name)
        .containsExactly("base", "same");
    assertThat(binder.bind("base(text)").functions().get(0).fingerprint()).isEqualTo(hash("base"));
    assertThatThrownBy(() -> binder.bind("needs_version_lock(text)"))
        .isInstanceOf(ExpressionException.class)
        .hasMessageStartingWith("[FUNCTION_NEEDS_VERSION] ")
        .hasMessageContaining("_thread.lock")
        .hasMessageContaining("Give it one, options => map('version', '1'), and change it");
  }

  private static List<Outcome> ask(Path python, Duration timeout) {
    return new PythonProcess(python.toString(), timeout)
        .fingerprints(List.of(PythonFunctions.udf("f", commands.get("base"))))
        .outcomes();
  }

  private Path script(String text) throws Exception {
    Path file = Files.writeString(folder.resolve("python"), text);
    assertThat(file.toFile().setExecutable(true)).isTrue();
    return file;
  }

  private String ofModule(String function, String module) throws Exception {
    Path path = Files.createTempDirectory(folder, "modules");
    Files.writeString(path.resolve("own_module.py"), module);
    Map<String, String> environment = Map.of("PYTHONPATH", path.toString());
    byte[] command = PythonFunctions.pickled("modules.py", Mode.SCRIPT, environment).get(function);
    PythonUDF udf =
        PythonFunctions.udf(function, command, PythonFunctions.PYTHON, environment, List.of());
    Outcome outcome = PythonFingerprint.of(List.of(udf)).get(0);
    assertThat(outcome.problem()).isNull();
    return outcome.hash();
  }

  private static String hash(String name) {
    Outcome outcome = outcomes.get(name);
    assertThat(outcome.problem()).isNull();
    return outcome.hash();
  }

  private static Map<String, String> hashes(Map<String, Outcome> outcomes) {
    return outcomes.entrySet().stream()
        .filter(entry -> entry.getValue().hash() != null)
        .collect(toMap(Map.Entry::getKey, entry -> entry.getValue().hash()));
  }

  private static Map<String, Outcome> outcomes(Map<String, byte[]> commands) {
    Map<String, Outcome> outcomes = new LinkedHashMap<>();
    PythonFingerprint.of(
            commands.entrySet().stream()
                .map(entry -> PythonFunctions.udf(entry.getKey(), entry.getValue()))
                .toList())
        .forEach(outcome -> outcomes.put(outcome.name(), outcome));
    return outcomes;
  }
}
