package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class TestDataFrameComparison {
  private static SparkSession spark;

  @BeforeAll
  static void start() {
    spark =
        SparkSession.builder()
            .master("local[2]")
            .config("spark.ui.enabled", false)
            .config("spark.sql.shuffle.partitions", 2)
            .getOrCreate();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  @Test
  void ignoresTheOrderOfRows() {
    assertThatCode(() -> DataFrameComparison.assertSameRows(rows("1, 2, 2"), rows("2, 1, 2")))
        .doesNotThrowAnyException();
  }

  @Test
  void countsEqualRows() {
    assertThatThrownBy(() -> DataFrameComparison.assertSameRows(rows("1, 2, 2"), rows("1, 1, 2")))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("[1,1,1,2], [2,2,2,1]");
  }

  @Test
  void seesOtherTypes() {
    assertThatThrownBy(() -> DataFrameComparison.assertSameRows(rows("1"), rows("1L")))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("x,LongType");
  }

  private static Dataset<Row> rows(String values) {
    return spark.sql("SELECT x FROM (SELECT explode(array(" + values + ")) AS x)");
  }
}
