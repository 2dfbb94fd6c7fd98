package io.lancebackfill.udf.scalar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.udf.ColumnUdfs;
import io.lancebackfill.udf.InvalidFunctionException;
import io.lancebackfill.udf.ScalarUdf;
import io.lancebackfill.udf.ScalarUdf1;
import io.lancebackfill.udf.ScalarUdf2;
import java.math.BigDecimal;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Java values as Arrow ones, and back. */
class TestScalarTypes {
  private static final Field LONG = Field.nullable("id", new ArrowType.Int(64, true));
  private static final Field INT = Field.nullable("size", new ArrowType.Int(32, true));
  private static final Field TEXT = Field.nullable("text", ArrowType.Utf8.INSTANCE);

  private BufferAllocator allocator;

  @BeforeEach
  void openAllocator() {
    allocator = new RootAllocator();
  }

  @AfterEach
  void everyBufferIsReleased() {
    assertThat(allocator.getAllocatedMemory()).isZero();
    allocator.close();
  }

  public record Point(int x, @Nullable String name) {}

  public record Everything(
      @Nullable Boolean bool,
      @Nullable Byte int8,
      @Nullable Short int16,
      @Nullable Integer int32,
      @Nullable Long int64,
      @Nullable Float single,
      @Nullable Double twice,
      @Nullable String text,
      @Nullable LocalDate date,
      @Nullable Instant instant,
      @Nullable LocalDateTime local,
      @Nullable List<@Nullable String> texts,
      @Nullable List<List<Long>> nested,
      @Nullable Point point,
      @Nullable List<Point> points) {}

  public static final class Same implements ScalarUdf1<@Nullable Everything, @Nullable Everything> {
    final List<@Nullable Everything> seen = new ArrayList<>();

    @Override
    public @Nullable Everything call(@Nullable Everything value) {
      seen.add(value);
      return value;
    }
  }

  private static final Everything ONE =
      new Everything(
          true,
          (byte) -8,
          (short) -16,
          -32,
          -64L,
          1.5F,
          -2.25,
          "a\uD83D\uDE00",
          LocalDate.of(1969, 12, 31),
          Instant.parse("1969-12-31T23:59:59.123456Z"),
          LocalDateTime.parse("2024-02-29T12:00:00.000001"),
          Arrays.asList("x", null, ""),
          List.of(List.of(1L, 2L), List.of()),
          new Point(7, null),
          List.of(new Point(1, "one"), new Point(2, null)));
  private static final Everything NOTHING =
      new Everything(
          null, null, null, null, null, null, null, null, null, null, null, null, null, null, null);

  @Test
  void valuesOfEveryTypeComeBackAsTheyWent() throws Exception {
    Field struct = JavaTypes.inferred("all", Everything.class).orElseThrow();
    ValueWriter writer = ValueWriter.of(Everything.class, struct);
    assertThat(writer).isNotNull();
    List<@Nullable Everything> values = Arrays.asList(ONE, null, NOTHING, ONE, null);
    Same same = new Same();
    ScalarColumnUdf function = new ScalarColumnUdf(same);
    assertThat(function.output(List.of(struct)).getChildren()).isEqualTo(struct.getChildren());
    try (FieldVector input = struct.createVector(allocator)) {
      for (int i = 0; i < values.size(); i++) {
        writer.writeNullable(input, i, values.get(i));
      }
      input.setValueCount(values.size());
      try (FieldVector output = function.apply(List.of(input), values.size(), allocator)) {
        assertThat(same.seen).isEqualTo(values);
        assertThat(output.getValueCount()).isEqualTo(values.size());
        for (int i = 0; i < values.size(); i++) {
          assertThat(output.getObject(i)).as("row " + i).isEqualTo(input.getObject(i));
        }
        assertThat(output.getChildrenFromFields())
            .allSatisfy(child -> assertThat(child.isNull(1)).isTrue());
      }
    }
  }

  /** Arrays and decimals, which records with equal components cannot hold. */
  public static final class Halves implements ScalarUdf2<float[], BigDecimal, double[]> {
    @Override
    public Optional<Field> output(List<Field> inputs) {
      return Optional.of(
          new Field(
              "v",
              FieldType.nullable(new ArrowType.FixedSizeList(2)),
              List.of(JavaTypes.inferred("item", Double.class).orElseThrow())));
    }

    @Override
    public double[] call(float[] vector, BigDecimal by) {
      double[] halves = new double[vector.length];
      for (int i = 0; i < halves.length; i++) {
        halves[i] = vector[i] / by.doubleValue();
      }
      return halves;
    }
  }

  @Test
  void arraysAreVectorsOfTheLengthThatOutputNames() throws Exception {
    ScalarColumnUdf function = new ScalarColumnUdf(new Halves());
    Field vectors = ScalarUdf.vector(2);
    Field decimals = Field.nullable("d", new ArrowType.Decimal(5, 2, 128));
    function.output(List.of(vectors, decimals));
    try (FieldVector left = vectors.createVector(allocator);
        FieldVector right = decimals.createVector(allocator)) {
      ValueWriter floats = ValueWriter.of(float[].class, vectors);
      ValueWriter numbers = ValueWriter.of(BigDecimal.class, decimals);
      for (int i = 0; i < 3; i++) {
        floats.write(left, i, new float[] {i, 2 * i});
        numbers.write(right, i, new BigDecimal(2));
      }
      left.setValueCount(3);
      right.setValueCount(3);
      try (FieldVector output = function.apply(List.of(left, right), 3, allocator)) {
        assertThat(output.getObject(2)).isEqualTo(List.of(1.0, 2.0));
      }
      assertThatThrownBy(() -> floats.write(left, 0, new float[3]))
          .hasMessage("returned a vector of 3 values");
      assertThatThrownBy(() -> numbers.write(right, 0, new BigDecimal("0.001")))
          .hasMessage("returned 0.001");
      assertThatThrownBy(() -> numbers.write(right, 0, new BigDecimal("1000")))
          .hasMessage("returned 1000");
    }
  }

  @Test
  void narrowerNumbersAreWidened() {
    assertThat(ValueReader.of(Long.class, INT)).isNotNull();
    assertThat(ValueReader.of(Double.class, INT)).isNotNull();
    assertThat(ValueReader.of(Integer.class, LONG)).isNull();
    assertThat(ValueReader.of(Double.class, LONG)).isNull();
    assertThat(ValueWriter.of(Integer.class, LONG)).isNotNull();
    assertThat(ValueWriter.of(Long.class, INT)).isNull();
  }

  public static final class Both implements ScalarUdf2<String, Integer, BigDecimal> {
    @Override
    public BigDecimal call(String text, Integer size) {
      return BigDecimal.ONE;
    }
  }

  @Test
  void allThatDoesNotFitIsToldAtOnce() {
    ScalarColumnUdf function = new ScalarColumnUdf(new Both());
    assertThatThrownBy(() -> function.output(List.of(LONG, LONG)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "argument 1 is String, and column 'id' is of type Int(64, true);"
                + " argument 2 is Integer, and column 'id' is of type Int(64, true)");
    assertThatThrownBy(() -> function.output(List.of(TEXT)))
        .hasMessageContaining("it takes 2 arguments, [String, Integer], not 1");
    assertThatThrownBy(() -> function.output(List.of(TEXT, INT)))
        .hasMessage(
            "its result is BigDecimal, which does not say an Arrow type: let output() name one");
  }

  abstract static class Base<T> implements ScalarUdf1<T, List<T>> {
    @Override
    public List<T> call(T value) {
      return List.of(value);
    }
  }

  public static final class Lists extends Base<String> {}

  public static class Raw<T> extends Base<T> {}

  public static final class Maps implements ScalarUdf2<Map<String, String>, Object, Integer> {
    @Override
    public Integer call(Map<String, String> map, Object other) {
      return 1;
    }
  }

  public static final class None implements ScalarUdf {}

  @Test
  void typesAreReadFromTheClass() {
    assertThat(ColumnUdfs.load(Lists.class.getName()).output(List.of(TEXT)).toString())
        .isEqualTo("value: List<element: Utf8>");
    assertThatThrownBy(() -> ColumnUdfs.load(Raw.class.getName()))
        .isInstanceOf(InvalidFunctionException.class)
        .hasMessageContaining(
            "its argument 1 has no concrete type; its result has no concrete type");
    assertThatThrownBy(() -> ColumnUdfs.load(Maps.class.getName()))
        .isInstanceOf(InvalidFunctionException.class)
        .hasMessageContaining(
            "its argument 1 is Map<String, String>, which stands for no Arrow type")
        .hasMessageContaining("its argument 2 is Object, which")
        .hasMessageContaining("Types that can are Boolean, Byte");
    assertThatThrownBy(() -> ColumnUdfs.load(None.class.getName()))
        .hasMessageContaining("implements none of ScalarUdf1 to ScalarUdf5");
  }
}
