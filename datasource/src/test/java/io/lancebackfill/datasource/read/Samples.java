package io.lancebackfill.datasource.read;

import static io.lancebackfill.datasource.LanceFixture.FLOAT;
import static io.lancebackfill.datasource.LanceFixture.INT32;
import static io.lancebackfill.datasource.LanceFixture.INT64;
import static io.lancebackfill.datasource.LanceFixture.UTF8;
import static io.lancebackfill.datasource.LanceFixture.field;

import io.lancebackfill.datasource.LanceFixture;
import io.lancebackfill.datasource.table.DatasetRef;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.DateDayVector;
import org.apache.arrow.vector.DecimalVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.LargeVarCharVector;
import org.apache.arrow.vector.SmallIntVector;
import org.apache.arrow.vector.TimeStampMicroTZVector;
import org.apache.arrow.vector.TinyIntVector;
import org.apache.arrow.vector.VarBinaryVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.types.DateUnit;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;

/**
 * A table with a column of each type. Row {@code id} (1000 * fragment + offset) has values that
 * follow from its id; every fifth row is NULL in every column but {@code id}.
 */
final class Samples {
  static final Field[] FIELDS = {
    field("id", INT32),
    field("s", UTF8),
    field("l", INT64),
    field("ti", new ArrowType.Int(8, true)),
    field("si", new ArrowType.Int(16, true)),
    field("b", ArrowType.Bool.INSTANCE),
    field("d", new ArrowType.Date(DateUnit.DAY)),
    field("x", new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE)),
    field("ts", new ArrowType.Timestamp(TimeUnit.MICROSECOND, "UTC")),
    field("dec", new ArrowType.Decimal(10, 2, 128)),
    field("bin", ArrowType.Binary.INSTANCE),
    field("big", ArrowType.LargeUtf8.INSTANCE),
    field("v", new ArrowType.FixedSizeList(4), field("item", FLOAT)),
    field("st", ArrowType.Struct.INSTANCE, field("n", INT32), field("t", UTF8)),
    field("li", ArrowType.List.INSTANCE, field("item", INT32)),
    field("we ird", INT32),
  };

  private Samples() {}

  /** One fragment for each of {@code rows}, with so many rows. */
  static DatasetRef table(Path folder, String storageVersion, int... rows) {
    DatasetRef ref = LanceFixture.create(folder, storageVersion, FIELDS);
    for (int count : rows) {
      LanceFixture.append(ref, count, Samples::fill);
    }
    return ref;
  }

  static boolean isNull(int id) {
    return id % 5 == 0;
  }

  static String text(int id) {
    return id % 3 == 0 ? "it's \\" + id : "ä" + id;
  }

  private static void fill(VectorSchemaRoot root, int fragment, int i) {
    int id = 1000 * fragment + i;
    ((IntVector) root.getVector("id")).setSafe(i, id);
    if (isNull(id)) {
      root.getFieldVectors().stream()
          .filter(vector -> !vector.getName().equals("id"))
          .forEach(
              vector -> {
                vector.setNull(i);
              });
      return;
    }
    byte[] text = text(id).getBytes(StandardCharsets.UTF_8);
    ((VarCharVector) root.getVector("s")).setSafe(i, text);
    ((BigIntVector) root.getVector("l")).setSafe(i, number(id));
    ((TinyIntVector) root.getVector("ti")).setSafe(i, (byte) id);
    ((SmallIntVector) root.getVector("si")).setSafe(i, (short) (id * 31));
    ((BitVector) root.getVector("b")).setSafe(i, id % 2);
    ((DateDayVector) root.getVector("d")).setSafe(i, day(id));
    ((Float8Vector) root.getVector("x")).setSafe(i, id % 7 == 0 ? Double.NaN : id / 4.0);
    ((TimeStampMicroTZVector) root.getVector("ts")).setSafe(i, id * 1_000_001L);
    ((DecimalVector) root.getVector("dec")).setSafe(i, id);
    ((VarBinaryVector) root.getVector("bin")).setSafe(i, text);
    ((LargeVarCharVector) root.getVector("big")).setSafe(i, text);
    FixedSizeListVector v = (FixedSizeListVector) root.getVector("v");
    v.setNotNull(i);
    for (int j = 0; j < 4; j++) {
      ((Float4Vector) v.getDataVector()).setSafe(4 * i + j, id + j / 4f);
    }
    StructVector st = (StructVector) root.getVector("st");
    st.setIndexDefined(i);
    ((IntVector) st.getChild("n")).setSafe(i, id);
    ((VarCharVector) st.getChild("t")).setSafe(i, text);
    ListVector li = (ListVector) root.getVector("li");
    int from = li.startNewValue(i);
    for (int j = 0; j < id % 4; j++) {
      ((IntVector) li.getDataVector()).setSafe(from + j, id + j);
    }
    li.endValue(i, id % 4);
    ((IntVector) root.getVector("we ird")).setSafe(i, id);
  }

  /** With both ends of BIGINT among them. */
  static long number(int id) {
    return id == 1 ? Long.MIN_VALUE : id == 2 ? Long.MAX_VALUE : id - 500L;
  }

  /** From before the year 1 to after the year 9999. */
  static int day(int id) {
    return id == 1 ? -800_000 : id == 2 ? 3_000_000 : id - 500;
  }
}
