package io.lancebackfill.exec;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.spark.PythonFunctions;
import io.lancebackfill.spark.PythonFunctions.Mode;
import io.lancebackfill.spark.SparkExtension;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(SparkExtension.class)
class TestPromptPythonOutput {
  private static final int ROWS = 3000;

  private static Map<String, byte[]> functions;

  @TempDir Path folder;
  private Path counter;
  private SparkSession spark;

  @BeforeAll
  static void pickleFunctions() throws Exception {
    functions = PythonFunctions.pickled("counting.py", Mode.SCRIPT, Map.of());
  }

  @BeforeEach
  void registerFunctions(SparkSession session) throws Exception {
    spark = session;
    counter = Files.createFile(folder.resolve("calls"));
    Map<String, String> environment = Map.of("TEST_COUNTER", counter.toString());
    PythonFunctions.register(
        spark, "plain", functions.get("plain"), PythonFunctions.PLAIN, environment);
    PythonFunctions.register(
        spark, "pandas", functions.get("pandas"), PythonFunctions.PANDAS, environment);
  }

  @Test
  void sparkAloneHoldsEverythingBack() {
    assertThat(callsWhenTheFirstRowArrives(rows("plain"))).isEqualTo(ROWS);
  }

  @Test
  void plainFunctionsGiveRowsByTheHundred() {
    assertThat(callsWhenTheFirstRowArrives(PromptPythonOutput.of(rows("plain"))))
        .isBetween(100L, 999L);
  }

  @Test
  void pandasFunctionsGiveRowsByTheBatch() {
    spark.conf().set("spark.sql.execution.arrow.maxRecordsPerBatch", "100");

    assertThat(callsWhenTheFirstRowArrives(PromptPythonOutput.of(rows("pandas"))))
        .isBetween(100L, 999L);
  }

  @Test
  void resultsAndOtherSettingsStay() {
    Dataset<Row> rows =
        spark.range(0, 250, 1, 2).selectExpr("id", "plain(CAST(id AS INT)) * 2 AS twice");

    Dataset<Row> prompt = PromptPythonOutput.of(PromptPythonOutput.of(rows));

    assertThat(prompt.schema()).isEqualTo(rows.schema());
    assertThat(prompt.collectAsList()).hasSize(250).isEqualTo(rows.collectAsList());
  }

  @Test
  void plansWithoutPythonStayTheSame() {
    Dataset<Row> rows = spark.range(5).selectExpr("id + 1");

    assertThat(PromptPythonOutput.of(rows.queryExecution().analyzed()))
        .isSameAs(rows.queryExecution().analyzed());
  }

  private Dataset<Row> rows(String function) {
    return spark.range(0, ROWS, 1, 1).selectExpr(function + "(CAST(id AS INT)) AS value");
  }

  private long callsWhenTheFirstRowArrives(Dataset<Row> rows) {
    return firstRow(rows.javaRDD(), counter.toString());
  }

  /** The calls counted when a task gets its first row; it takes no others. */
  private static long firstRow(JavaRDD<Row> rows, String counter) {
    List<Long> calls =
        rows.mapPartitions(
                partition -> {
                  assertThat(partition.hasNext()).isTrue();
                  assertThat(partition.next().getInt(0)).isEqualTo(1);
                  return List.of(Files.size(Path.of(counter))).iterator();
                })
            .collect();
    return calls.get(0);
  }
}
