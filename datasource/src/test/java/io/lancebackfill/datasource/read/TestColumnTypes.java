package io.lancebackfill.datasource.read;

import static io.lancebackfill.datasource.LanceFixture.FLOAT;
import static io.lancebackfill.datasource.LanceFixture.INT32;
import static io.lancebackfill.datasource.LanceFixture.UTF8;
import static io.lancebackfill.datasource.LanceFixture.append;
import static io.lancebackfill.datasource.LanceFixture.create;
import static io.lancebackfill.datasource.LanceFixture.field;
import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.datasource.LocalSpark;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceAllocator;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableSnapshot;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.BaseFixedWidthVector;
import org.apache.arrow.vector.BitVectorHelper;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.MapVector;
import org.apache.arrow.vector.complex.impl.UnionMapWriter;
import org.apache.arrow.vector.types.DateUnit;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The types beyond those of {@link Samples}, as Spark reads them. */
@ExtendWith(LocalSpark.class)
class TestColumnTypes {
  @TempDir private Path folder;
  private final SparkSession spark;

  TestColumnTypes(SparkSession spark) {
    this.spark = spark;
  }

  static Stream<Arguments> fixedWidthTypes() {
    return Stream.of(
        Arguments.of(new ArrowType.Int(8, false), "smallint", "2"),
        Arguments.of(new ArrowType.Int(16, false), "int", "2"),
        Arguments.of(new ArrowType.Int(32, false), "bigint", "2"),
        Arguments.of(new ArrowType.Int(64, false), "bigint", "2"),
        Arguments.of(
            new ArrowType.Timestamp(TimeUnit.MICROSECOND, null),
            "timestamp_ntz",
            "1970-01-01T00:00:00.000002"),
        Arguments.of(
            new ArrowType.Duration(TimeUnit.MICROSECOND), "interval day to second", "PT0.000002S"),
        Arguments.of(new ArrowType.Date(DateUnit.MILLISECOND), "date", "1970-01-01"),
        Arguments.of(new ArrowType.Decimal(38, 10, 128), "decimal(38,10)", "2E-10"));
  }

  @ParameterizedTest
  @MethodSource("fixedWidthTypes")
  void fixedWidthValuesArrive(ArrowType type, String sparkType, String second) {
    DatasetRef ref = create(folder.resolve("t.lance"), "2.1", field("c", type));
    append(
        ref,
        3,
        (root, fragment, i) -> {
          BaseFixedWidthVector vector = (BaseFixedWidthVector) root.getVector("c");
          if (i == 1) {
            vector.getDataBuffer().setByte((long) i * vector.getTypeWidth(), 2);
            BitVectorHelper.setBit(vector.getValidityBuffer(), i);
          }
        });
    var rows = FragmentTable.of(LanceTables.latest(ref)).toDataFrame(spark);
    assertThat(rows.schema().apply("c").dataType().catalogString()).isEqualTo(sparkType);
    assertThat(rows.collectAsList())
        .extracting(row -> String.valueOf(row.get(0)))
        .containsExactly("null", second, "null");
    assertThat(rows.where("c IS NULL").count()).isEqualTo(2);
  }

  @Test
  void unsignedNumbersAreComparedBySparkAlone() {
    DatasetRef ref =
        create(folder.resolve("t.lance"), "2.1", field("c", new ArrowType.Int(64, false)));
    append(
        ref,
        1,
        (root, fragment, i) -> {
          BaseFixedWidthVector vector = (BaseFixedWidthVector) root.getVector("c");
          vector.getDataBuffer().setLong(0, 5L);
          BitVectorHelper.setBit(vector.getValidityBuffer(), 0);
        });
    var rows = FragmentTable.of(LanceTables.latest(ref)).toDataFrame(spark).where("c > -1");
    assertThat(TestFragmentTable.pushed(rows)).isEqualTo("pushed filters: []");
    assertThat(rows.count()).isEqualTo(1);
  }

  @Test
  void mapsArrive() {
    Field entries =
        new Field(
            "entries",
            FieldType.notNullable(ArrowType.Struct.INSTANCE),
            List.of(new Field("key", FieldType.notNullable(UTF8), null), field("value", INT32)));
    DatasetRef ref =
        create(folder.resolve("t.lance"), "2.2", field("c", new ArrowType.Map(false), entries));
    append(
        ref,
        2,
        (root, fragment, i) -> {
          if (i == 1) {
            return;
          }
          UnionMapWriter writer = ((MapVector) root.getVector("c")).getWriter();
          try (ArrowBuf key = LanceAllocator.root().buffer(1)) {
            key.setBytes(0, "k".getBytes(StandardCharsets.UTF_8));
            writer.setPosition(i);
            writer.startMap();
            writer.startEntry();
            writer.key().varChar().writeVarChar(0, 1, key);
            writer.value().integer().writeInt(7);
            writer.endEntry();
            writer.endMap();
          }
        });
    List<Row> rows = FragmentTable.of(LanceTables.latest(ref)).toDataFrame(spark).collectAsList();
    assertThat(rows.get(0).getJavaMap(0)).isEqualTo(Map.of("k", 7));
    assertThat(rows.get(1).isNullAt(0)).isTrue();
  }

  @Test
  void columnsOfUnknownTypesAreLeftOut() {
    Field half = field("item", new ArrowType.FloatingPoint(FloatingPointPrecision.HALF));
    DatasetRef ref =
        create(
            folder.resolve("t.lance"),
            "2.1",
            field("id", INT32),
            field("nanos", new ArrowType.Timestamp(TimeUnit.NANOSECOND, null)),
            field("vector", new ArrowType.FixedSizeList(2), half),
            field("other", FLOAT));
    TableSnapshot table = LanceTables.latest(ref);
    assertThat(table.columns()).hasSize(4);
    assertThat(table.sparkSchema().fieldNames()).containsExactly("id", "other");
    assertThat(FragmentTable.of(table).toDataFrame(spark).collectAsList()).isEmpty();
  }

  @Test
  void blobColumnsAreBinary() {
    DatasetRef ref =
        create(
            folder.resolve("t.lance"),
            "2.1",
            field("id", INT32),
            field("image", ArrowType.LargeBinary.INSTANCE, Map.of("lance-encoding:blob", "true")));
    append(ref, 2, (root, fragment, i) -> ((IntVector) root.getVector("id")).setSafe(i, i));
    TableSnapshot table = LanceTables.latest(ref);
    var rows = FragmentTable.of(table).toDataFrame(spark);
    assertThat(rows.select("id").count()).isEqualTo(2);
    assertThat(rows.schema().apply("image").dataType()).isEqualTo(DataTypes.BinaryType);
    assertThat(rows.select("image").collectAsList()).allMatch(row -> row.isNullAt(0)).hasSize(2);
  }

  @Test
  void nestedVectorsArrive() {
    Field vector = field("item", new ArrowType.FixedSizeList(2), field("item", FLOAT));
    DatasetRef ref =
        create(folder.resolve("t.lance"), "2.1", field("c", ArrowType.List.INSTANCE, vector));
    append(
        ref,
        2,
        (root, fragment, i) -> {
          FieldVector column = root.getVector("c");
          if (i == 1) {
            var list = (ListVector) column;
            int at = list.startNewValue(i);
            var item = (FixedSizeListVector) list.getDataVector();
            var values = (Float4Vector) item.getDataVector();
            item.setNotNull(at);
            values.setSafe(2 * at, 1.5f);
            values.setSafe(2 * at + 1, 2.5f);
            list.endValue(i, 1);
          }
        });
    List<Row> rows = FragmentTable.of(LanceTables.latest(ref)).toDataFrame(spark).collectAsList();
    assertThat(rows.get(0).isNullAt(0)).isTrue();
    assertThat(rows.get(1).getList(0).get(0)).hasToString("WrappedArray(1.5, 2.5)");
  }
}
