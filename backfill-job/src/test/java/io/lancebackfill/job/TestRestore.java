package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.state.JobEvent;
import io.lancebackfill.state.JobRecords;
import io.lancebackfill.state.TableState;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** A restore brings rows back to life under files that were made while they were deleted. */
class TestRestore {

  @RegisterExtension private static final BackfillSession session = new BackfillSession();
  private static int tables;

  private String name;
  private String table;

  @BeforeAll
  static void start() {
    CountingFunction.register(session.spark());
  }

  @BeforeEach
  void resetFunction() {
    CountingFunction.reset();
  }

  static Stream<Arguments> kinds() {
    return Stream.of("2.0", "2.1", "2.2")
        .flatMap(format -> Stream.of(Arguments.of(format, true), Arguments.of(format, false)));
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void rowsThatWereDeletedWhenTheOthersWereComputedAreComputed(String format, boolean stable) {
    declared(format, stable);
    long before = version();
    python("ds.delete('id < 5')");
    assertThat(backfill("").<Long>getAs("rows_computed")).isEqualTo(35);
    restore(before);
    assertThat(coverage()).containsExactly(0L, 0L, 0L, 40L, 0L);
    CountingFunction.reset();
    Row second = backfill("");
    assertThat(second.<Long>getAs("rows_computed")).isEqualTo(5);
    assertThat(second.<Long>getAs("rows_from_checkpoints")).isEqualTo(35);
    assertThat(second.<Long>getAs("fragments_planned")).isEqualTo(4);
    assertThat(second.<Long>getAs("fragments_committed")).isEqualTo(4);
    assertThat(second.<Long>getAs("fragments_skipped")).isZero();
    assertThat(CountingFunction.CALLS.sum()).isEqualTo(5);
    complete();
  }

  @Test
  void afterHalfAJob() {
    declared("2.1", false);
    long before = version();
    python("ds.delete('id % 10 < 5')");
    assertThat(backfill(", max_fragments => 2").<String>getAs("status")).isEqualTo("PAUSED");
    restore(before);
    assertThat(backfill("").<Long>getAs("rows_computed")).isEqualTo(30);
    complete();
  }

  @Test
  void withACleanInBetween() {
    declared("2.1", false);
    long before = version();
    python("ds.delete('id < 5')");
    backfill("");
    restore(before);
    session.sql("CALL lance.system.clean('%s')", table).collectAsList();
    assertThat(backfill("").<Long>getAs("rows_computed")).isEqualTo(5);
    session.sql("CALL lance.system.clean('%s')", table).collectAsList();
    complete();
  }

  @Test
  void vectorsAndGroups() {
    made("2.1", false);
    session.call(
        "add_column(table => '%s', column => 'v', expression => 'array(cast(id as float), 1f)',"
            + " options => map('vector_dim', '2'))",
        table);
    session.sql(
        "CALL lance.system.add_column(table => '%s', columns => array('a', 'b'), expression =>"
            + " 'named_struct(\"a\", id, \"b\", text)')",
        table);
    long before = version();
    python("ds.delete('id < 5')");
    List<String> columns = List.of("v", "a");
    columns.forEach(column -> session.call("backfill('%s', '%s')", table, column));
    restore(before);
    for (String column : columns) {
      Row second = session.call("backfill('%s', '%s')", table, column);
      assertThat(second.<Long>getAs("rows_computed")).as(column).isEqualTo(5);
      assertThat(session.coverage(table, column)).containsExactly(40L, 0L, 0L, 0L, 0L);
    }
    assertThat(
            session.number(
                "SELECT count(*) FROM %s WHERE v[0] = id AND v[1] = 1 AND a = id AND b = text",
                table))
        .isEqualTo(40);
  }

  /** The job is told by no refusal of Lance that rows came alive. */
  @ParameterizedTest
  @CsvSource({"2.1,true,1", "2.1,false,1", "2.0,false,4", "2.2,false,2"})
  void anotherWriterRestoresWhileTheJobRuns(String format, boolean stable, int granularity) {
    declared(format, stable);
    long before = version();
    python("ds.delete('id % 10 < 5')");
    CountingFunction.at(27, () -> restore(before));
    Row result = backfill(", concurrency => 1, commit_granularity => " + granularity);
    complete();
    assertThat(result.<Long>getAs("rows_computed")).as("each row once").isEqualTo(40);
    assertThat(result.<Long>getAs("rows_from_checkpoints")).isZero();
    assertThat(result.<Long>getAs("fragments_planned")).isEqualTo(4);
    assertThat(result.<Long>getAs("fragments_committed")).isEqualTo(4);
    assertThat(result.<Long>getAs("fragments_skipped")).isZero();
    List<JobEvent> events =
        new JobRecords(new TableState(DatasetRef.of(session.folder(name).toString())))
            .events(result.getAs("job_id"));
    JobEvent last =
        events.stream().filter(e -> e.event().equals("COMMITTED")).reduce((a, b) -> b).get();
    assertThat(last.rowsPlanned()).as("the whole of the progress").isEqualTo(40);
    assertThat(last.counts().rowsComputed()).isEqualTo(40);
    CountingFunction.reset();
    assertThat(backfill("").<Long>getAs("rows_computed")).isZero();
  }

  @Test
  void aValueIsNotExchangedForTheNullOfADeletedRow() {
    declared("2.1", false);
    backfill("");
    long before = version();
    python("ds.delete('id < 5')");
    alter(1);
    backfill("");
    restore(before);
    alter(1);
    CountingFunction.reset();
    backfill(", where => 'id >= 5'");
    assertThat(session.number("SELECT count(*) FROM %s WHERE n IS NULL", table)).isZero();
    assertThat(coverage()).containsExactly(35L, 5L, 0L, 0L, 0L);
    backfill("");
    assertThat(coverage()).containsExactly(40L, 0L, 0L, 0L, 0L);
  }

  @Test
  void fragmentsWithRowsThatTheReadVersionDoesNotKnowAreLeft() {
    declared("2.1", false);
    long before = version();
    python("ds.delete('id < 5')");
    long deleted = version();
    restore(before);
    Row pinned = backfill(", read_version => " + deleted);
    assertThat(pinned.<String>getAs("status")).isEqualTo("DONE");
    assertThat(pinned.<Long>getAs("rows_computed")).isEqualTo(30);
    assertThat(pinned.<String>getAs("note"))
        .contains("1 fragments changed after the version that was read and were left as they are")
        .contains("ROWS_RESTORED");
    assertThat(coverage()).containsExactly(30L, 0L, 0L, 10L, 0L);
    assertThat(backfill("").<Long>getAs("rows_computed")).isEqualTo(10);
    complete();
  }

  @Test
  void aVersionBeforeTheColumn() {
    made("2.1", false);
    long before = version();
    declare(0);
    backfill("");
    restore(before);
    assertThatThrownBy(() -> backfill(""))
        .hasMessageContaining("[COLUMN_NOT_FOUND] Column 'n' is not in the table")
        .hasMessageContaining("Declare it with add_column");
    declare(0);
    CountingFunction.reset();
    backfill("");
    complete();
  }

  @Test
  void aColumnThatGetsTheIdOfOneThatARestoreTookAway() {
    made("2.1", false);
    long before = version();
    declare(0);
    backfill("");
    restore(before);
    declare(1);
    assertThat(coverage()).containsExactly(0L, 0L, 0L, 40L, 0L);
    assertThat(backfill("").<Long>getAs("rows_computed")).isEqualTo(40);
    assertThat(
            session.number("SELECT count(*) FROM %s WHERE n = length(text) + id %% 10 + 1", table))
        .isEqualTo(40);
    restore(before);
    session.call("add_column('%s', 'other', 'concat(text, \"!\")')", table);
    declare(0);
    backfill("");
    session.call("backfill('%s', 'other')", table);
    complete();
    assertThat(session.number("SELECT count(*) FROM %s WHERE other = concat(text, '!')", table))
        .isEqualTo(40);
  }

  /** A shadow column puts the values under new ids, which the restored version does not know. */
  @Test
  void aVersionInWhichTheColumnHadOtherIds() {
    declared("2.1", true);
    python(
        "lance.write_dataset(pa.table({'id': pa.array(range(40, 50), pa.int64()), 'text':"
            + " ['more'] * 10, 'n': pa.nulls(10, pa.int32())}), uri, mode='append')");
    long before = version();
    python("ds.delete('id % 10 = 3')");
    backfill(", attach => 'shadow_column'");
    alter(1);
    backfill("");
    restore(before);
    alter(1);
    CountingFunction.reset();
    backfill("");
    assertThat(coverage()).containsExactly(50L, 0L, 0L, 0L, 0L);
    assertThat(
            session.number("SELECT count(*) FROM %s WHERE n = length(text) + id %% 10 + 1", table))
        .isEqualTo(50);
    python("ds.optimize.compact_files()");
    session.call("add_column('%s', 'next', 'n + 1')", table);
    session.call("backfill('%s', 'next')", table);
    assertThat(session.number("SELECT count(*) FROM %s WHERE next = n + 1", table)).isEqualTo(50);
  }

  /** Files that were staged under ids which a restore took back go under the present ones. */
  @Test
  void filesOfIdsThatARestoreTookBack() {
    declared("2.1", true);
    python(
        "lance.write_dataset(pa.table({'id': pa.array(range(40, 50), pa.int64()), 'text':"
            + " ['more'] * 10, 'n': pa.nulls(10, pa.int32())}), uri, mode='append')");
    long before = version();
    backfill(", where => 'id >= 40', attach => 'shadow_column'");
    backfill("");
    restore(before);
    CountingFunction.reset();
    Row second = backfill("");
    assertThat(second.<Long>getAs("rows_computed")).isZero();
    assertThat(second.<Long>getAs("rows_from_checkpoints")).isEqualTo(50);
    session.call("add_column('%s', 'next', 'concat(text, \"!\")')", table);
    session.call("backfill('%s', 'next')", table);
    assertThat(coverage()).containsExactly(50L, 0L, 0L, 0L, 0L);
    assertThat(
            session.number(
                "SELECT count(*) FROM %s WHERE n = length(text) + id %% 10 AND next ="
                    + " concat(text, '!')",
                table))
        .isEqualTo(50);
  }

  @Test
  void aRestoreInTheMiddleOfAJobToAVersionWithAnotherFunction() {
    declared("2.1", false);
    long before = version();
    alter(1);
    CountingFunction.at(27, () -> restore(before));
    assertThatThrownBy(() -> backfill(", concurrency => 1, commit_granularity => 1"))
        .hasMessageContaining("[COLUMN_CHANGED] Column n has another function in version")
        .hasMessageContaining("the same call goes on with the present function");
    backfill("");
    complete();
  }

  @Test
  void aRestoreInTheMiddleOfAJobToAVersionWithoutTheColumn() {
    made("2.1", false);
    long before = version();
    declare(0);
    CountingFunction.at(37, () -> restore(before));
    assertThatThrownBy(() -> backfill(", concurrency => 1, commit_granularity => 1"))
        .hasMessageContaining("[COLUMN_DROPPED]")
        .hasMessageContaining("is gone in version");
    assertThat(session.number("SELECT count(*) FROM %s WHERE length(text) > 0", table))
        .isEqualTo(40);
    declare(0);
    CountingFunction.reset();
    assertThat(backfill("").<Long>getAs("rows_computed")).isLessThan(40);
    complete();
  }

  /** What other writers did in versions that a restore left behind, and another brings back. */
  @ParameterizedTest
  @CsvSource({"true", "false"})
  void thereAndBackAgain(boolean stable) {
    declared("2.1", stable);
    backfill("");
    long filled = version();
    python("ds.update({'text': \"'updated'\"}, where='id % 10 = 7')");
    python("lance.dataset(uri).optimize.compact_files()");
    long updated = version();
    restore(filled);
    assertThat(backfill("").<Long>getAs("rows_computed")).isZero();
    restore(updated);
    assertThat(coverage()).containsExactly(36L, 4L, 0L, 0L, 0L);
    CountingFunction.reset();
    assertThat(backfill("").<Long>getAs("rows_computed")).isEqualTo(4);
    complete();
  }

  @Test
  void aCompactionWhileRowsWaitThatCameAlive() {
    declared("2.1", false);
    long before = version();
    python("ds.delete('id < 5')");
    backfill("");
    restore(before);
    backfill(", where => 'id > 100'");
    python("ds.optimize.compact_files()");
    assertThat(coverage()).containsExactly(35L, 0L, 0L, 5L, 0L);
    assertThat(backfill("").<Long>getAs("rows_computed")).isEqualTo(5);
    complete();
  }

  @Test
  void aColumnOverAComputedOne() {
    declared("2.1", false);
    session.call("add_column('%s', 'over', 'n + 1')", table);
    long before = version();
    python("ds.delete('id < 5')");
    backfill("");
    session.call("backfill('%s', 'over')", table);
    restore(before);
    backfill(", where => 'id > 100'");
    Row waiting = session.call("backfill('%s', 'over')", table);
    assertThat(waiting.<Long>getAs("rows_computed") + waiting.<Long>getAs("rows_from_checkpoints"))
        .isEqualTo(35);
    assertThat(session.coverage(table, "over")).containsExactly(35L, 0L, 0L, 5L, 0L);
    backfill("");
    assertThat(session.call("backfill('%s', 'over')", table).<Long>getAs("rows_computed"))
        .isEqualTo(5);
    assertThat(session.number("SELECT count(*) FROM %s WHERE over = n + 1", table)).isEqualTo(40);
    complete();
  }

  /** Rows that were deleted when their fragment was computed cause no work while they stay so. */
  @Test
  void deletedRowsAreNoWork() {
    declared("2.1", false);
    python("ds.delete('id % 10 < 5')");
    backfill("");
    long filled = version();
    python("ds.delete('id % 10 = 7')");
    for (int call = 0; call < 2; call++) {
      Row again = backfill("");
      assertThat(again.<Long>getAs("fragments_planned")).isZero();
      assertThat(again.<Long>getAs("fragments_skipped")).isEqualTo(4);
    }
    restore(filled);
    assertThat(coverage()).containsExactly(20L, 0L, 0L, 0L, 0L);
    assertThat(backfill("").<Long>getAs("rows_computed")).isZero();
  }

  private Row backfill(String options) {
    return session.call("backfill(table => '%s', column => 'n'%s)", table, options);
  }

  private List<Long> coverage() {
    return session.coverage(table, "n");
  }

  private void complete() {
    assertThat(coverage()).containsExactly(40L, 0L, 0L, 0L, 0L);
    assertThat(session.number("SELECT count(*) FROM %s WHERE n = length(text) + id %% 10", table))
        .isEqualTo(40);
  }

  private long version() {
    return LanceTables.latest(DatasetRef.of(session.folder(name).toString())).version();
  }

  private void python(String script) {
    Pylance.run(session.folder(name), "ds = lance.dataset(uri)\n" + script);
  }

  private void restore(long version) {
    Pylance.run(
        session.folder(name),
        "ds = lance.dataset(uri, version=%d)\nds.restore()".formatted(version));
  }

  private void alter(int added) {
    session.call(
        "alter_column(table => '%s', column => 'n', expression => 'counting(id, text) + %d')",
        table, added);
  }

  private void declare(int added) {
    session.call(
        "add_column(table => '%s', column => 'n', expression => 'counting(id, text) + %d',"
            + " options => map('version', '1'))",
        table, added);
  }

  private void made(String format, boolean stable) {
    name = "restored" + tables++;
    table = session.table(name, 40, 4, format, stable);
  }

  private void declared(String format, boolean stable) {
    made(format, stable);
    declare(0);
  }
}
