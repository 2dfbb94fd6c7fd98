package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Functions of the package lance_backfill, from the author's program to the column and back. */
class PythonFunctionsIT {
  private static final String TABLE =
      "CREATE TABLE lance.default.%s TBLPROPERTIES ('file_format_version'='2.1') AS SELECT id + 1"
          + " AS v, concat('Ab ', id) AS text FROM range(0, %d, 1, %d)";

  /** What both kinds of session run; lines of {@code name: words} are what it found. */
  private static final String PROGRAM =
      """
      import hashlib, os, signal, time, typing
      import pyarrow as pa, pyarrow.compute as pc
      from lance_backfill import BackfillError, connect, udf
      db = connect(catalog="lance", spark=spark)

      def table(name, rows, fragments):
          spark.sql("%s" %% (name, rows, fragments)).collect()
          return db.open_table("default." + name)
      def wrong(table, column, right):
          t = spark.table("lance." + table.name)
          return t.where("%%s is distinct from %%s" %% (column, right)).count()
      def refused(name, call):
          try:
              call()
              print(name + ": not refused")
          except BackfillError as e:
              print("%%s: %%s %%s" %% (name, e.code, e.problem.replace("\\n", " ")))

      def check(v):
          if v %% 7 == 0:
              raise ValueError("cannot embed %%d" %% v)
          if v %% 10 == 9:
              raise TimeoutError("no answer for %%d" %% v)
      @udf(version="1")
      def scalar(v: int) -> float:
          check(v)
          return v * 1.5
      @udf(version="1", data_type=pa.float64())
      def batched(v: pa.Array) -> pa.Array:
          for one in v.to_pylist():
              check(one)
          return pc.multiply(v.cast(pa.float64()), 1.5)
      @udf(version="1", data_type=pa.float64(), input_columns=["v"])
      def whole(batch: pa.RecordBatch) -> pa.Array:
          for one in batch.column("v").to_pylist():
              check(one)
          return pc.multiply(batch.column("v").cast(pa.float64()), 1.5)

      t = table("t", 40, 4)
      jobs = {}
      for function in (scalar, batched, whole):
          for size in (1, 8, 40):
              name = "%%s_%%d" %% (function.__name__, size)
              t.add_columns({name: function}, batch_size=size)
              job = jobs[name] = t.backfill(name, on_error="null")
              errors = t.get_errors(job.job_id)
              rows = [(a >> 32) * 10 + (a & 0xffffffff) + 1 for a in errors["row_address"].to_pylist()]
              right = "if(v %% 7 = 0 or v %% 10 = 9, null, v * 1.5)"
              hashes = [hashlib.sha256(b"i%%d:%%d" %% (len(str(v)), v)).hexdigest()[:32] for v in rows]
              print(name + ":", job.status, job.rows_failed, sorted(rows), wrong(t, name, right),
                    errors["input_hash"].to_pylist() == hashes)
      @udf(version="2")
      def mended(v: int) -> float:
          return v * 1.5
      @udf(version="1")
      def scalar(v: int) -> float:
          return v * 1.5
      t.alter_columns({"path": "scalar_8", "udf": scalar})
      again = t.retry_errors(jobs["scalar_8"].job_id)
      print("retried:", again.status, again.rows_computed, wrong(t, "scalar_8", "v * 1.5"))
      t.alter_columns({"path": "batched_8", "udf": mended})
      again = t.retry_errors(jobs["batched_8"].job_id)
      left = t.backfill("batched_8")
      print("altered:", again.rows_computed, left.rows_computed, wrong(t, "batched_8", "v * 1.5"))
      t.add_columns({"fails": whole})
      refused("failed", lambda: t.backfill("fails"))
      print("preview:", t.preview(batched, limit=8)["error"].null_count)
      print("preview_of_a_column:", t.preview("scalar_8", limit=8)["error"].null_count)

      class Scores(typing.NamedTuple):
          half: float
          twice: int
      @udf
      def both(v: int) -> Scores:
          return Scores(v / 2, v * 2)
      t.add_columns({"s_*": both})
      print("group:", t.backfill("s_half").rows_computed, wrong(t, "s_half", "v / 2"),
            wrong(t, "s_twice", "v * 2"))

      @udf
      def dies(v: int) -> int:
          if v == 6:
              os.abort()
          if v == 33:
              os.kill(os.getpid(), signal.SIGKILL)
          return v * 2
      t.add_columns({"dies": dies})
      job = t.backfill("dies", on_error="null", batch_size=8)
      print("dies:", job.status, wrong(t, "dies", "if(v in (6, 33), null, v * 2)"),
            t.get_errors(job.job_id)["code"].to_pylist())
      @udf(version="1")
      class Unloadable:
          def setup(self):
              os.abort()
          def __call__(self, v: int) -> int:
              return v
      t.add_columns({"unloadable": Unloadable()})
      refused("unloadable", lambda: t.backfill("unloadable", on_error="null"))
      print("blamed:", t.get_errors(column="unloadable").num_rows)
      @udf(data_type=pa.int64())
      def short(v: pa.Array) -> pa.Array:
          return v.slice(1)
      t.add_columns({"short": short})
      refused("short", lambda: t.backfill("short"))
      spark.udf.register("judged", lambda v: v > 0, "boolean")
      refused("judged", lambda: t.add_columns({"j": "v + 1"}, require="judged(j)"))
      refused("two", lambda: t.add_columns({"a": (scalar, ["text"]), "b": (scalar, ["gone"])}))

      spark.sql("CREATE TABLE lance.default.words TBLPROPERTIES ('file_format_version'='2.1') AS SELECT "
                "id, repeat('x', if(id %% 10 = 7, 500, 5)) AS word FROM range(0, 2000, 1, 2)").collect()
      words = db.open_table("words")
      for name, options in {
          "as_given": {"batch_size": 20}, "by_length": {"batch_size": 20, "batch_order": "auto"}, "adaptive": {}
      }.items():
          class Longest:
              def __call__(self, word: pa.Array) -> pa.Array:
                  return pa.array([pc.max(pc.utf8_length(word)).as_py()] * len(word), pa.int64())
          words.add_columns({name: udf(data_type=pa.int64(), **options)(Longest)()})
          words.backfill(name)
      sums = spark.table("lance.default.words").selectExpr(
          "sum(as_given)", "sum(by_length)", "sum(adaptive)").first()
      print("by_length:", sums[0], sums[1] < 600000, sums[2] < 900000)

      loads = os.path.join(%s, "loads")
      @udf(data_type=pa.int64())
      class Model:
          def setup(self):
              time.sleep(1)
              with open(loads, "a") as f:
                  f.write(".")
          def __call__(self, v: pa.Array) -> pa.Array:
              return pc.add(v, 1)
      many = table("many", 4000, 40)
      many.add_columns({"next": Model()})
      print("model:", many.backfill("next", commit_granularity=4).rows_computed,
            wrong(many, "next", "v + 1"), len(open(loads).read()) <= 2)

      @udf
      class Meets:
          def setup(self):
              import threading
              self.barrier = threading.Barrier(8, timeout=60)
          def __call__(self, v: int) -> int:
              self.barrier.wait()  # for seven other threads of the worker
              return v
      few = table("few", 80, 1)
      few.add_columns({"meets": Meets()})
      print("threads:", few.backfill("meets", intra_applier_concurrency=8).rows_computed,
            wrong(few, "meets", "v"))
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

  private String program() throws IOException {
    Path loads = Files.createDirectories(folder.resolve("loads"));
    return PROGRAM
        .formatted(TABLE.replace("%d", "%%d").replace("%s", "%%s"), "'" + loads + "'")
        .replace("%%", "%");
  }

  @Test
  void inTheAuthorsProgramAndInSparkSqlWithNothingOfTheAuthorsLeft() throws Exception {
    try (SparkRun run =
        spark.python(
            "from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n"
                + program()
                + "t.add_columns({'later': mended})\n")) {
      check(told(run.output()));
    }
    String fill = "CALL lance.system.backfill(table => 'default.t', column => 'later');";
    try (SparkRun run = spark.sql(fill)) {
      assertThat(run.exitStatus()).isNotZero();
      assertThat(run.stderr())
          .contains(
              "[FUNCTION_NOT_TRUSTED] Column 'later' is computed by the stored Python function")
          .contains("spark.lancebackfill.functions.trust");
    }
    try (SparkRun run =
        spark.sql(
            "SET spark.lancebackfill.functions.trust=true;",
            fill,
            "SELECT 'wrong', count(*) FROM lance.default.t WHERE later IS DISTINCT FROM v * 1.5;")) {
      assertThat(run.output()).contains("\tDONE\t").contains("wrong\t0\n");
    }
  }

  @Test
  void onSparkConnect() throws Exception {
    Map<String, String> ours = Map.of("PYTHONPATH", spark.bundle().toString());
    try (ConnectServer server = new ConnectServer(spark);
        SparkRun client = server.client(folder.resolve("client"), ours, program())) {
      check(told(client.output()));
    }
  }

  @Test
  void aPlainPythonProgramStartsItsOwnSession() throws Exception {
    String program =
        """
        from lance_backfill import BackfillError, connect, udf
        @udf
        def length(text: str) -> int:
            return len(text)
        db = connect("tables")
        t = db.create_table("t", [{"text": "a"}, {"text": "bcd"}])
        t.add_columns({"length": length})
        job = t.backfill_async("length")
        print("filled:", job.result(120).status, job.done(), job.progress().fraction)
        rows = connect("tables").open_table("t").to_spark().orderBy("text").collect()
        print("rows:", [row.length for row in rows], db.table_names())
        db.spark.stop()
        """;
    Map<String, String> ours = Map.of("PYTHONPATH", spark.bundle().toString());
    try (SparkRun run = ConnectServer.plainPython(folder.resolve("plain"), ours, program)) {
      Map<String, String> told = told(run.output());
      assertThat(told.get("filled")).isEqualTo("DONE True 1.0");
      assertThat(told.get("rows")).isEqualTo("[1, 3] ['t']");
    }
  }

  private static void check(Map<String, String> told) {
    for (String kind : new String[] {"scalar", "batched", "whole"}) {
      for (int size : new int[] {1, 8, 40}) {
        assertThat(told.get(kind + "_" + size))
            .as("%s at %d of %s", kind, size, told)
            .isEqualTo("DONE_WITH_ERRORS 9 [7, 9, 14, 19, 21, 28, 29, 35, 39] 0 True");
      }
    }
    assertThat(told.get("retried")).isEqualTo("DONE 9 0");
    assertThat(told.get("altered")).isEqualTo("9 31 0");
    assertThat(told.get("failed"))
        .matches("FUNCTION_FAILED ValueError: cannot embed \\d+ .*in check.*at physical offset.*");
    assertThat(told.get("preview")).isEqualTo("7");
    assertThat(told.get("preview_of_a_column")).isEqualTo("8");
    assertThat(told.get("group")).isEqualTo("40 0 0");
    assertThat(told.get("dies")).isEqualTo("DONE_WITH_ERRORS 0 ['PROCESS_LOST', 'PROCESS_LOST']");
    assertThat(told.get("unloadable"))
        .startsWith("FUNCTION_NOT_LOADED Function 'Unloadable_")
        .contains("could not be loaded: 2 worker processes of ");
    assertThat(told.get("blamed")).isEqualTo("0");
    assertThat(told.get("short")).startsWith("FUNCTION_FAILED ").contains("short");
    assertThat(told.get("judged"))
        .startsWith("INVALID_EXPRESSION ")
        .contains("'judged(j)' calls a Python UDF");
    assertThat(told.get("by_length")).isEqualTo("1000000 True True");
    assertThat(told.get("two")).contains("text").contains("gone");
    assertThat(told.get("model")).isEqualTo("4000 0 True");
    assertThat(told.get("threads")).isEqualTo("80 0");
  }

  private static Map<String, String> told(String output) {
    Map<String, String> told = new TreeMap<>();
    output
        .lines()
        .filter(line -> line.matches("[a-z_0-9]+: .*"))
        .forEach(line -> told.put(line.split(": ", 2)[0], line.split(": ", 2)[1]));
    return told;
  }
}
