package io.lancebackfill.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.SharedSession;
import io.lancebackfill.error.BackfillException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.execution.QueryExecution;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TestCallEndToEnd {
  private static final ToyProcedures TOY = new ToyProcedures();

  @RegisterExtension
  private static final SharedSession session =
      new SharedSession(List.of(new LanceBackfillExtensions(TOY.registry())))
          .catalog("plain", "org.lance.spark.LanceNamespaceSparkCatalog");

  @BeforeEach
  void forget() {
    TOY.calls().clear();
  }

  @Test
  void takesPositionalArguments() {
    assertThat(session.spark().sql("CALL lance.system.backfill('db.t', 'c')").collectAsList())
        .containsExactly(RowFactory.create("db.t", 1L));
    assertThat(TOY.last().string("column")).isEqualTo("c");
  }

  @Test
  void takesNamedArgumentsInAnyOrderAndCase() {
    session
        .spark()
        .sql("CALL lance.system.backfill(COLUMN => 'c', Table => 'db.t', commit_granularity => 4)");
    assertThat(TOY.last().string("table")).isEqualTo("db.t");
    assertThat(TOY.last().options()).isEqualTo(Map.of("commit_granularity", 4));
  }

  @Test
  void takesPositionalThenNamedArguments() {
    session.spark().sql("CALL lance.system.backfill('db.t', column => 'c')");
    assertThat(TOY.last().string("column")).isEqualTo("c");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "call LANCE.SYSTEM.Backfill('t', 'c')",
        "CALL plain.system.backfill('t', 'c')",
        "CALL `lance`.`system`.`backfill`('t', 'c')",
        "  -- CALL x\n"
            + " /* CALL /* nested */ y */ CALL\n"
            + " lance . system . backfill ( 't' , 'c' ) ; ; -- end",
        "CALL lance.system.backfill('t', /* why */ 'c');"
      })
  void claimsWhateverTheLayout(String sql) {
    assertThat(session.spark().sql(sql).collectAsList())
        .containsExactly(RowFactory.create("t", 1L));
  }

  @Test
  void keepsTheConfiguredNameOfTheCatalog() {
    session.spark().sql("call LANCE.system.backfill('t', 'c')");
    assertThat(TOY.lastContext().catalog().name()).isEqualTo("lance");
    assertThat(TOY.lastContext().session()).isSameAs(session.spark());
  }

  @Test
  void evaluatesConstantExpressions() {
    session
        .spark()
        .sql(
            "CALL lance.system.backfill(table => concat('d', 'b', '.t'), column => upper('c'),"
                + " columns => array('a', 'b'), options => map('z', '1', 'a', '2', 'm', '3', 'b', '4',"
                + " 'y', '5', 'c', '6'), rows => 1 + 2, share => 0.5, count => cast('7' AS INT),"
                + " flag => NOT false, body => X'0102', thing => named_struct('x', 1),"
                + " checkpoint_interval => INTERVAL '3' SECOND)");
    assertThat(TOY.last().string("table")).isEqualTo("db.t");
    assertThat(TOY.last().string("column")).isEqualTo("C");
    assertThat(TOY.last().strings("columns")).containsExactly("a", "b");
    assertThat(TOY.last().stringMap("options").keySet())
        .containsExactly("z", "a", "m", "b", "y", "c");
    assertThat(TOY.last().longValue("rows", 0)).isEqualTo(3);
    assertThat(TOY.last().optionalDouble("share")).contains(0.5);
    assertThat(TOY.last().intValue("count", 0)).isEqualTo(7);
    assertThat(TOY.last().bool("flag", false)).isTrue();
    assertThat(TOY.last().optionalBytes("body")).contains(new byte[] {1, 2});
    assertThat(TOY.last().value("thing")).contains(RowFactory.create(1));
    assertThat(TOY.last().options())
        .isEqualTo(Map.of("checkpoint_interval", Duration.ofSeconds(3)));
  }

  @Test
  void takesNamedParameters() {
    session
        .spark()
        .sql(
            "CALL lance.system.backfill(table => :t, column => concat(:c, '_x'), body => :b)",
            Map.of("t", "it's", "c", "col", "b", new byte[] {5}));
    assertThat(TOY.last().string("table")).isEqualTo("it's");
    assertThat(TOY.last().string("column")).isEqualTo("col_x");
    assertThat(TOY.last().optionalBytes("body")).contains(new byte[] {5});
  }

  @Test
  void takesPositionalParameters() {
    session
        .spark()
        .sql(
            "CALL lance.system.backfill(?, column => ?, body => ?)",
            new Object[] {"t", "c", new byte[] {6}});
    assertThat(TOY.last().string("column")).isEqualTo("c");
    assertThat(TOY.last().optionalBytes("body")).contains(new byte[] {6});
  }

  @Test
  void saysWhichParameterIsMissing() {
    assertThatThrownBy(
            () -> session.spark().sql("CALL lance.system.backfill(:t, :c)", Map.of("t", "x")))
        .hasMessageContaining("UNBOUND_SQL_PARAMETER")
        .hasMessageContaining("c");
    assertThat(TOY.calls()).isEmpty();
  }

  @Test
  void runsOnce() {
    Dataset<Row> result = session.spark().sql("CALL lance.system.backfill('t', 'c')");
    assertThat(TOY.calls()).hasSize(1);
    assertThat(result.collectAsList()).isEqualTo(result.collectAsList());
    assertThat(result.count()).isEqualTo(1);
    assertThat(result.select("calls").filter("calls = 1").collectAsList()).hasSize(1);
    result.createOrReplaceTempView("called");
    assertThat(
            session
                .spark()
                .sql("SELECT calls FROM called UNION ALL SELECT calls FROM called")
                .collectAsList())
        .hasSize(2);
    assertThat(TOY.calls()).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "EXTENDED", "FORMATTED", "COST", "CODEGEN"})
  void explainDoesNotRun(String mode) {
    String plan =
        session
            .spark()
            .sql(
                "EXPLAIN "
                    + mode
                    + " CALL lance.system.backfill('t', 'c', X'"
                    + "AB".repeat(300)
                    + "')")
            .collectAsList()
            .get(0)
            .getString(0);
    assertThat(TOY.calls()).isEmpty();
    if (!mode.equals("CODEGEN")) {
      assertThat(plan).contains("lance.system.backfill(", "300 bytes").doesNotContain("ABABAB");
    }
  }

  @Test
  void namesTheResultColumns() {
    assertThat(session.spark().sql("CALL lance.system.backfill('t', 'c')").schema())
        .isEqualTo(TOY.spec().output());
  }

  @Test
  void takesReservedWordsAsArgumentNames() {
    session.spark().conf().set("spark.sql.ansi.enabled", "true");
    session.spark().conf().set("spark.sql.ansi.enforceReservedKeywords", "true");
    try {
      session.spark().sql("CALL lance.system.backfill(table => 't', column => 'c')");
    } finally {
      session.spark().conf().unset("spark.sql.ansi.enabled");
      session.spark().conf().unset("spark.sql.ansi.enforceReservedKeywords");
    }
    assertThat(TOY.calls()).hasSize(1);
  }

  @Test
  void reportsAllFaultsTogether() {
    assertThatThrownBy(
            () ->
                session
                    .spark()
                    .sql(
                        "CALL lance.system.backfill(tabel => 'x', column => 5, column => 'd', rows =>"
                            + " 'x', commit_granularity => 0, where => a > 1, columns => b)"))
        .isInstanceOf(BackfillException.class)
        .hasMessageContaining(
            "[UNKNOWN_ARGUMENT] backfill has no argument 'tabel'. Did you mean 'table'?")
        .hasMessageContaining(
            "[INVALID_ARGUMENT] Argument 'column' must be a string, and not the int 5. Write column"
                + " => 'text'.")
        .hasMessageContaining("[DUPLICATE_ARGUMENT] Argument 'column' is given more than once")
        .hasMessageContaining(
            "[INVALID_ARGUMENT] Argument 'rows' must be a bigint, and not the string 'x'. Write"
                + " rows => 10.")
        .hasMessageContaining(
            "[INVALID_OPTION] Option 'commit_granularity' is '0', and must be an integer of 1 or"
                + " more.")
        .hasMessageContaining(
            "[INVALID_ARGUMENT] Argument 'where' is a > 1, which names a column. A CALL takes"
                + " constants only. Put an expression in quotes: where => 'a > 1'.")
        .hasMessageContaining(
            "[INVALID_ARGUMENT] Argument 'columns' is b, a name, not a value. Put it in quotes:"
                + " columns => 'b'.")
        .hasMessageContaining("[MISSING_ARGUMENT] backfill needs the argument 'table' (string)");
    assertThat(TOY.calls()).isEmpty();
  }

  @Test
  void namesTheNearestOfUnknownProcedures() {
    assertThatThrownBy(() -> session.spark().sql("CALL lance.system.backfil('t', 'c')"))
        .isInstanceOf(BackfillException.class)
        .hasMessage(
            "[UNKNOWN_PROCEDURE] There is no procedure 'backfil'. Did you mean 'backfill'?"
                + " There are: backfill.");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "CALL lance.system.backfill",
        "CALL lance.system.backfill('t', 'c') + 1",
        "CALL lance.system.backfill(DISTINCT 't', 'c')",
        "CALL lance.system.backfill('t', 'c') FILTER (WHERE true)"
      })
  void refusesWhatIsNoPlainCall(String sql) {
    assertThatThrownBy(() -> session.spark().sql(sql))
        .isInstanceOf(BackfillException.class)
        .hasMessageStartingWith("[INVALID_CALL] What follows CALL is not a plain procedure call")
        .hasMessageEndingWith("Write CALL lance.system.backfill(name => value, ...).");
    assertThat(TOY.calls()).isEmpty();
  }

  @Test
  void showsWhereACallCannotBeRead() {
    assertThatThrownBy(() -> session.spark().sql("-- first\nCALL lance.system.backfill('t', => 1)"))
        .isInstanceOf(BackfillException.class)
        .hasMessageStartingWith("[INVALID_CALL] The CALL cannot be read. ")
        .hasMessageContaining("(line 2, pos ")
        .hasMessageContaining("CALL lance.system.backfill('t', => 1)")
        .hasMessageEndingWith(
            "\nWrite CALL lance.system.backfill(name => value, ...), with text in quotes.")
        .hasNoCause();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "(SELECT 'c') | [INVALID_ARGUMENT] Argument 'column' is (SELECT 'c'), a query.",
        "* | [INVALID_ARGUMENT] Argument 'column' is *, which names a column.",
        "c | [INVALID_ARGUMENT] Argument 'column' is c, a name, not a value. Put it in quotes:"
            + " 'c'.",
        "length(text) | which names a column. A CALL takes constants only. Put an expression in"
            + " quotes: 'length(text)'.",
        "concat(a, \"it's\") | Put an expression in quotes: 'concat(a, \"it\\'s\")'.",
        "options => map(vector_dim, '256') | Argument 'options' is map(vector_dim, '256'), which"
            + " names a column. A CALL takes constants only. Put the names in it in quotes.",
        "column = 'c' | a comparison. An argument is given its value by =>: column => 'c'.",
        "rand() | [INVALID_NON_DETERMINISTIC_EXPRESSIONS]",
        "count(1) | [UNSUPPORTED_EXPR_FOR_OPERATOR]",
        "no_such_function('c') | [UNRESOLVED_ROUTINE]",
      })
  void refusesWhatIsNoConstant(String expression, String message) {
    assertThatThrownBy(
            () -> session.spark().sql("CALL lance.system.backfill('t', " + expression + ")"))
        .hasMessageContaining(message);
    assertThat(TOY.calls()).isEmpty();
  }

  @Test
  void takesTextForEveryTypedArgument() {
    session
        .spark()
        .sql(
            "CALL lance.system.backfill('t', 'c', rows => '3', share => '0.5', count => ' 7 ', flag =>"
                + " 'TRUE', options => map('vector_dim', 256), recompute => 'true', recompute_unknown"
                + " => 'false', max_fragments => '1', read_version => '2', dry_run => 'true',"
                + " concurrency => '4', batch_size => '10', commit_granularity => '8',"
                + " checkpoint_interval => '5s', commit_interval => '1 min')");
    assertThat(TOY.last().longValue("rows", 0)).isEqualTo(3);
    assertThat(TOY.last().optionalDouble("share")).contains(0.5);
    assertThat(TOY.last().intValue("count", 0)).isEqualTo(7);
    assertThat(TOY.last().bool("flag", false)).isTrue();
    assertThat(TOY.last().stringMap("options")).isEqualTo(Map.of("vector_dim", "256"));
    assertThat(TOY.last().options())
        .isEqualTo(
            Map.of(
                "recompute",
                true,
                "recompute_unknown",
                false,
                "max_fragments",
                1,
                "read_version",
                2L,
                "dry_run",
                true,
                "concurrency",
                4,
                "batch_size",
                10,
                "commit_granularity",
                8,
                "checkpoint_interval",
                Duration.ofSeconds(5),
                "commit_interval",
                Duration.ofMinutes(1)));
  }

  @Test
  void takesTypedNullForAbsence() {
    session
        .spark()
        .sql("CALL lance.system.backfill('t', 'c', rows => NULL, job_id => CAST(NULL AS STRING))");
    assertThat(TOY.last().has("rows")).isFalse();
    assertThat(TOY.last().options()).isEmpty();
  }

  @Test
  void doesNotShowBytesInPlans() {
    QueryExecution execution =
        session
            .spark()
            .sql("CALL lance.system.backfill('t', 'c', :b)", Map.of("b", new byte[1000]))
            .queryExecution();
    assertThat(execution.analyzed() + "\n" + execution.executedPlan())
        .contains("<1000 bytes>")
        .doesNotContain("0000000000");
  }
}
