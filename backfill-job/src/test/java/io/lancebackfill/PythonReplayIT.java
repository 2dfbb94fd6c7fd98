package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Failed rows of Python functions, once more in the author's own program. */
class PythonReplayIT {
  /** Lines that begin with {@code >} are what it found. */
  private static final String PROGRAM =
      """
      import traceback
      import pyarrow as pa, pyarrow.compute as pc
      import lance_backfill
      from lance_backfill import BackfillError, connect, udf
      db = connect(catalog="lance", spark=spark)
      spark.sql("CREATE TABLE lance.default.t TBLPROPERTIES ('file_format_version'='2.1') AS SELECT "
                "if(id = 3, null, id) AS v, concat('ä ', id) AS text, array(id, null) AS ids, "
                "timestamp_seconds(id) AS at FROM range(0, 12, 1, 2)").collect()
      t = db.open_table("t")

      def shown(name, call):
          try:
              print(">", name, call())
          except Exception as e:
              frame = traceback.extract_tb(e.__traceback__)[-1]
              print(">", name, type(e).__name__, str(e).split(". ")[0], "in", frame.name,
                    "of", type(e.__cause__).__name__)
      def looked_up(v):
          try:
              return {}[v]
          except KeyError as e:
              raise ValueError("kein Ü für %d €" % v) from e
      @udf(version="1")
      def raises(v: int, text: str, ids: list, at) -> float:
          assert text.startswith("ä") and ids[1] is None and at.year == 1970
          if v == 5:
              raise TimeoutError("no answer")
          if v in (7, 8):
              return looked_up(v)
          if v == 9:
              return "nine"
          return v * 1.0
      t.add_columns({"raised": raises})
      job = t.backfill("raised", on_error="null")
      errors = {error["row_address"] % 2**32 + error["fragment_id"] * 6: error
                for error in t.get_errors(job.job_id).to_pylist()}
      for id in sorted(errors):
          shown(id, lambda: t.replay(errors[id]))
      shown("well", lambda: t.replay({"column": "raised", "row_address": 2}))
      shown("table", lambda: lance_backfill.replay(t, pa.Table.from_pylist([errors[8]])))

      def fixed(name, fix, error=errors[7]):
          shown(name, lambda: [(row["row_address"], row["result"], row["value"], row["error"])
                               for row in t.replay(error, fix=fix).to_pylist()])
      fixed("plain", lambda v: v / 2)
      fixed("part", lambda v: looked_up(v) if v == 8 else v)
      @udf(data_type=pa.int64())
      class Batched:
          def setup(self):
              self.factor = 3
          def __call__(self, v: pa.Array) -> pa.Array:
              return pc.multiply(v, self.factor)
      fixed("class", Batched)
      fixed("object", Batched(), errors[3])
      fixed("columns", udf(data_type=pa.utf8(), input_columns=["text"])(lambda batch: batch))
      t.alter_columns({"path": "raised", "udf": Batched()})
      shown("altered", lambda: t.replay(errors[5]))

      @udf(data_type=pa.int64())
      def together(v: pa.Array) -> pa.Array:
          if len(v) > 1 and 10 in v.to_pylist():
              raise RuntimeError("together with %s" % v.to_pylist())
          return v
      @udf(data_type=pa.int64())
      def short(v: pa.Array) -> pa.Array:
          return v.slice(1)
      @udf(data_type=pa.int64())
      class Broken:
          def setup(self):
              raise OSError("no weights")
          def __call__(self, v: pa.Array) -> pa.Array:
              return v
      t.add_columns({"together": together}, batch_size=4)
      t.add_columns({"short": short, "broken": Broken()})
      at = lambda column, row_address: {"column": column, "row_address": row_address}
      shown("neighbours", lambda: t.replay(at("together", 2**32 + 4)))
      shown("alone", lambda: t.replay(at("together", 1)))
      shown("short", lambda: t.replay(at("short", 1)))
      shown("broken", lambda: t.replay(at("broken", 1)))
      shown("gone", lambda: t.replay(at("short", 2**35)))
      shown("unknown", lambda: t.replay({"column": "short"}))
      """;

  @TempDir private Path folder;
  private SparkDistribution spark;

  @BeforeEach
  void install() {
    spark = new SparkDistribution(folder);
    spark.conf("spark.sql.extensions", "io.lancebackfill.sql.LanceBackfillExtensions");
    spark.conf("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog");
    spark.conf("spark.submit.pyFiles", spark.bundle().toString());
  }

  @Test
  void inTheAuthorsProgram() throws Exception {
    String begin =
        "from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n";
    try (SparkRun run = spark.python(begin + PROGRAM)) {
      check(run.output());
    }
    String other =
        """
        from lance_backfill import BackfillError, connect
        t = connect(catalog="lance", spark=spark).open_table("t")
        error = next(e for e in t.get_errors().to_pylist() if "TimeoutError" in e["message"])
        for trust in ("false", "true"):
            spark.conf.set("spark.lancebackfill.functions.trust", trust)
            try:
                t.replay(error)
            except BackfillError as e:
                print(">", e.code, e.problem)
            except TimeoutError as e:
                print(">", e)
        """;
    try (SparkRun run = spark.python(begin + other)) {
      assertThat(found(run.output()))
          .satisfiesExactly(
              refused ->
                  assertThat(refused)
                      .startsWith("FUNCTION_NOT_TRUSTED The code that is asked for")
                      .contains("'raises_"),
              raised -> assertThat(raised).isEqualTo("no answer"));
    }
  }

  /** What the function needs is nowhere but in the manifest that its column names. */
  @Test
  void underAManifest() throws Exception {
    spark.conf("spark.lancebackfill.environments.cache", folder.resolve("cache").toString());
    String program =
        """
        import json, os, sys
        from pyspark.sql import SparkSession
        from lance_backfill import connect, udf
        spark = SparkSession.builder.getOrCreate()
        db = connect(catalog="lance", spark=spark)
        with open(os.path.join(sys.argv[1], "words.py"), "w") as file:
            file.write("import os\\ndef length(v):\\n    if v == 2:\\n"
                       "        raise LookupError(os.environ['WHY'])\\n    return v * 2\\n")
        def define(why):
            spec = {"name": "words", "py_modules": [file.name], "env_vars": {"WHY": why}}
            spark.sql("CALL lance.system.define_manifest(spec => :s)", {"s": json.dumps(spec)}).collect()
        define("no words")
        spark.sql("CREATE TABLE lance.default.m TBLPROPERTIES ('file_format_version'='2.1') AS"
                  " SELECT id AS v FROM range(4)").collect()
        t = db.open_table("m")
        @udf(version="1")
        def needs(v: int) -> int:
            import words
            return words.length(v)
        t.add_columns({"needs": needs}, manifest="words")
        job = t.backfill("needs", on_error="null")
        print(">", job.status, job.rows_computed)
        def replayed():
            try:
                t.replay(t.get_errors().to_pylist()[0])
            except LookupError as e:
                print("> LookupError", e, "WHY" in os.environ, sys.argv[1] in str(sys.path))
        replayed()
        define("other words")
        replayed()
        spark.sql("CALL lance.system.drop_manifest('words')").collect()
        try:
            replayed()
        except Exception as e:
            print(">", e.code)
        """;
    Path files = Files.createDirectories(folder.resolve("files"));
    try (SparkRun run = spark.python(program, files.toString())) {
      assertThat(found(run.output()))
          .as(run.stderr())
          .containsExactly(
              "DONE_WITH_ERRORS 4",
              "LookupError no words False False",
              "LookupError other words False False",
              "MANIFEST_NOT_FOUND");
    }
  }

  @Test
  void onSparkConnect() throws Exception {
    Map<String, String> ours = Map.of("PYTHONPATH", spark.bundle().toString());
    try (ConnectServer server = new ConnectServer(spark);
        SparkRun client = server.client(folder.resolve("client"), ours, PROGRAM)) {
      check(client.output());
    }
  }

  private static List<String> found(String output) {
    return output.lines().filter(line -> line.startsWith("> ")).map(l -> l.substring(2)).toList();
  }

  private static void check(String output) {
    assertThat(found(output))
        .as(output)
        .containsExactly(
            "3 TypeError unsupported operand type(s) for *: 'NoneType' and 'float' in raises of NoneType",
            "5 TimeoutError no answer in raises of NoneType",
            "7 ValueError kein Ü für 7 € in looked_up of KeyError",
            "8 ValueError kein Ü für 8 € in looked_up of KeyError",
            "9 BackfillError [INVALID_OUTPUT] Function 'raises_6b86b273' returned a str, which does not fit"
                + " its output type, double: Could not convert 'nine' with type str: tried to convert to"
                + " double in value of NoneType",
            "well 2.0",
            "table ValueError kein Ü für 8 € in looked_up of KeyError",
            "plain [(4294967297, 'ok', 3.5, None), (4294967298, 'ok', 4.0, None)]",
            "part [(4294967297, 'ok', 7.0, None), (4294967298, 'failed', None, 'ValueError: kein Ü für 8"
                + " €')]",
            "class [(4294967297, 'ok', 21, None), (4294967298, 'ok', 24, None)]",
            "object [(3, 'ok', None, None)]",
            "columns [(4294967297, 'ok', 'ä 7', None), (4294967298, 'ok', 'ä 8', None)]",
            "altered TimeoutError no answer in raises of NoneType",
            "neighbours RuntimeError together with [10, 11] in together of NoneType",
            "alone 1",
            "short BackfillError [WRONG_LENGTH] Function 'short_685a4139' returned 0 values for a batch of"
                + " 1 rows in value of NoneType",
            "broken OSError no weights in setup of NoneType",
            "gone BackfillError [ROW_NOT_FOUND] Table default.t has no row at fragment 8, offset 0, any"
                + " more: it was deleted, or moved by an update or a compaction since it failed in"
                + " _once_more of NoneType",
            "unknown BackfillError [INVALID_ARGUMENT] replay takes one row of get_errors, and got"
                + " {'column': 'short'} in _told of NoneType");
    assertThat(output)
        .contains(
            "Row 4294967300 of default.t (fragment 1, offset 4), column together, alone: v = 10\n"
                + "It does not fail. With 2 rows of offsets 4 to 5: its batch by batch_size 4, if the job"
                + " had no other and computed all rows of the fragment.\n")
        .contains("It does not fail here.\n");
  }
}
