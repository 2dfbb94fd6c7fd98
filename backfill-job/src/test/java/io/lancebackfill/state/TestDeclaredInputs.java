package io.lancebackfill.state;

import static io.lancebackfill.HandMade.column;
import static io.lancebackfill.HandMade.table;
import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TestDeclaredInputs {
  private static final Field NUMBER = Field.nullable("n", new ArrowType.Int(32, true));

  private static TableSnapshot of(String... names) {
    TableColumn[] columns = new TableColumn[names.length];
    for (int id = 0; id < names.length; id++) {
      columns[id] = column(id, names[id], Map.of());
    }
    return table(1, List.of(columns));
  }

  /** Columns by id as they are called now, and what the declared names a and b mean. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "a b c | a b | ''",
        "x b c | x b | ''",
        // They took each other's names, or another one took a name.
        "b a c | b a | ''",
        "x b a | x b | ''",
        // Case of letters alone is another name too.
        "A b c | A b | ''",
      })
  void namesGoWithTheirColumns(String names, String present, String missing) {
    DeclaredInputs inputs = new DeclaredInputs(List.of("a", "b"), Map.of(0, "a", 1, "b"));
    TableSnapshot table = of(names.split(" "));
    assertThat(inputs.presentNames(table)).isEqualTo(List.of(present.split(" ")));
    assertThat(String.join(" ", inputs.missing(table))).isEqualTo(missing);
  }

  @Test
  void whatHasGoneIsMissing() {
    DeclaredInputs inputs = new DeclaredInputs(List.of("a", "b"), Map.of(7, "a", 1, "b"));
    TableSnapshot table = of("x", "b");
    assertThat(inputs.missing(table)).containsExactly("a");
    assertThat(inputs.presentNames(table)).containsExactly("a", "b");
    // A column of that name is taken for it: a table that was written anew has other ids.
    assertThat(inputs.column(of("a", "b"), "a").orElseThrow().id()).isZero();
  }

  @Test
  void withoutIdsNamesCount() {
    DeclaredInputs inputs = DeclaredInputs.read(List.of("b"), "{}");
    assertThat(inputs.column(of("b", "a"), "b").orElseThrow().id()).isZero();
    assertThat(inputs.column(of("x"), "b")).isEmpty();
  }

  @Test
  void readsWhatItWrites() {
    TableSnapshot table = of("a", "b");
    assertThat(DeclaredInputs.read(List.of("b"), DeclaredInputs.ids(table, List.of("b", "gone"))))
        .isEqualTo(new DeclaredInputs(List.of("b"), Map.of(1, "b")));
  }

  @Test
  void aViewGivesTheNamesOfTheDeclaration() {
    DeclaredInputs inputs = new DeclaredInputs(List.of("a", "b"), Map.of(0, "a", 1, "b"));
    assertThat(inputs.renamedView(of("a", "b", "c"))).isEmpty();
    TableSnapshot view = inputs.renamedView(of("b", "a", "c")).orElseThrow();
    assertThat(view.columns()).extracting(TableColumn::name).containsExactly("a", "b");
    assertThat(view.columns()).extracting(TableColumn::id).containsExactly(0, 1);
    assertThat(view.columns()).extracting(c -> c.field().getName()).containsExactly("a", "b");
  }

  private static TableColumn struct(String name, String first, String second) {
    Field field =
        new Field(
            name,
            FieldType.nullable(ArrowType.Struct.INSTANCE),
            List.of(
                new Field(first, NUMBER.getFieldType(), List.of()),
                new Field(second, NUMBER.getFieldType(), List.of())));
    return new TableColumn(0, name, field, List.of(0, 1, 2));
  }

  @Test
  void fieldsInAStructGoWithTheirNamesToo() {
    String ids = DeclaredInputs.ids(table(1, List.of(struct("s", "x", "y"))), List.of("s"));
    DeclaredInputs inputs = DeclaredInputs.read(List.of("s"), ids);
    assertThat(inputs.namesById()).isEqualTo(Map.of(0, "s", 1, "x", 2, "y"));
    assertThat(inputs.renamedView(table(1, List.of(struct("s", "x", "y"))))).isEmpty();
    Field view =
        inputs
            .renamedView(table(1, List.of(struct("t", "y", "z"))))
            .orElseThrow()
            .columns()
            .get(0)
            .field();
    assertThat(view.getName()).isEqualTo("s");
    assertThat(view.getChildren()).extracting(Field::getName).containsExactly("x", "y");
  }

  @Test
  void aVectorIsOneFieldToLance() {
    Field field =
        new Field("e", FieldType.nullable(new ArrowType.FixedSizeList(4)), List.of(NUMBER));
    TableColumn vector = new TableColumn(0, "e", field, List.of(0));
    assertThat(DeclaredInputs.ids(table(1, List.of(vector)), List.of("e")))
        .isEqualTo("{\"0\":\"e\"}");
  }
}
