package io.lancebackfill.expression;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.expression.ExpressionFault.Code;
import io.lancebackfill.spark.SparkExtension;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@ExtendWith(SparkExtension.class)
class TestWhereBinder {
  private WhereBinder binder;

  @BeforeEach
  void bindToAComputedColumnToo(SparkSession spark) {
    binder =
        new WhereBinder(
            spark,
            StructType.fromDDL("id BIGINT, split STRING, d DATE, ok BOOLEAN, emb ARRAY<FLOAT>"));
  }

  @Test
  void bindsConditions() {
    BoundWhere where = binder.bind("emb is null AND `Split`='train'");

    assertThat(where.sql()).isEqualTo("emb IS NULL AND split = 'train'");
    assertThat(where.columns()).containsExactly("split", "emb");
    assertThat(binder.bind("OK").columns()).containsExactly("ok");
    assertThat(binder.bind("true").columns()).isEmpty();
  }

  @Test
  void aFilterMayDependOnTheClock() {
    assertThat(binder.bind("d > current_date() - 7").columns()).containsExactly("d");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          id >                          | cannot be parsed
          id > 3 AND                    | 'AND' too many (line 1, position 8)
          id > 3 x                      | 'x' too many (line 1, position 8)
          id > 3 AS x                   | 'x' too many (line 1, position 11)
          id > 3;                       | cannot be parsed
          id + 1                        | is of type BIGINT
          NULL                          | is of type VOID
          nope = 1                      | does not fit the table's columns
          emb > 1                       | does not fit the table's columns
          nosuch(id)                    | Function 'nosuch'
          id IN (SELECT 1)              | a subquery
          sum(id) > 1                   | sum(...)
          max(id) OVER () = id          | not computed from the values of one row
          explode(emb) > 1              | explode(...)
          rand() < 0.5                  | 'rand' may give another value
          """)
  void refusesWhatIsNoConditionOnOneRow(String text, String because) {
    assertThatThrownBy(() -> binder.bind(text))
        .isInstanceOfSatisfying(
            ExpressionException.class,
            e ->
                assertThat(e.faults())
                    .extracting(ExpressionFault::code)
                    .containsOnly(Code.INVALID_WHERE))
        .hasMessageStartingWith("[INVALID_WHERE] ")
        .hasMessageContaining(because);
  }
}
