package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableSnapshot;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Names that are quoted, that no reader can hold, and that change. */
class TestNames {

  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  private static void rename(String table, String... fromTo) {
    StringBuilder script = new StringBuilder("d = lance.dataset(uri)\n");
    for (int i = 0; i < fromTo.length; i += 2) {
      script.append(
          "d.alter_columns({'path': '%s', 'name': '%s'})\n".formatted(fromTo[i], fromTo[i + 1]));
    }
    Pylance.run(session.folder(table), script.toString());
    session.sql("REFRESH TABLE lance.default." + table);
  }

  private static TableSnapshot snapshot(String table) {
    return LanceTables.latest(DatasetRef.of(session.folder(table).toString()));
  }

  private static void computesNothing(String table, String column) {
    Row row = session.call("backfill('lance.default.%s', '%s')", table, column);
    assertThat(row.<Long>getAs("rows_computed")).isZero();
  }

  private static long wrong(String table, String condition) {
    return session.number(
        "SELECT count(*) FROM lance.default.%s WHERE NOT coalesce(%s, false)", table, condition);
  }

  private static long computed(String table, String column) {
    return session.call("backfill('lance.default.%s', '%s')", table, column).getAs("rows_computed");
  }

  @Test
  void oneBacktickPairIsQuotingInEveryCall() {
    String table = session.table("quoted", 20, 2, "2.1");
    assertThat(session.call("add_column('%s', '`two words`', 'id + 1')", table).getString(0))
        .isEqualTo("two words");
    assertThat(
            session
                .sql(
                    "CALL lance.system.add_column('%s', columns => array('`a`', 'b'), expression => 'struct(id, id + 2)')",
                    table)
                .count())
        .isEqualTo(2);
    assertThat(computed("quoted", "`two words`")).isEqualTo(20);
    assertThat(computed("quoted", "`B`")).isEqualTo(20);
    assertThat(session.coverage(table, "`two words`")).startsWith(20L);
    assertThat(wrong("quoted", "`two words` = id + 1 AND a = id AND b = id + 2")).isZero();
    session.sql("UPDATE %s SET text = 'new' WHERE id = 3", table);
    Pylance.run(
        session.folder("quoted"),
        "d = lance.dataset(uri)\nassert d.to_table().num_rows == 20\nd.optimize.compact_files()\n");
    session.call("alter_column('%s', '`two words`', 'id + 2')", table);
    session.call("drop_column('%s', '`a`')", table);
    session.call("drop_column('%s', '`two words`')", table);
    assertThat(session.sql("SELECT * FROM %s", table).columns()).containsExactly("id", "text");
  }

  @Test
  void whatWasDeclaredUnderANameThatBreaksTheTableIsDropped() {
    for (String name : List.of("`n6`", "😀", "_fragid")) {
      String table = session.table("broken" + name.codePointAt(0), 10, 2, "2.1");
      String folder = "broken" + name.codePointAt(0);
      session.call("add_column('%s', 'n', 'id + 1')", table);
      session.call("add_column('%s', 'kept', 'id + 1')", table);
      assertThat(computed(folder, "n")).isEqualTo(10);
      assertThat(computed(folder, "kept")).isEqualTo(10);
      // As an earlier build declared it.
      Pylance.run(
          session.folder(folder),
          "lance.dataset(uri).alter_columns({'path': 'n', 'name': '%s'})".formatted(name));
      session.call("drop_column('%s', '%s')", table, name);
      session.sql("REFRESH TABLE %s", table);
      assertThat(session.sql("SELECT * FROM %s", table).columns())
          .containsExactly("id", "text", "kept");
      assertThat(wrong(folder, "kept = id + 1")).isZero();
      computesNothing(folder, "kept");
    }
  }

  @Test
  void charactersBeyondTheBasicPlaneAreValuesLikeOthers() {
    String table = session.table("emoji", 20, 2, "2.1");
    session.call("add_column('%s', 'n', 'if(text = \"😀\", 1, 0)')", table);
    session.sql("UPDATE %s SET text = '😀' WHERE id %% 5 = 0", table);
    Row row =
        session.call("backfill(table => '%s', column => 'n', where => 'text = \"😀\"')", table);
    assertThat(row.<Long>getAs("rows_computed")).isEqualTo(4);
    assertThat(wrong("emoji", "n <=> if(id % 5 = 0, 1, null)")).isZero();
    session.call("alter_column('%s', 'n', 'if(text = \"😀\", 2, 0)')", table);
    session.call("backfill('%s', 'n')", table);
    assertThat(wrong("emoji", "n = if(id % 5 = 0, 2, 0)")).isZero();
  }

  @Test
  void anInputThatCannotBeReadIsRefusedAtDeclaration() {
    String table = session.table("unread", 10, 1, "2.1");
    rename("unread", "text", "😀");
    assertThatThrownBy(() -> session.call("add_column('%s', 'n', 'length(`😀`)')", table))
        .hasMessageContaining("[INVALID_EXPRESSION] Column '😀' of the table cannot be read")
        .hasMessageContaining("alter_columns");
    session.call("add_column('%s', 'n', 'id + 1')", table);
    assertThat(computed("unread", "n")).isEqualTo(10);
  }

  @Test
  void aRenamedColumnAndItsRenamedInputsGoOn() {
    String table = session.table("renamed", 20, 2, "2.1");
    session.call("add_column('%s', 'n', 'length(text) + id')", table);
    session.call("add_column('%s', 'twice', 'n * 2')", table);
    session.call("backfill('%s', 'n')", table);
    session.call("backfill('%s', 'twice')", table);
    rename("renamed", "n", "len", "text", "caption", "id", "text");
    for (String column : List.of("len", "twice")) {
      computesNothing("renamed", column);
      assertThat(session.coverage(table, column)).containsExactly(20L, 0L, 0L, 0L, 0L);
    }
    assertThatThrownBy(() -> session.call("drop_column('%s', 'len')", table))
        .hasMessageContaining("[COLUMN_IN_USE]");
    session.sql("INSERT INTO %s SELECT id, 'xyz' FROM range(100, 110)", table);
    assertThat(computed("renamed", "len")).isEqualTo(10);
    assertThat(computed("renamed", "twice")).isEqualTo(10);
    assertThat(wrong("renamed", "len = length(caption) + text AND twice = 2 * len")).isZero();
    session.call("alter_column('%s', 'len', 'length(caption) + text + 1')", table);
    assertThat(computed("renamed", "len")).isEqualTo(30);
    assertThat(wrong("renamed", "len = length(caption) + text + 1")).isZero();
  }

  @Test
  void swappedInputsKeepTheirMeaning() {
    String table = session.table("swapped", 20, 2, "2.1");
    Pylance.run(
        session.folder("swapped"), "lance.dataset(uri).add_columns({'other': \"'o' || text\"})");
    session.call("add_column('%s', 'n', 'concat(text, id)')", table);
    session.call("backfill(table => '%s', column => 'n', max_fragments => 1)", table);
    rename("swapped", "text", "tmp", "other", "text", "tmp", "other");
    assertThat(computed("swapped", "n")).isEqualTo(10);
    assertThat(wrong("swapped", "n = concat(other, id)")).isZero();
  }

  @Test
  void fieldsOfAStructAndArgumentsOfArrowFunctionsMayBeRenamed() {
    session.sql(
        "CREATE TABLE lance.default.nested (s STRUCT<x: BIGINT, y: BIGINT>, t STRING) TBLPROPERTIES ('file_format_version'='2.1')");
    session.sql(
        "INSERT INTO lance.default.nested SELECT named_struct('x', id, 'y', -id), concat('t', id) FROM range(0, 20, 1, 2)");
    session.call(
        "register_function('letters', 'java', 'io.lancebackfill.udf.example.LetterFrequencies')");
    session.call("add_column('lance.default.nested', 'n', 's.x + 1')");
    session.call("add_column('lance.default.nested', 'f', 'letters(t)')");
    rename("nested", "s.x", "z", "s.y", "x", "s", "r", "t", "u");
    assertThat(computed("nested", "n")).isEqualTo(20);
    assertThat(computed("nested", "f")).isEqualTo(20);
    assertThat(wrong("nested", "n = r.z + 1 AND f IS NOT NULL")).isZero();
  }

  @Test
  void aGroupIsKnownUnderOtherNames() {
    String table = session.table("grouped", 20, 2, "2.1");
    String add =
        "CALL lance.system.add_column('%s', columns => array('a', 'b'), expression => 'struct(id, id + 2)')";
    session.sql(add, table);
    session.call("backfill(table => '%s', column => 'a', max_fragments => 1)", table);
    rename("grouped", "a", "tmp", "b", "a", "tmp", "b");
    assertThat(computed("grouped", "a")).isEqualTo(10);
    assertThat(wrong("grouped", "b = id AND a = id + 2")).isZero();
    rename("grouped", "a", "c", "b", "d");
    session.sql(add, table);
    assertThat(computed("grouped", "b")).isEqualTo(20);
    computesNothing("grouped", "c");
    assertThat(wrong("grouped", "d = id AND c = id + 2 AND a = id AND b = id + 2")).isZero();
    session.call("drop_column('%s', 'c')", table);
    assertThat(session.sql("SELECT * FROM %s", table).columns())
        .containsExactly("id", "text", "a", "b");
    rename("grouped", "a", "x");
    Pylance.run(session.folder("grouped"), "lance.dataset(uri).drop_columns(['b'])");
    assertThatThrownBy(() -> session.call("backfill('%s', 'x')", table))
        .hasMessageContaining(
            "[COLUMN_NOT_FOUND] Column 'b' of the group [a, b], to which 'x' belongs")
        .hasMessageContaining("stays readable");
  }

  @Test
  void whatWasDeclaredBeforeIdsWereKeptIsToldTheNewName() {
    String table = session.table("old", 20, 2, "2.1");
    session.call("add_column('%s', 'n', 'length(text)')", table);
    session.call("backfill('%s', 'n')", table);
    Map<String, String> without = new HashMap<>();
    for (String key : List.of("name", "field-id", "input-ids")) {
      without.put("lance-backfill." + key, "{}");
    }
    LanceTables.updateFieldMetadata(
        DatasetRef.of(session.folder("old").toString()),
        Map.of(snapshot("old").column("n").orElseThrow().id(), without));
    computesNothing("old", "n");
    rename("old", "text", "caption");
    assertThatThrownBy(() -> session.call("backfill('%s', 'n')", table))
        .hasMessageContaining(
            "[INVALID_EXPRESSION] Column 'n' is computed as length(text) from 'text', which is called 'caption' now")
        .hasMessageContaining("alter_column");
    rename("old", "caption", "text");
    computesNothing("old", "n");
  }
}
