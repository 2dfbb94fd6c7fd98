package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class TestDataFrameComparison {

  @RegisterExtension private static final SharedSession session = new SharedSession(List.of());

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
    return session.spark().sql("SELECT x FROM (SELECT explode(array(" + values + ")) AS x)");
  }
}
