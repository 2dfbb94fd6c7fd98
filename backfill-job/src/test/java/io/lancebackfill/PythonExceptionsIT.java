package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.AbstractStringAssert;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How errors look in PySpark, on Spark Connect and in spark-sql, of functions in Python too. */
class PythonExceptionsIT {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String TABLE =
      "CREATE TABLE lance.default.t TBLPROPERTIES ('file_format_version'='2.1') AS SELECT id,"
          + " concat('Ab ', id) AS text FROM range(0, 4, 1, 1)";
  private static final String REPORT =
      """
      import json
      from pyspark.errors import PySparkException, SparkRuntimeException
      def report(name, body):
          try:
              body()
              print(json.dumps({"name": name, "runtime": False, "text": "no error"}))
          except Exception as e:
              told = isinstance(e, PySparkException)
              print(json.dumps({"name": name, "runtime": isinstance(e, SparkRuntimeException),
                                "code": e.getErrorClass() if told else None,
                                "state": e.getSqlState() if told else None, "text": str(e)}))
      """;
  private static final String FUNCTIONS =
      """
      import os, signal, sys, tempfile
      import numpy as np
      import pandas as pd
      from pyspark.sql import SparkSession
      from pyspark.sql.functions import pandas_udf
      spark = SparkSession.builder.getOrCreate()
      spark.sql("%s")

      class EmbedError(Exception):
          pass

      def value_error(text):
          raise ValueError("cannot embed www")
      def many_lines(text):
          raise EmbedError("first line\\nsecond line")
      def key_error(text):
          return {}["www"]
      def chained(text):
          try:
              return {}["www"]
          except KeyError as e:
              raise ValueError("cannot embed") from e
      def exits(text):
          sys.exit(3)
      def interrupted(text):
          raise KeyboardInterrupt
      def dies(text):
          os._exit(9)
      def is_killed(text):
          os.kill(os.getpid(), signal.SIGKILL)
      def float32(text):
          return np.float32(1.5)
      def ndarray(text):
          return np.array([1.0, 2.0])
      @pandas_udf("double")
      def short(text: pd.Series) -> pd.Series:
          return pd.Series([1.0])
      @pandas_udf("double")
      def wrong_type(text: pd.Series) -> pd.Series:
          return text
      @pandas_udf("double")
      def no_series(text: pd.Series) -> pd.Series:
          return 1.0
      @pandas_udf("double")
      def dies_in_pandas(text: pd.Series) -> pd.Series:
          os._exit(9)
      @pandas_udf("double")
      def raises_in_pandas(text: pd.Series) -> pd.Series:
          raise ValueError
      here = tempfile.mkdtemp()
      with open(os.path.join(here, "only_here.py"), "w") as f:
          f.write("def embed(text):\\n    return 1.0\\n")
      sys.path.insert(0, here)
      from only_here import embed
      plain = dict(value_error="double", many_lines="double", key_error="double",
                   chained="double", exits="double", interrupted="double",
                   dies="double", is_killed="double", float32="double", ndarray="array<double>",
                   embed="double")
      for name, returned in plain.items():
          spark.udf.register(name, globals()[name], returned)
      for name in ["short", "wrong_type", "no_series", "raises_in_pandas",
                   "dies_in_pandas"]:
          spark.udf.register(name, globals()[name])
      for name in [*plain, "short", "wrong_type", "no_series", "raises_in_pandas",
                   "dies_in_pandas"]:
          spark.sql("CALL lance.system.add_column(table => 'default.t', column => 'c_" + name
                    + "', expression => '" + name + "(text)', options => map('version', '1'))")
          report(name, lambda: spark.sql("CALL lance.system.backfill(table => 'default.t', column => 'c_"
                                         + name + "', job_id => 'of_" + name + "')"))
      fills_dies = "CALL lance.system.backfill('default.t', 'c_dies')"
      spark.conf.set("spark.sql.codegen.wholeStage", False)
      report("dies_without_codegen", lambda: spark.sql(fills_dies))
      sc = spark.sparkContext
      version, sc.pythonVer = sc.pythonVer, "2.7"
      spark.udf.register("dies", dies, "double")
      report("other_version", lambda: spark.sql(fills_dies))
      sc.pythonVer, sc.pythonExec = version, "/no/such/python"
      spark.udf.register("dies", dies, "double")
      report("no_python", lambda: spark.sql(fills_dies))
      report("no_table", lambda: spark.sql("CALL lance.system.jobs('default.nothing')"))
      for row in spark.sql("CALL lance.system.job('default.t', 'of_value_error')").collect():
          print(json.dumps({"name": row.event, "text": row.message}))
      """;

  @TempDir private Path folder;
  private SparkDistribution spark;

  @BeforeEach
  void install() {
    spark = new SparkDistribution(folder);
    spark.conf("spark.sql.extensions", "io.lancebackfill.sql.LanceBackfillExtensions");
    spark.conf("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog");
  }

  @Test
  void pySparkRaisesItsOwnExceptionWithWhatPythonSaidFirst() throws Exception {
    Map<String, JsonNode> told;
    try (SparkRun run = spark.python(REPORT + FUNCTIONS.formatted(TABLE))) {
      told = told(run.output());
    }
    String raised = "\n  raised at \\S+/program\\.py, line \\d+, in ";
    failed(told, "value_error", "ValueError: cannot embed www" + raised + "value_error\n.*");
    failed(told, "many_lines", ".*EmbedError: first line\nsecond line" + raised + "many_lines\n.*");
    failed(told, "key_error", "KeyError: 'www'" + raised + "key_error\n.*");
    failed(
        told,
        "chained",
        "ValueError: cannot embed\n  caused by KeyError: 'www'" + raised + "chained\n.*");
    failed(told, "exits", "SystemExit: 3" + raised + "exits\n.*");
    failed(told, "interrupted", "KeyboardInterrupt" + raised + "interrupted\n.*");
    for (String dies : List.of("dies", "is_killed", "dies_in_pandas", "dies_without_codegen")) {
      told(told, dies, "PROCESS_LOST", "58000")
          .contains("took 2 processes with them")
          .contains(
              "The Python worker that ran the function died: it was killed, often for lack of");
    }
    told(told, "no_python", "PYTHON_UNAVAILABLE", "58000")
        .contains("No Python worker can run the function: ")
        .contains("/no/such/python")
        .contains("It happened in fragment 0");
    told(told, "other_version", "PYTHON_UNAVAILABLE", "58000").contains("PYTHON_VERSION_MISMATCH");
    failed(told, "embed", "ModuleNotFoundError: No module named 'only_here'\n.*PYSPARK_PYTHON.*");
    for (String numpy : List.of("float32", "ndarray")) {
      failed(told, numpy, ".*float\\(x\\).*x\\.tolist\\(\\).*");
    }
    failed(told, "short", "(?!Traceback).*(length|rows|SCHEMA_MISMATCH).*");
    failed(told, "wrong_type", "(?!Traceback)[\\w.]+: .*");
    failed(told, "no_series", "(?!Traceback)[\\w.]+: .*");
    failed(told, "raises_in_pandas", "ValueError" + raised + "raises_in_pandas\n.*");
    JsonNode missing = told.get("no_table");
    assertThat(missing.get("runtime").asBoolean()).isTrue();
    assertThat(missing.get("code").asText()).isEqualTo("TABLE_NOT_FOUND");
    assertThat(missing.get("text").asText()).startsWith("[TABLE_NOT_FOUND] ");
    assertThat(told.get("TRACE").get("text").asText())
        .contains("Traceback (most recent call last)")
        .contains("ValueError: cannot embed www");
    assertThat(told.get("ENDED").get("text").asText())
        .startsWith("[FUNCTION_FAILED] ValueError: cannot embed www\n");
  }

  @Test
  void sparkSqlPrintsNoStackTrace() throws Exception {
    try (SparkRun run =
        spark.sql(
            TABLE + ";",
            "CALL lance.system.add_column('default.t', 'n', 'IF(id = 2, raise_error(text), id)');",
            "CALL lance.system.backfill('default.t', 'n');")) {
      assertThat(run.exitStatus()).isNotZero();
      assertThat(run.stderr())
          .contains("\n[FUNCTION_FAILED] java.lang.RuntimeException: Ab 2\n")
          .doesNotContain("\tat ")
          .doesNotContain("io.lancebackfill.error");
    }
  }

  @Test
  void sparkConnectRaisesThatExceptionToo() throws Exception {
    String program =
        """
        spark.sql("%s").collect()
        spark.sql("CALL lance.system.add_column('default.t', 'n', "
                  "'IF(id = 2, raise_error(text), id)')").collect()
        report("backfill", lambda: spark.sql("CALL lance.system.backfill('default.t', 'n')").collect())
        report("jobs", lambda: spark.sql("CALL lance.system.jobs('default.nothing')").collect())
        """
            .formatted(TABLE);
    try (ConnectServer server = new ConnectServer(spark);
        SparkRun client = server.client(folder.resolve("client"), Map.of(), REPORT + program)) {
      Map<String, JsonNode> told = told(client.output());
      assertThat(told.get("backfill").get("runtime").asBoolean()).isTrue();
      assertThat(told.get("backfill").get("text").asText())
          .startsWith("[FUNCTION_FAILED] java.lang.RuntimeException: Ab 2\n")
          .doesNotContain("\tat ");
      assertThat(told.get("jobs").get("runtime").asBoolean()).isTrue();
      assertThat(told.get("jobs").get("text").asText()).startsWith("[TABLE_NOT_FOUND] ");
    }
  }

  private static void failed(Map<String, JsonNode> told, String function, String message) {
    told(told, function, "FUNCTION_FAILED", "39000")
        .matches("(?s)\\[FUNCTION_FAILED] " + message)
        .contains("It happened in fragment 0");
  }

  private static AbstractStringAssert<?> told(
      Map<String, JsonNode> told, String function, String code, String state) {
    JsonNode failure = told.get(function);
    assertThat(failure).as(function + " of " + told.keySet()).isNotNull();
    String text = failure.get("text").asText();
    assertThat(failure.get("runtime").asBoolean()).as(text).isTrue();
    assertThat(failure.get("code").asText()).as(text).isEqualTo(code);
    assertThat(failure.get("state").asText()).isEqualTo(state);
    return assertThat(text)
        .startsWith("[" + code + "] ")
        .doesNotContain("\tat ")
        .doesNotContain("JVM stacktrace");
  }

  private static Map<String, JsonNode> told(String output) throws IOException {
    Map<String, JsonNode> told = new HashMap<>();
    for (String line : output.lines().filter(line -> line.startsWith("{")).toList()) {
      JsonNode one = JSON.readTree(line);
      told.put(one.get("name").asText(), one);
    }
    return told;
  }
}
