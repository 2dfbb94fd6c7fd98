package io.lancebackfill.state;

import static io.lancebackfill.HandMade.column;
import static io.lancebackfill.HandMade.table;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.HandMade;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TestComputedColumn {
  private static final TableColumn A = HandMade.A;

  private static TableSnapshot with(TableColumn... columns) {
    List<TableColumn> all = new ArrayList<>(List.of(A));
    all.addAll(List.of(columns));
    return table(1, all);
  }

  private static Map<String, String> metadata(String... names) {
    return ComputedColumn.metadata(
        with(),
        List.of(names),
        "f(a)",
        ComputedColumn.KIND_FUNCTION,
        "f",
        List.of("a"),
        "F1",
        Map.of("spark.sql.ansi.enabled", "true"),
        Map.of("version", "3"));
  }

  /** A column as add_column declares it. */
  private static TableColumn declared(int id, String declaredAs, String name, String... group) {
    Map<String, String> metadata =
        new HashMap<>(metadata(group.length == 0 ? new String[] {declaredAs} : group));
    metadata.putAll(ComputedColumn.ownMetadata(declaredAs, id));
    return column(id, name, metadata);
  }

  @Test
  void readsWhatWasDeclared() {
    ComputedColumn column = ComputedColumn.of(with(declared(4, "v", "v")), "v");
    assertThat(column.name()).isEqualTo("v");
    assertThat(column.isGroup()).isFalse();
    assertThat(column.expression()).isEqualTo("f(a)");
    assertThat(column.kind()).isEqualTo("function");
    assertThat(column.function()).isEqualTo("f");
    assertThat(column.inputs()).containsExactly("a");
    assertThat(column.fingerprint()).isEqualTo("F1");
    assertThat(column.settings()).isEqualTo(Map.of("spark.sql.ansi.enabled", "true"));
    assertThat(column.functionVersion()).contains("3");
    assertThat(column.idKey()).isEqualTo("4");
    assertThat(column.checkpointKey()).isEqualTo("4_F1");
  }

  @ParameterizedTest
  @CsvSource({"v", "V", "`v`", "'`V`'"})
  void isFoundByItsNameInQuotesAndOtherCase(String name) {
    assertThat(ComputedColumn.of(with(declared(4, "v", "v")), name).idKey()).isEqualTo("4");
  }

  @Test
  void refusesWhatIsNotDeclared() {
    TableColumn ofOther = column(5, "theirs", Map.of("computed_column", "true"));
    TableSnapshot table = with(declared(4, "v", "v"), ofOther);
    assertRefused(table, "w", BackfillErrorCode.COLUMN_NOT_FOUND, "[a, v, theirs]");
    assertRefused(
        table, "a", BackfillErrorCode.NOT_A_COMPUTED_COLUMN, "it was not declared as computed");
    assertRefused(
        table, "theirs", BackfillErrorCode.NOT_A_COMPUTED_COLUMN, "another tool declared it");
    Map<String, String> newer = new HashMap<>(metadata("n"));
    newer.put("lance-backfill.format", "2");
    assertRefused(
        with(column(6, "n", newer)),
        "n",
        BackfillErrorCode.STATE_FORMAT_TOO_NEW,
        "format 2; this build reads formats up to 1");
    assertThat(ComputedColumn.all(table)).hasSize(1);
  }

  private static void assertRefused(
      TableSnapshot table, String name, BackfillErrorCode code, String message) {
    assertThatThrownBy(() -> ComputedColumn.of(table, name))
        .isInstanceOfSatisfying(BackfillException.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContaining(message);
  }

  @ParameterizedTest
  @CsvSource({"x", "y", "z"})
  void aGroupIsOneInTheOrderOfItsStruct(String member) {
    TableSnapshot table =
        with(
            declared(7, "z", "z", "x", "y", "z"),
            declared(5, "x", "x", "x", "y", "z"),
            declared(6, "y", "renamed", "x", "y", "z"));
    ComputedColumn group = ComputedColumn.of(table, member.equals("y") ? "renamed" : member);
    assertThat(group.names()).containsExactly("x", "renamed", "z");
    assertThat(group.name()).isEqualTo("x,renamed,z");
    assertThat(group.idKey()).isEqualTo("5-6-7");
    assertThat(group.isGroup()).isTrue();
    assertThat(ComputedColumn.all(table)).containsExactly(group);
  }

  @Test
  void aGroupThatLostAMemberIsRefused() {
    TableSnapshot table = with(declared(5, "x", "x", "x", "y"));
    assertRefused(table, "x", BackfillErrorCode.COLUMN_NOT_FOUND, "Column 'y' of the group [x, y]");
  }

  /** Renamed as a whole, and then declared again under the names that became free. */
  @Test
  void twoGroupsThatWereDeclaredAlikeStayApart() {
    TableSnapshot table =
        with(
            declared(5, "x", "old_x", "x", "y"),
            declared(6, "y", "old_y", "x", "y"),
            declared(7, "x", "x", "x", "y"),
            declared(8, "y", "y", "x", "y"));
    assertThat(ComputedColumn.of(table, "y").idKey()).isEqualTo("7-8");
    assertThat(ComputedColumn.of(table, "old_y").idKey()).isEqualTo("5-6");
    assertThat(ComputedColumn.all(table))
        .extracting(ComputedColumn::idKey)
        .containsExactly("5-6", "7-8");
  }

  /** Declared before each column kept its own name: told by the order of ids. */
  @Test
  void aGroupOfAnOlderBuildIsFoundByNameAndElseByItsIds() {
    Map<String, String> old = metadata("x", "y");
    TableSnapshot same = with(column(5, "x", old), column(6, "y", old));
    assertThat(ComputedColumn.of(same, "y").names()).containsExactly("x", "y");
    TableSnapshot renamed = with(column(6, "b", old), column(5, "x", old));
    assertThat(ComputedColumn.of(renamed, "b").names()).containsExactly("x", "b");
    assertRefused(
        with(column(6, "b", old)), "b", BackfillErrorCode.COLUMN_NOT_FOUND, "Column 'x' of");
  }

  @Test
  void anotherIdThanItsOwnIsThatOfACopiedTable() {
    assertThat(ComputedColumn.hasForeignId(declared(4, "v", "v"))).isFalse();
    Map<String, String> copied = declared(4, "v", "v").metadata();
    TableColumn copy = column(9, "v", copied);
    assertThat(ComputedColumn.hasForeignId(copy)).isTrue();
    // The ids of inputs are those of the other table too, and do not count.
    assertThat(ComputedColumn.of(with(copy), "v").declaredInputs().namesById()).isEmpty();
    assertThat(ComputedColumn.of(with(declared(4, "v", "v")), "v").declaredInputs().namesById())
        .isEqualTo(Map.of(0, "a"));
  }

  @Test
  void newIdsOfAColumnDoNotChangeItsKey() {
    Map<String, String> metadata = new HashMap<>(declared(4, "v", "v").metadata());
    ComputedColumn before = ComputedColumn.of(with(declared(4, "v", "v")), "v");
    metadata.put(TableColumn.PREVIOUS_IDS, "4");
    TableSnapshot later = with(column(11, "v", metadata));
    ComputedColumn after = before.presentIn(later);
    assertThat(after.fieldIds()).containsExactly(11);
    assertThat(after.idKey()).isEqualTo("4");
    assertThat(ComputedColumn.of(later, "v").idKey()).isEqualTo("4");
  }

  @Test
  void theFingerprintHoldsTheTypes() {
    Field number = Field.nullable("v", new ArrowType.Int(32, true));
    Field longer = Field.nullable("v", new ArrowType.Int(64, true));
    Field renamed = Field.nullable("w", new ArrowType.Int(32, true));
    String fingerprint = ComputedColumn.fingerprint("f", List.of(number));
    assertThat(fingerprint).hasSize(9).startsWith("f");
    assertThat(ComputedColumn.fingerprint("f", List.of(longer))).isNotEqualTo(fingerprint);
    assertThat(ComputedColumn.fingerprint("f", List.of(number, number))).isNotEqualTo(fingerprint);
    assertThat(ComputedColumn.fingerprint("f", List.of(renamed))).isEqualTo(fingerprint);
  }
}
