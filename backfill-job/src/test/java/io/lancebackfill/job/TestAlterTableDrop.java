package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.error.BackfillException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** {@code ALTER TABLE ... DROP COLUMN} of computed columns, which lance-spark knows nothing of. */
class TestAlterTableDrop {

  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  @Test
  void dropsComputedColumns() {
    session.sql("CREATE TABLE lance.default.`odd-name` AS SELECT id, 'x' AS text FROM range(20)");
    String table = "lance.default.`odd-name`";
    session.call("add_column('%s', 'a', 'id + 1')", table);
    session.call("add_column('%s', 'b', 'id + 2')", table);
    session.call("add_column('%s', 'c', 'a + b')", table);
    session.call("backfill('%s', 'a')", table);
    assertThatThrownBy(() -> session.sql("ALTER TABLE %s DROP COLUMN b", table))
        .isInstanceOf(BackfillException.class)
        .hasMessageStartingWith("[COLUMN_IN_USE] Column 'b' is an input of column 'c'");
    session.sql("ALTER TABLE %s DROP COLUMN C", table);
    assertThat(session.spark().table(table).columns()).containsExactly("id", "text", "a", "b");
    session.sql("ALTER TABLE %s DROP COLUMNS (a, b)", table);
    assertThat(session.spark().table(table).columns()).containsExactly("id", "text");
    session.call("add_column('%s', 'a', 'length(text)')", table);
    assertThat(session.coverage(table, "a")).first().isEqualTo(0L);
    session.sql("ALTER TABLE %s DROP COLUMN IF EXISTS b", table);
    assertThatThrownBy(() -> session.sql("ALTER TABLE %s DROP COLUMNS (a, text)", table))
        .isInstanceOf(UnsupportedOperationException.class)
        .hasMessage("Table alteration is not supported");
    assertThat(session.spark().table(table).columns()).containsExactly("id", "text", "a");
  }

  @Test
  void wantsAllColumnsOfAGroup() {
    String table = session.table("grouped", 20, 2, "2.1");
    session.sql(
        "CALL lance.system.add_column('%s', columns => array('g', 'h'), expression =>"
            + " 'named_struct(\"g\", id, \"h\", id + 1)')",
        table);
    assertThatThrownBy(() -> session.sql("ALTER TABLE %s DROP COLUMN h", table))
        .isInstanceOf(BackfillException.class)
        .hasMessageStartingWith("[COLUMN_IN_USE] Columns g, h are filled together by ")
        .hasMessageEndingWith(
            "Name all of them, or CALL lance.system.drop_column('%s', 'g').".formatted(table));
    session.sql("ALTER TABLE %s DROP COLUMNS (h, g)", table);
    assertThat(session.spark().table(table).columns()).containsExactly("id", "text");
  }
}
