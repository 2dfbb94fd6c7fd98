package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.state.ColumnOrigins;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.TableState;
import java.util.OptionalLong;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The word that a job leaves when a column is complete, and what takes it back. */
class TestNothingToDo {
  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  private static String filled(String name) {
    String table = session.table(name, 60, 3, "2.1");
    session.call("add_column('%s', 'n', 'id * 2')", table);
    assertThat(session.call("backfill('%s', 'n')", table).<Long>getAs("rows_computed"))
        .isEqualTo(60);
    return table;
  }

  /** What the next call would find, asked as it does. */
  private static OptionalLong pass(String name) {
    DatasetRef ref = DatasetRef.of(session.folder(name).toString());
    TableSnapshot table = LanceTables.latest(ref);
    TableState state = new TableState(ref);
    return JobLease.passIfComplete(
        state.lease(ComputedColumn.of(table, "n").idKey()),
        table.version(),
        () -> new ColumnOrigins(state).version());
  }

  @Test
  void aFillLeavesWordAndJobsThatPassAreRemembered() {
    String table = filled("complete");
    for (int i = 0; i < 20; i++) {
      Row again = session.call("backfill(table => '%s', column => 'n', job_id => 'j%d')", table, i);
      assertThat(again.<String>getAs("status")).isEqualTo("DONE");
      assertThat(again.<Long>getAs("rows_computed")).isZero();
      assertThat(again.<Long>getAs("fragments_skipped")).isEqualTo(3);
    }
    assertThat(session.sql("CALL lance.system.jobs('%s')", table).collectAsList()).hasSize(21);
    assertThat(session.sql("CALL lance.system.job('%s', 'j7')", table).collectAsList())
        .extracting(event -> event.<String>getAs("event"))
        .containsExactly("STARTED", "PLANNED", "ENDED");
    assertThat(pass("complete")).hasValue(22);
  }

  @Test
  void anotherVersionOfTheTableIsLookedAt() {
    String table = filled("appended");
    session.sql("INSERT INTO %s (id, text) VALUES (100, 'a')", table);
    assertThat(pass("appended")).isEmpty();
    assertThat(session.call("backfill('%s', 'n')", table).<Long>getAs("rows_computed")).isOne();
    assertThat(pass("appended")).isPresent();
  }

  @Test
  void aJobThatLeavesRowsOutLeavesNoWord() {
    String table = session.table("partly", 60, 3, "2.1");
    session.call("add_column('%s', 'n', 'id * 2')", table);
    session.call("backfill(table => '%s', column => 'n', where => 'id < 30')", table);
    assertThat(pass("partly")).isEmpty();
    session.call("backfill(table => '%s', column => 'n', max_fragments => 1)", table);
    assertThat(pass("partly")).isEmpty();
    assertThat(session.coverage(table, "n")).isNotEmpty();
  }

  @Test
  void recomputeComputesAgain() {
    String table = filled("again");
    assertThat(
            session
                .call("backfill(table => '%s', column => 'n', recompute => true)", table)
                .<Long>getAs("rows_computed"))
        .isEqualTo(60);
  }
}
