package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** A session with the RAPIDS Accelerator, which explains only where there is no GPU. */
@EnabledIfSystemProperty(named = "test.rapids", matches = ".+")
class RapidsIT {
  private static final String FUNCTION =
      """
      public class Twice implements org.apache.spark.sql.api.java.UDF1<Long, Long>, com.nvidia.spark.RapidsUDF {
        @Override
        public Long call(Long x) {
          return x == null ? null : 2 * x;
        }
        @Override
        public ai.rapids.cudf.ColumnVector evaluateColumnar(int rows, ai.rapids.cudf.ColumnVector... arguments) {
          try (ai.rapids.cudf.Scalar two = ai.rapids.cudf.Scalar.fromLong(2)) {
            return arguments[0].mul(two);
          }
        }
      }
      """;

  private static final String PROGRAM =
      """
      from pyspark.sql import SparkSession
      from lance_backfill import connect, udf
      import pyarrow as pa, pyarrow.compute as pc
      spark = SparkSession.builder.getOrCreate()
      db = connect(catalog="lance", spark=spark)
      spark.sql("CREATE TABLE lance.t TBLPROPERTIES ('file_format_version'='2.1') AS SELECT id,"
                " concat('text ', id) AS text FROM range(0, 1000, 1, 4)").collect()
      t = db.open_table("t")
      spark.udf.registerJavaFunction("twice", "Twice", "bigint")
      spark.sql("CALL lance.system.register_function('letters', 'java',"
                " 'io.lancebackfill.udf.example.LetterFrequencies')").collect()
      @udf(data_type=pa.int32())
      def length(text: pa.Array) -> pa.Array:
          return pc.utf8_length(text)
      t.add_columns({"a": "id + length(text)", "b": "twice(id)", "c": "letters(text)", "d": length})
      for job in t.backfill(["a", "b", "c", "d"]):
          print(job.columns, job.status, job.rows_computed)
      print("right:", t.to_spark().where(
          "a = id + length(text) AND b = 2 * id AND size(c) > 0 AND d = length(text)").count())
      """;

  @TempDir private Path folder;

  @Test
  void backfillsRunUnchangedAndFunctionsWithAGpuSideAreRecognized() throws Exception {
    Path rapids = Path.of(System.getProperty("test.rapids"));
    SparkDistribution spark = new SparkDistribution(folder);
    Path function = compiled(spark, rapids);
    spark
        .conf("spark.sql.extensions", "io.lancebackfill.sql.LanceBackfillExtensions")
        .conf("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog")
        .conf("spark.submit.pyFiles", spark.bundle().toString())
        .conf("spark.driver.extraClassPath", rapids + ":" + function)
        .conf("spark.plugins", "com.nvidia.spark.SQLPlugin")
        .conf("spark.rapids.sql.mode", "explainOnly")
        .conf("spark.rapids.sql.explain", "ALL");
    try (SparkRun run = spark.python(PROGRAM)) {
      assertThat(run.exitStatus()).as(run.stderr()).isZero();
      assertThat(run.stdout())
          .contains("a DONE 1000", "b DONE 1000", "c DONE 1000", "d DONE 1000", "right: 1000");
      assertThat(run.stderr())
          .containsPattern("\\*Expression <ScalaUDF> twice\\(.*\\) will run on GPU");
    }
  }

  private Path compiled(SparkDistribution spark, Path rapids) throws Exception {
    Path source = Files.writeString(folder.resolve("Twice.java"), FUNCTION);
    String path =
        Stream.concat(spark.sparkJars().stream(), Stream.of(rapids))
            .map(Path::toString)
            .collect(Collectors.joining(":"));
    List<String> arguments =
        List.of("--release", "17", "-cp", path, "-d", folder.toString(), source.toString());
    assertThat(
            ToolProvider.getSystemJavaCompiler()
                .run(null, null, null, arguments.toArray(String[]::new)))
        .isZero();
    Path jar = folder.resolve("twice.jar");
    try (OutputStream file = Files.newOutputStream(jar);
        JarOutputStream out = new JarOutputStream(file)) {
      out.putNextEntry(new JarEntry("Twice.class"));
      Files.copy(folder.resolve("Twice.class"), out);
    }
    return jar;
  }
}
