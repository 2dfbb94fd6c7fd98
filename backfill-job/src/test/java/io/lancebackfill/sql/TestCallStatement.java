package io.lancebackfill.sql;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TestCallStatement {
  private static CallStatement scan(String sql) {
    return CallStatement.scan(sql).orElseThrow();
  }

  @Test
  void keepsPositionsAndDropsSemicolons() {
    CallStatement statement = scan("/* é */\n call a.b.c(1 /* ; */) ; -- ; end\n;");
    assertThat(statement.expression()).isEqualTo(" ".repeat(7) + "\n      a.b.c(1 /* ; */)");
    assertThat(statement.nameParts()).containsExactly("a", "b", "c");
    assertThat(statement.explainMode()).isNull();
  }

  @Test
  void keepsSemicolonsInStrings() {
    assertThat(scan("CALL a.b.c(';');").expression().strip()).isEqualTo("a.b.c(';')");
  }

  @Test
  void countsCharactersBeyondTheBasicPlane() {
    CallStatement statement = scan("/* \uD83D\uDE00 */ CALL a.b.c('\uD83D\uDE00');");
    assertThat(statement.expression().strip()).isEqualTo("a.b.c('\uD83D\uDE00')");
    assertThat(statement.nameParts()).containsExactly("a", "b", "c");
  }

  @Test
  void unquotesNames() {
    assertThat(scan("CALL `my-cat`.`a``b`.c()").nameParts()).containsExactly("my-cat", "a`b", "c");
    assertThat(scan("CALL table.select.c()").nameParts()).containsExactly("table", "select", "c");
  }

  @Test
  void seesWhatIsExplained() {
    assertThat(scan("EXPLAIN CALL a.b.c()").explainMode()).isEqualTo("simple");
    assertThat(scan("explain Formatted call a.b.c()").explainMode()).isEqualTo("formatted");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ";",
        "SELECT 1",
        "CALL",
        "CALL 'a'",
        "CALL (a)",
        "`CALL` a.b.c()",
        "EXPLAIN",
        "EXPLAIN EXTENDED",
        "-- CALL a.b.c()",
        "/* CALL a.b.c()",
        "'CALL' a.b.c()",
        "CALLS a.b.c()"
      })
  void leavesTheRest(String sql) {
    assertThat(CallStatement.scan(sql)).isEmpty();
  }

  @Test
  void readsNoFurtherThanItMust() {
    Optional<List<String>> parts =
        CallStatement.scan("CALL a.b 'x' . c").map(CallStatement::nameParts);
    assertThat(parts).contains(List.of("a", "b"));
  }
}
