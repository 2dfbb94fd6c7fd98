package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.types.DataTypes;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Columns over computed columns: in which order they are filled, and when they are stale. */
class TestDependentColumns {
  private static final String A = "length(text) + cast(id % 10 as int)";

  @RegisterExtension private static final BackfillSession session = new BackfillSession();
  private static int tables;

  private String name = "";
  private String table = "";

  @BeforeAll
  static void start() {
    session.spark().udf().register("doubled", new Doubled(), DataTypes.IntegerType);
  }

  /** Counts its calls, those for NULL apart; local sessions only. */
  private static final class Doubled implements UDF1<Integer, Integer> {
    private static final long serialVersionUID = 1L;

    static final LongAdder CALLS = new LongAdder();
    static final LongAdder NULLS = new LongAdder();

    @Override
    public @Nullable Integer call(@Nullable Integer a) {
      CALLS.increment();
      if (a == null) {
        NULLS.increment();
        return null;
      }
      return 2 * a;
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void rowsWaitForTheirInputAndOnlyTheNewOnesAreComputed(boolean stableRowIds) {
    declared(stableRowIds);
    Row nothing = computes("b", "", 0);
    assertThat(nothing.<String>getAs("status")).isEqualTo("DONE");
    assertThat(nothing.<String>getAs("note"))
        .isEqualTo(
            "200 rows wait for their input column a, whose values there are missing or stale."
                + " Run CALL lance.system.backfill('%s', 'a'), then this call again."
                    .formatted(table));
    assertThat(states("b")).containsExactly(0L, 0L, 0L, 200L, 0L);
    assertThat(reasons("b"))
        .containsOnly("50 never computed: its input column a is not computed there");

    backfill("a", "where => 'id % 3 = 0'");
    assertThat(reasons("b").get(0))
        .isEqualTo(
            "33 never computed: its input column a is not computed there;"
                + " 17 never computed: no job has been here since the fragment was written");
    Row third = computes("b", "", 67);
    assertThat(third.<String>getAs("note")).startsWith("133 rows wait for their input column a");

    follow(third);
    assertThat(states("b")).containsExactly(67L, 0L, 0L, 133L, 0L);
    assertThat(computes("b", "", 133).<String>getAs("note")).isEmpty();
    assertThat(states("b")).containsExactly(200L, 0L, 0L, 0L, 0L);
    computes("b", "", 0);
    assertThat(wrong("b <=> 2 * a")).isZero();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aNewFunctionOfTheInputMakesItStaleOnce(boolean stableRowIds) {
    filled(stableRowIds);
    session.call("alter_column('%s', 'a', '%s + 100')", table, A);
    assertThat(states("b")).containsExactly(0L, 200L, 0L, 0L, 0L);
    assertThat(reasons("b")).containsOnly("50 stale: its input column a is stale");
    for (String options : List.of("", "recompute => true", "recompute_unknown => true")) {
      assertThat(computes("b", options, 0).<String>getAs("note"))
          .startsWith("200 rows wait for their input column a");
    }
    backfill("a", "where => 'id < 75'");
    assertThat(states("b")).containsExactly(0L, 200L, 0L, 0L, 0L);
    assertThat(reasons("b").get(1))
        .isEqualTo("25 stale: its input column a is stale; 25 stale: made from other values of a");
    assertThat(computes("b", "", 75).<String>getAs("note")).startsWith("125 rows wait");
    assertThat(states("b")).containsExactly(75L, 125L, 0L, 0L, 0L);
    backfill("a", "");
    computes("b", "", 125);
    computes("b", "", 0);
    assertThat(wrong("b <=> 2 * a AND a > 100")).isZero();
  }

  @Test
  void anInputFunctionThatIsTakenBackLeavesNothingToDo() {
    filled(false);
    session.call("alter_column('%s', 'a', '%s + 100')", table, A);
    assertThat(states("b")).containsExactly(0L, 200L, 0L, 0L, 0L);
    session.call("alter_column('%s', 'a', '%s')", table, A);
    assertThat(states("b")).containsExactly(200L, 0L, 0L, 0L, 0L);
    computes("b", "", 0);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whereTheInputIsComputedAnewItIsStale(boolean stableRowIds) {
    filled(stableRowIds);
    backfill("a", "recompute => true, where => 'id % 4 = 1'");
    assertThat(states("b")).containsExactly(150L, 50L, 0L, 0L, 0L);
    assertThat(reasons("b").get(0))
        .isEqualTo(
            "37 fresh: made by the present function from the present inputs;"
                + " 13 stale: made from other values of a");
    computes("b", "", 50);
    assertThat(states("b")).containsExactly(200L, 0L, 0L, 0L, 0L);
    assertThat(wrong("b <=> 2 * a")).isZero();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void theOrderHoldsOverThreeColumns(boolean stableRowIds) {
    declared(stableRowIds);
    session.call("add_column('%s', 'c', 'doubled(b) + a')", table);
    Row waits = computes("c", "", 0);
    assertThat(waits.<String>getAs("note")).contains("wait for their input column b");
    assertThat(waits.<String>getAs("note")).contains("wait for their input column a");
    backfill("a", "");
    backfill("b", "where => 'id < 100'");
    computes("c", "", 100);
    backfill("b", "");
    computes("c", "", 100);
    assertThat(wrong("c <=> 2 * b + a AND b <=> 2 * a")).isZero();

    session.call("alter_column('%s', 'a', '%s + 100')", table, A);
    assertThat(states("c")).containsExactly(0L, 200L, 0L, 0L, 0L);
    Row stale = computes("c", "", 0);
    assertThat(stale.<String>getAs("note"))
        .contains(
            "wait for their input column b, whose values there are missing or stale, as are those"
                + " of a. Run CALL lance.system.backfill('%1$s', 'a'), then CALL lance.system.backfill('%1$s', 'b'), then this call again."
                    .formatted(table));
    follow(stale);
    assertThat(states("b")).containsExactly(200L, 0L, 0L, 0L, 0L);
    computes("c", "", 200);
    assertThat(wrong("c <=> 2 * b + a AND b <=> 2 * a AND a > 100")).isZero();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whatWasMadeFromCopiedValuesStaysFreshOverACompaction(boolean stableRowIds) {
    declared(stableRowIds);
    backfill("a", "where => 'id % 3 = 0'");
    backfill("b", "");
    backfill("a", "");
    session.sql("DELETE FROM %s WHERE id %% 10 = 3", table);
    List<Long> before = states("b");
    assertThat(before).containsExactly(60L, 0L, 0L, 120L, 0L);
    compact();
    assertThat(states("b")).isEqualTo(before);
    computes("b", "", 120);
    compact();
    assertThat(states("b")).containsExactly(180L, 0L, 0L, 0L, 0L);
    computes("b", "", 0);
    assertThat(wrong("b <=> 2 * a")).isZero();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whatIsUpdatedAndMergedWaitsForItsInput(boolean stableRowIds) {
    filled(stableRowIds);
    Pylance.run(
        session.folder(name),
        """
        ds = lance.dataset(uri)
        ds.update({'text': "'updated'"}, where='id % 50 = 7')
        none = pa.array([None, None], pa.int32())
        rows = pa.table({'id': pa.array([195, 205], pa.int64()), 'text': ['merged', 'new'],
                         'a': none, 'b': none})
        lance.dataset(uri).merge_insert('id').when_matched_update_all() \\
            .when_not_matched_insert_all().execute(rows)
        """);
    assertThat(states("b")).containsExactly(195L, 6L, 0L, 0L, 0L);
    compact();
    assertThat(states("b")).containsExactly(195L, 6L, 0L, 0L, 0L);
    assertThat(computes("b", "", 0).<String>getAs("note")).startsWith("6 rows wait");
    backfill("a", "where => 'id < 100'");
    computes("b", "", 2);
    backfill("a", "");
    computes("b", "", 4);
    assertThat(states("b")).containsExactly(201L, 0L, 0L, 0L, 0L);
    assertThat(wrong("b <=> 2 * a AND a <=> " + A)).isZero();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void valuesOfAnotherToolAreAvailable(boolean stableRowIds) {
    filled(stableRowIds);
    Pylance.run(
        session.folder(name),
        """
        rows = pa.table({'id': pa.array([300, 301, 302], pa.int64()), 'text': ['x', 'y', 'z'],
                         'a': pa.array([7, None, 9], pa.int32())})
        lance.write_dataset(rows, uri, mode='append')
        """);
    assertThat(computes("b", "", 2).<String>getAs("note")).startsWith("1 rows wait");
    assertThat(states("b")).containsExactly(202L, 0L, 0L, 1L, 0L);
    backfill("a", "");
    assertThat(session.number("SELECT b FROM %s WHERE id = 302", table)).isEqualTo(18);
    backfill("b", "");
    assertThat(states("b")).containsExactly(203L, 0L, 0L, 0L, 0L);
    assertThat(wrong("b <=> 2 * a")).isZero();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void anInputMayBeOfAGroup(boolean stableRowIds) {
    table(stableRowIds);
    session.sql(
        "CALL lance.system.add_column(table => '%s', columns => array('g1', 'g2'), expression =>"
            + " 'struct(cast(id as int) as left, cast(id + 1 as int) as right)')",
        table);
    session.call("add_column('%s', 'b', 'doubled(g2)')", table);
    assertThat(computes("b", "", 0).<String>getAs("note"))
        .startsWith("200 rows wait for their input column g2");
    backfill("g1", "where => 'id >= 150'");
    Row some = computes("b", "", 50);
    follow(some);
    computes("b", "", 150);
    session.sql(
        "CALL lance.system.alter_column('%s', 'g1',"
            + " 'struct(cast(id as int) as left, cast(id + 2 as int) as right)')",
        table);
    assertThat(states("b")).containsExactly(0L, 200L, 0L, 0L, 0L);
    backfill("g2", "where => 'id < 10'");
    computes("b", "", 10);
    assertThat(states("b")).containsExactly(10L, 190L, 0L, 0L, 0L);
  }

  @Test
  void theWaitHoldsForReadVersionsDryRunsAndConditions() {
    declared(false);
    String version = Pylance.run(session.folder(name), "print(lance.dataset(uri).version)");
    backfill("a", "where => 'id < 100'");
    Row old = computes("b", "read_version => " + version.strip(), 0);
    assertThat(old.<String>getAs("note")).contains("200 rows wait for their input column a");
    Map<String, String> files = session.allFiles(name);
    Row dry = computes("b", "dry_run => true", 0);
    assertThat(dry.<String>getAs("note")).startsWith("100 rows wait for their input column a");
    assertThat(session.allFiles(name)).isEqualTo(files);
    Row narrowed = computes("b", "where => 'id BETWEEN 90 AND 104'", 10);
    assertThat(narrowed.<String>getAs("note")).startsWith("5 rows wait");
    assertThat(computes("b", "where => 'a > 0'", 90).<String>getAs("note")).isEmpty();
    List<Row> events =
        session
            .sql("CALL lance.system.job('%s', '%s')", table, narrowed.getString(0))
            .collectAsList();
    assertThat(events.get(events.size() - 1).<String>getAs("message"))
        .isEqualTo(narrowed.<String>getAs("note"));
    JobNotices notices = new JobNotices();
    assertThat(notices.run(session.spark(), table, "b", Map.of()).counts().rowsComputed()).isZero();
    assertThat(notices.notices).singleElement().asString().startsWith("100 rows wait");
  }

  @Test
  void aColumnInUseIsNotDroppedAndCirclesAreRefused() {
    declared(false);
    session.call("add_column('%s', 'c', 'doubled(b)')", table);
    Map<String, String> files = session.allFiles(name);
    refused("drop_column('%s', 'a')", "[COLUMN_IN_USE] Column 'a' is an input of column 'b'");
    refused("drop_column('%s', 'b')", "Drop or alter that one first");
    refused("alter_column('%s', 'a', 'doubled(c)')", "[INVALID_EXPRESSION]");
    refused("alter_column('%s', 'a', 'b + 1')", "depends on the column itself");
    refused("alter_column('%s', 'b', 'b + 1')", "[INVALID_EXPRESSION]");
    refused("add_column('%s', 'd', 'd + 1')", "[INVALID_EXPRESSION]");
    assertThat(session.allFiles(name)).isEqualTo(files);
    for (String column : List.of("c", "b", "a")) {
      session.call("drop_column('%s', '%s')", table, column);
    }
  }

  private void refused(String call, String message) {
    assertThatThrownBy(() -> session.call(call, table)).hasMessageContaining(message);
  }

  private void filled(boolean stableRowIds) {
    declared(stableRowIds);
    backfill("a", "");
    backfill("b", "");
  }

  private void declared(boolean stableRowIds) {
    table(stableRowIds);
    session.call("add_column('%s', 'a', '%s')", table, A);
    session.call("add_column('%s', 'b', 'doubled(a)')", table);
  }

  private void table(boolean stableRowIds) {
    name = "dependent" + tables++;
    session.table(name, 200, 4, "2.1", stableRowIds);
    table = "lance.default." + name;
  }

  private Row backfill(String column, String options) {
    return session
        .spark()
        .sql(
            "CALL lance.system.backfill(table => '%s', column => '%s'%s)"
                .formatted(table, column, options.isEmpty() ? "" : ", " + options))
        .first();
  }

  /** A backfill that calls the function so many times, and never for NULL. */
  private Row computes(String column, String options, long rows) {
    Doubled.CALLS.reset();
    Doubled.NULLS.reset();
    Row result = backfill(column, options);
    assertThat(result.<Long>getAs("rows_computed")).isEqualTo(rows);
    assertThat(Doubled.CALLS.sum()).isEqualTo(rows);
    assertThat(Doubled.NULLS.sum()).isZero();
    return result;
  }

  /** Runs the calls that a note names, each once, in their order. */
  private void follow(Row result) {
    Matcher call = Pattern.compile("CALL [^)]*\\)").matcher(result.<String>getAs("note"));
    List<String> calls = new ArrayList<>();
    while (call.find()) {
      if (!calls.contains(call.group())) {
        calls.add(call.group());
      }
    }
    assertThat(calls).isNotEmpty();
    calls.forEach(text -> session.spark().sql(text).collect());
  }

  /** Fresh, stale, failed, never computed and unknown rows. */
  private List<Long> states(String column) {
    return session.coverage(table, column);
  }

  private List<String> reasons(String column) {
    return session
        .sql("CALL lance.system.coverage('%s', '%s')", table, column)
        .collectAsList()
        .stream()
        .map(row -> row.<String>getAs("reason"))
        .toList();
  }

  private void compact() {
    Pylance.run(session.folder(name), "lance.dataset(uri).optimize.compact_files()");
  }

  private long wrong(String condition) {
    return session
        .spark()
        .sql("SELECT id FROM %s WHERE NOT (%s)".formatted(table, condition))
        .count();
  }
}
