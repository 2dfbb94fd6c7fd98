package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The ways in, each on a stock Spark with the jars of target/dist, from a folder elsewhere. */
class WaysInIT {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String WARNING_OF_LANCE = "This operation is not stable yet";
  private static final String TABLE =
      "CREATE TABLE lance.default.t TBLPROPERTIES ('file_format_version'='2.1') AS SELECT id,"
          + " concat('Ab ', id) AS text FROM range(0, 1000, 1, 4)";
  private static final String THREE_KINDS =
      """
      from pyspark.sql import SparkSession
      from pyspark.sql.functions import expr
      spark = SparkSession.builder.getOrCreate()
      spark.udf.register("plus", lambda x: x + 1, "bigint")
      spark.sql("CALL lance.system.register_function(name => 'letters', kind => 'java', "
                "class => 'io.lancebackfill.udf.example.LetterFrequencies')")
      for column, expression in [("length", "length(text)"), ("next", "plus(id)"),
                                 ("shares", "letters(text)")]:
          spark.sql("CALL lance.system.add_column(table => :t, column => :c, expression => :e)",
                    {"t": "default.t", "c": column, "e": expression})
          row = spark.sql("CALL lance.system.backfill(table => :t, column => :c, "
                          "commit_granularity => :g)",
                          {"t": "default.t", "c": column, "g": 2}).first()
          print(column, row.status, row.rows_computed, row.fragments_committed)
      t = spark.table("lance.default.t")
      print("wrong", t.where("length <> length(text) OR next <> id + 1 OR shares IS NULL "
                             "OR shares[0] <> 0.5 OR shares[1] <> 0.5").count(),
            "of", t.count())
      """;

  @TempDir private Path folder;
  private @Nullable StandaloneCluster cluster;
  private SparkDistribution spark;

  @BeforeEach
  void install() {
    spark = new SparkDistribution(folder).jarsOfTheApplication();
    spark.conf("spark.sql.extensions", "io.lancebackfill.sql.LanceBackfillExtensions");
    spark.conf("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog");
  }

  @AfterEach
  void stopCluster() {
    if (cluster != null) {
      cluster.close();
    }
  }

  @Test
  void sql() throws Exception {
    try (SparkRun run =
        spark.sql(
            TABLE + ";",
            "CALL lance.system.add_column('default.t', 'length', 'length(text) + 1');",
            "CALL lance.system.backfill(table => 'default.t', column => 'length', max_fragments => 1);",
            "CALL lance.system.backfill(table => 'default.t', column => 'length');",
            "CALL lance.system.coverage('default.t', 'length');",
            "CALL lance.system.jobs('default.t');",
            "SELECT 'wrong', count(*) FROM lance.default.t",
            "  WHERE length IS DISTINCT FROM length(text) + 1;")) {
      String out = run.output();
      assertThat(run.stderr()).doesNotContain(WARNING_OF_LANCE);
      assertThat(out).contains("\tPAUSED\t").contains("\tDONE\t").contains("wrong\t0\n");
      for (int fragment = 0; fragment < 4; fragment++) {
        assertThat(out).contains("\n" + fragment + "\t250\t250\t0\t0\t0\t0\t");
      }
    }
    try (SparkRun run =
        spark.sqlText("CALL lance.system.coverage(table => 'default.t', column => 'length')")) {
      assertThat(run.output().lines().filter(line -> line.contains("\t250\t250\t"))).hasSize(4);
    }
  }

  @Test
  void sqlWithoutStackTraces() throws Exception {
    try (SparkRun run = spark.sqlText("CALL lanse.system.backfill('default.t', 'length')")) {
      assertThat(run.exitStatus()).isNotZero();
      assertThat(run.stderr())
          .contains("[UNKNOWN_CATALOG] There is no catalog 'lanse'. Did you mean 'lance'?")
          .doesNotContain("\tat ");
    }
    try (SparkRun run = spark.bundleOnly().sqlText("SELECT 1")) {
      assertThat(run.exitStatus()).isNotZero();
      assertThat(run.stderr())
          .contains("[MISSING_JARS] The class path lacks arrow-c-data")
          .contains("--jars $(echo backfill-job/target/dist/*.jar | tr ' ' ',')")
          .doesNotContain("NoClassDefFoundError");
    }
  }

  @Test
  void python() throws Exception {
    try (SparkRun run = spark.python("T = \"\"\"" + TABLE + "\"\"\"\n" + withTable())) {
      assertThat(run.output()).contains(expectedOfThreeKinds());
      assertThat(run.stderr()).doesNotContain(WARNING_OF_LANCE);
    }
  }

  @Test
  void sparkSubmit() throws Exception {
    try (SparkRun run =
        spark.sql(
            TABLE + ";", "CALL lance.system.add_column('default.t', 'length', 'length(text)');")) {
      run.output();
    }
    try (SparkRun run = submit("--column", "length", "--max-fragments", "3")) {
      assertThat(run.exitStatus()).as(run.stderr()).isEqualTo(4);
      JsonNode row = onlyLine(run);
      assertThat(row.get("status").asText()).isEqualTo("PAUSED");
      assertThat(row.get("fragments_committed").asInt()).isEqualTo(3);
      assertThat(run.stderr()).doesNotContain(WARNING_OF_LANCE);
    }
    spark.variable("LANCE_LOG", "warn");
    try (SparkRun run =
        submit(
            "--column",
            "length",
            "--commit-granularity=4",
            "--checkpoint-interval",
            "2s",
            "--job-id",
            "nightly")) {
      assertThat(run.exitStatus()).as(run.stderr()).isZero();
      JsonNode row = onlyLine(run);
      assertThat(row.get("job_id").asText()).isEqualTo("nightly");
      assertThat(row.get("status").asText()).isEqualTo("DONE");
      assertThat(row.get("rows_computed").asInt()).isEqualTo(250);
      assertThat(run.stderr()).as("what the user set counts").contains(WARNING_OF_LANCE);
    }
    try (SparkRun run = submit("--column", "no_column")) {
      assertThat(run.exitStatus()).as(run.stderr()).isEqualTo(1);
      assertThat(run.stdout()).isEmpty();
      assertThat(run.stderr()).contains("no_column");
    }
    try (SparkRun run =
        submit("--colunm", "length", "--commit-granularity", "0", "--where", "id <")) {
      assertThat(run.exitStatus()).as(run.stderr()).isEqualTo(1);
      assertThat(run.stderr())
          .contains("[UNKNOWN_OPTION]")
          .contains("--column")
          .contains("[MISSING_ARGUMENT]")
          .contains("[INVALID_WHERE]")
          .contains("[INVALID_OPTION] Option 'commit_granularity' is '0'");
    }
  }

  @Test
  void standaloneCluster() throws Exception {
    cluster = StandaloneCluster.start(spark, folder);
    try (SparkRun run = spark.python("T = \"\"\"" + TABLE + "\"\"\"\n" + withTable())) {
      assertThat(run.output()).contains(expectedOfThreeKinds());
      assertThat(run.stderr())
          .contains("Connected to Spark cluster")
          .doesNotContain(WARNING_OF_LANCE);
    }
  }

  private static String withTable() {
    return THREE_KINDS.replace("spark.udf.register(", "spark.sql(T)\nspark.udf.register(");
  }

  private static List<String> expectedOfThreeKinds() {
    return List.of(
        "length DONE 1000 4", "next DONE 1000 4", "shares DONE 1000 4", "wrong 0 of 1000");
  }

  private SparkRun submit(String... options) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "--class",
                "io.lancebackfill.BackfillMain",
                spark.bundle().toString(),
                "--table",
                "lance.default.t"));
    arguments.addAll(List.of(options));
    return spark.submit(arguments.toArray(String[]::new));
  }

  /** All that a run printed to its standard output: one line of JSON. */
  private static JsonNode onlyLine(SparkRun run) throws IOException {
    assertThat(run.stdout().lines()).hasSize(1);
    return JSON.readTree(run.stdout());
  }
}
