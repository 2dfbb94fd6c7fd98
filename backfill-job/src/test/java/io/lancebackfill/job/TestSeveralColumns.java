package io.lancebackfill.job;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.lancebackfill.LanceBackfill;
import io.lancebackfill.error.BackfillException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.types.DataTypes;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** One call that fills several columns. */
class TestSeveralColumns {
  @RegisterExtension private static final BackfillSession session = new BackfillSession();
  private static final CountDownLatch SAID = new CountDownLatch(1);
  private static int tables;

  private String name = "";
  private String table = "";

  @BeforeEach
  void declare() {
    name = "several" + tables++;
    table = session.table(name, 60, 3, "2.1");
    session.call("add_column('%s', 'a', 'length(text)')", table);
    session.call("add_column('%s', 'b', 'a * 2')", table);
    session.call("add_column('%s', 'c', 'a + b')", table);
    session.sql(
        "CALL lance.system.add_column(table => '%s', columns => array('x', 'y'), expression =>"
            + " 'named_struct(\"x\", id, \"y\", id + 1)')",
        table);
  }

  private List<Row> backfill(String arguments, Object... values) {
    return session
        .sql("CALL lance.system.backfill(table => '%s', %s)", table, arguments.formatted(values))
        .collectAsList();
  }

  private static List<String> columns(List<Row> results) {
    return results.stream().map(row -> row.<String>getAs("columns")).toList();
  }

  private long filled(String condition) {
    return session.sql("SELECT * FROM %s WHERE %s", table, condition).count();
  }

  @Test
  void eachComesAfterThoseThatItReads() {
    List<Row> results = backfill("columns => array('c', 'y', 'b', 'a')");
    assertThat(columns(results)).containsExactly("x,y", "a", "b", "c");
    assertThat(results)
        .allSatisfy(
            row -> {
              assertThat(row.<String>getAs("status")).isEqualTo("DONE");
              assertThat(row.<Long>getAs("rows_computed")).isEqualTo(60);
              assertThat(row.<String>getAs("note")).isEmpty();
            });
    assertThat(filled("a = length(text) AND b = 2 * a AND c = a + b AND y = id + 1")).isEqualTo(60);
    assertThat(session.sql("CALL lance.system.jobs('%s')", table).count()).isEqualTo(4);
    assertThat(backfill("columns => array('c', 'y', 'b', 'a')"))
        .allSatisfy(row -> assertThat(row.<Long>getAs("rows_computed")).isZero());
  }

  /** The first is held by its own row until the call has said what the second waits for. */
  @Test
  void whatOneWaitsForIsSaid() {
    session
        .spark()
        .udf()
        .register(
            "once_said_" + name,
            (UDF1<Integer, Integer>) n -> SAID.await(60, SECONDS) ? n : null,
            DataTypes.IntegerType);
    session.call(
        "add_column('%s', 'held', 'once_said_%s(length(text))', options => map('version', '1'))",
        table, name);
    String waits =
        "backfill b: begins when that of held has ended: the same executors compute both";
    PrintStream before = System.err;
    System.setErr(
        new PrintStream(before, true, StandardCharsets.UTF_8) {
          @Override
          public void println(String line) {
            super.println(line);
            if (line.equals(waits)) {
              SAID.countDown();
            }
          }
        });
    try {
      backfill("columns => array('a', 'held', 'b')");
    } finally {
      System.setErr(before);
    }
    assertThat(SAID.getCount()).isZero();
    assertThat(filled("held IS NOT NULL")).isEqualTo(60);
  }

  @Test
  void optionsHoldForEachOfThem() {
    List<Row> planned = backfill("columns => array('b', 'a'), dry_run => true");
    assertThat(planned)
        .extracting(row -> row.<String>getAs("status"))
        .containsExactly("PLANNED", "PLANNED");
    assertThat(filled("a IS NOT NULL")).isZero();
    backfill("columns => array('b', 'a'), max_fragments => 2");
    assertThat(filled("a IS NOT NULL")).isEqualTo(40);
    assertThat(filled("b IS NOT NULL")).isEqualTo(40);
    List<BackfillResult> rest =
        LanceBackfill.table(session.spark(), table)
            .backfillAll(List.of("b", "a"), Map.of("where", "id >= 0"));
    assertThat(rest).extracting(BackfillResult::columns).containsExactly("a", "b");
    assertThat(rest).allSatisfy(job -> assertThat(job.counts().rowsComputed()).isEqualTo(20));
    assertThat(filled("b = 2 * a")).isEqualTo(60);
  }

  @Test
  void theFaultsOfAllAreToldBeforeTheFirstJob() {
    BackfillException refused =
        catchThrowableOfType(
            BackfillException.class,
            () ->
                backfill(
                    "columns => array('a', 'x', 'y', 'text', 'no_column', 'a'), where => 'id <',"
                        + " job_id => 'one'"));
    assertThat(refused.getMessage().lines().filter(line -> line.startsWith("[")))
        .satisfiesExactlyInAnyOrder(
            line -> assertThat(line).startsWith("[INVALID_WHERE]"),
            line -> assertThat(line).startsWith("[NOT_A_COMPUTED_COLUMN]").contains("text"),
            line -> assertThat(line).startsWith("[COLUMN_NOT_FOUND] Column 'no_column'"),
            line -> assertThat(line).startsWith("[INVALID_OPTION] job_id is 'one', and 6 columns"));
    assertThatThrownBy(() -> backfill("columns => array('a', 'y', 'x', 'a')"))
        .hasMessage(
            "[INVALID_ARGUMENT] Columns 'y' and 'x' are of one group, which one function fills at once: name one of them.\n"
                + "[INVALID_ARGUMENT] Column 'a' stands twice in 'columns'.");
    assertThatThrownBy(() -> backfill("columns => array('b', 'a'), read_version => 1"))
        .hasMessageContaining("Column 'b' reads 'a'")
        .hasMessageContaining("read_version");
    assertThatThrownBy(() -> backfill("column => 'a', columns => array('b')"))
        .hasMessageStartingWith("[INVALID_ARGUMENT] backfill takes either 'column'");
    assertThatThrownBy(() -> backfill("columns => array(), where => 'id <'"))
        .hasMessageContaining("an empty array was given")
        .hasMessageContaining("[INVALID_WHERE]");
    assertThatThrownBy(() -> backfill("where => 'id <'"))
        .hasMessageContaining("[MISSING_ARGUMENT] backfill takes either 'column'")
        .hasMessageContaining("[INVALID_WHERE]");
    assertThat(session.sql("CALL lance.system.jobs('%s')", table).count()).isZero();
  }

  @Test
  void theFirstFailureEndsTheCallAndTheSameCallGoesOn() {
    session.call(
        "add_column('%s', 'bad', 'if(b > 0, raise_error(\"no\"), cast(b as string))')", table);
    session.call("add_column('%s', 'after', 'length(bad)')", table);
    assertThatThrownBy(() -> backfill("columns => array('after', 'bad', 'b', 'a')"))
        .hasMessageStartingWith("[FUNCTION_FAILED]")
        .hasMessageContaining("; see job and jobs.");
    assertThat(filled("a IS NOT NULL AND b IS NOT NULL")).isEqualTo(60);
    assertThat(session.sql("CALL lance.system.jobs('%s')", table).collectAsList())
        .extracting(row -> row.<String>getAs("columns"))
        .containsExactly("a", "b", "bad");
    session.call("alter_column('%s', 'bad', 'cast(b as string)')", table);
    List<Row> again = backfill("columns => array('after', 'bad', 'b', 'a')");
    assertThat(again)
        .extracting(row -> row.<Long>getAs("rows_computed"))
        .containsExactly(0L, 0L, 60L, 60L);
  }
}
