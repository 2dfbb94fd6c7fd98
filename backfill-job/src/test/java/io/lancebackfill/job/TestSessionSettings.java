package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.error.BackfillException;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Whose settings count: those of the declaration for the column's values, those of the caller for
 * {@code where}.
 */
class TestSessionSettings {
  private static final String ZONE = "spark.sql.session.timeZone";
  private static final String ANSI = "spark.sql.ansi.enabled";

  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  @AfterEach
  void reset() {
    session.spark().conf().unset(ZONE);
    session.spark().conf().unset(ANSI);
  }

  @Test
  void whereMeansWhatItMeansInTheCallersSelect() {
    session.sql(
        "CREATE TABLE lance.default.hours AS SELECT id, timestamp_seconds(1767225600 + (id - 20) * 3600) AS at"
            + " FROM range(40)");
    set(ZONE, "UTC");
    session.call("add_column('lance.default.hours', 'h', 'hour(at)')");
    // Not at >= '2026-01-01': lance-spark pushes that down in the time zone of the JVM.
    String where = "year(at) >= 2026";

    set(ZONE, "Asia/Tokyo");
    long selected = session.number("SELECT count(*) FROM lance.default.hours WHERE " + where);
    Row row =
        session.call(
            "backfill(table => 'lance.default.hours', column => 'h', where => \"%s\")", where);

    assertThat(row.<Long>getAs("rows_computed")).isEqualTo(selected);
    assertThat(
            session.number(
                "SELECT count(*) FROM lance.default.hours WHERE h IS NOT NULL AND %s", where))
        .isEqualTo(selected);
    // In UTC the same words select nine rows less.
    set(ZONE, "UTC");
    assertThat(session.number("SELECT count(*) FROM lance.default.hours WHERE " + where))
        .isEqualTo(selected - 9);
    // The values are those of the declaration's time zone.
    assertThat(
            session.number(
                "SELECT count(*) FROM lance.default.hours WHERE h IS NOT NULL AND h <> hour(at)"))
        .isZero();
  }

  @Test
  void whereKnowsTheCallersAnsiMode() {
    session.table("texts", 20, 2, "2.1");
    session.call("add_column('lance.default.texts', 'n', 'length(text)')");
    set(ANSI, "true");
    String where = "cast(text as int) IS NULL";

    assertThatThrownBy(
            () ->
                session.call(
                    "backfill(table => 'lance.default.texts', column => 'n', where => '%s')",
                    where))
        .isInstanceOf(BackfillException.class)
        .hasMessageContaining("[INVALID_WHERE]")
        .hasMessageContaining("CAST_INVALID_INPUT");

    set(ANSI, "false");
    Row row =
        session.call(
            "backfill(table => 'lance.default.texts', column => 'n', where => '%s')", where);
    assertThat(row.<Long>getAs("rows_computed")).isEqualTo(20);
  }

  @Test
  void theColumnKeepsTheSettingsOfItsDeclaration() {
    session.table("modes", 20, 2, "2.1");
    String table = "lance.default.modes";
    Map<String, String> casts =
        Map.of("cast(text as int)", "c", "id + int(element_at(split(text, ' '), 9))", "e");
    set(ANSI, "false");
    casts.forEach(
        (cast, name) -> session.call("add_column('%s', '%s', \"%s\")", table, name, cast));

    set(ANSI, "true");
    for (String name : casts.values()) {
      Row row = session.call("backfill('%s', '%s')", table, name);
      assertThat(row.<Long>getAs("rows_computed")).isEqualTo(20);
      assertThat(session.number("SELECT count(%s) FROM %s", name, table)).isZero();
    }

    session.call("add_column('%s', 'strict', 'cast(text as int)')", table);
    set(ANSI, "false");
    assertThatThrownBy(() -> session.call("backfill('%s', 'strict')", table))
        .isInstanceOf(BackfillException.class)
        .hasMessageContaining("[FUNCTION_FAILED]")
        .hasMessageContaining("CAST_INVALID_INPUT");
    assertThat(session.coverage(table, "strict")).isEqualTo(List.of(0L, 0L, 0L, 20L, 0L));
  }

  private static void set(String key, String value) {
    session.spark().conf().set(key, value);
  }
}
