package io.lancebackfill.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.state.DeclaredInputs;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.spark.sql.functions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which expressions are a column of the table, and which columns can be taken as they are. */
class TestPlainColumn {
  private static final ArrowType INT = new ArrowType.Int(32, true);
  private static final Field NUMBER = Field.nullable("n", INT);

  private static boolean isPlain(String expression, Field stored, Field filled) {
    return isPlain(expression, stored, filled, new DeclaredInputs(List.of("n"), Map.of(7, "n")));
  }

  private static boolean isPlain(
      String expression, Field stored, Field filled, DeclaredInputs names) {
    TableSnapshot table =
        new TableSnapshot(
            DatasetRef.of("/t.lance"),
            1,
            "2.1",
            false,
            List.of(new TableColumn(7, stored.getName(), stored, List.of(7))),
            List.of(),
            Map.of());
    return PlainColumn.of(
            functions.expr(expression),
            table,
            names,
            List.of(new TableColumn(9, "filled", filled, List.of(9))))
        .isPresent();
  }

  private static Field of(ArrowType type, Map<String, String> metadata, Field... children) {
    return new Field("n", new FieldType(true, type, null, metadata), List.of(children));
  }

  @ParameterizedTest
  @ValueSource(strings = {"n", "`n`", "n AS filled", "cast(n as int)"})
  void aColumnIsOne(String expression) {
    assertThat(isPlain(expression, NUMBER, NUMBER)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"n + 0", "-n", "n.a", "cast(cast(n as tinyint) as int)", "1", "other", "abs(n)"})
  void whatComputesIsNone(String expression) {
    assertThat(isPlain(expression, NUMBER, NUMBER)).isFalse();
  }

  @Test
  void itIsFoundUnderTheNameThatItHasNow() {
    Field renamed = Field.nullable("now", INT);
    DeclaredInputs names = new DeclaredInputs(List.of("n"), Map.of(7, "n"));
    assertThat(isPlain("n", renamed, NUMBER, names)).isTrue();
    assertThat(isPlain("now", renamed, NUMBER, new DeclaredInputs(List.of(), Map.of()))).isTrue();
  }

  @Test
  void groupsAreNone() {
    TableColumn column = new TableColumn(9, "filled", NUMBER, List.of(9));
    TableSnapshot table =
        new TableSnapshot(
            DatasetRef.of("/t.lance"),
            1,
            "2.1",
            false,
            List.of(new TableColumn(7, "n", NUMBER, List.of(7))),
            List.of(),
            Map.of());
    DeclaredInputs names = new DeclaredInputs(List.of("n"), Map.of());
    assertThat(PlainColumn.of(functions.expr("n"), table, names, List.of(column, column)))
        .isEmpty();
  }

  @Test
  void itsTypeIsTheFilledColumns() {
    Field micros = Field.nullable("n", new ArrowType.Timestamp(TimeUnit.MICROSECOND, "UTC"));
    Field text = Field.nullable("n", ArrowType.Utf8.INSTANCE);
    Field item = Field.nullable("item", INT);
    Field list = of(ArrowType.List.INSTANCE, Map.of(), item);
    for (Field other :
        List.of(
            Field.nullable("n", new ArrowType.Timestamp(TimeUnit.NANOSECOND, "UTC")),
            Field.nullable("n", new ArrowType.Timestamp(TimeUnit.MICROSECOND, "Asia/Tokyo")),
            Field.nullable("n", new ArrowType.Timestamp(TimeUnit.MICROSECOND, null)))) {
      assertThat(isPlain("n", other, micros)).as("%s", other).isFalse();
    }
    assertThat(isPlain("n", micros, micros)).isTrue();
    assertThat(isPlain("n", Field.nullable("n", ArrowType.LargeUtf8.INSTANCE), text)).isFalse();
    assertThat(isPlain("n", Field.nullable("n", new ArrowType.Int(32, false)), NUMBER)).isFalse();
    assertThat(isPlain("n", of(new ArrowType.FixedSizeList(2), Map.of(), item), list)).isFalse();
    assertThat(isPlain("n", list, of(new ArrowType.FixedSizeList(2), Map.of(), item))).isFalse();
  }

  @Test
  void whatListsCallTheirElementsAndWhetherNullsAreAllowedIsOfNoImportance() {
    Field elements = of(ArrowType.List.INSTANCE, Map.of(), Field.nullable("element", INT));
    assertThat(isPlain("n", of(ArrowType.List.INSTANCE, Map.of(), NUMBER), elements)).isTrue();
    assertThat(isPlain("n", Field.notNullable("n", INT), NUMBER)).isTrue();
  }

  @Test
  void fieldsOfStructsHaveTheSameNames() {
    Field a = of(ArrowType.Struct.INSTANCE, Map.of(), Field.nullable("a", INT));
    Field b = of(ArrowType.Struct.INSTANCE, Map.of(), Field.nullable("b", INT));
    assertThat(isPlain("n", a, a)).isTrue();
    assertThat(isPlain("n", a, b)).isFalse();
  }

  @Test
  void whatSparkReadsInItsOwnWayIsNone() {
    Field text = Field.nullable("n", ArrowType.Utf8.INSTANCE);
    ArrowType.LargeBinary bytes = ArrowType.LargeBinary.INSTANCE;
    for (Map<String, String> metadata :
        List.of(
            Map.of("ARROW:extension:name", "arrow.json"),
            Map.of("__CHAR_VARCHAR_TYPE_STRING", "char(5)"))) {
      Field special = of(ArrowType.Utf8.INSTANCE, metadata);
      assertThat(isPlain("n", special, text)).as("%s", metadata).isFalse();
      assertThat(
              isPlain(
                  "n",
                  of(ArrowType.List.INSTANCE, Map.of(), special),
                  of(ArrowType.List.INSTANCE, Map.of(), text)))
          .as("%s in a list", metadata)
          .isFalse();
    }
    assertThat(
            isPlain(
                "n", of(bytes, Map.of("lance-encoding:blob", "true")), Field.nullable("n", bytes)))
        .isFalse();
    assertThat(isPlain("n", of(INT, Map.of("anything", "else")), NUMBER)).isTrue();
    DictionaryEncoding dictionary = new DictionaryEncoding(1, false, null);
    assertThat(
            isPlain("n", new Field("n", new FieldType(true, INT, dictionary), List.of()), NUMBER))
        .isFalse();
  }
}
